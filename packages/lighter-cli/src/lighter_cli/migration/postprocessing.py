"""Move the functions that a system applied to batch, input, target and pred into adapters."""

import ast
import copy
from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import is_component, is_given, put_in, quoted, take_out, value_at
from lighter_config import MODES, Severity, is_copy
from lighter_config.tree.references import is_expression

_SYSTEM, _OLD, _NEW = "system", "postprocessing", "adapters"
_ADAPTERS = "lighter.adapters"
_ROLES = {"input": "input", "target": "target", "id": "identifier"}
_STEPS = ("criterion", "metrics", "logging")
_TUPLES = ("torchvision.datasets.", "torch.utils.data.TensorDataset")
"""Datasets whose samples are tuples of input and target, which adapters take by default."""


def make_adapters(documents: Sequence[Document]) -> None:
    """Write `postprocessing` as adapters, with accessors for batches that are mappings.

    The functions of the criterion applied to the metrics too, and those of both to what is logged: each adapter gets
    the functions of those before it.
    """
    for document in documents:
        system = document.root.get(_SYSTEM)
        if not isinstance(system, CommentedMap):
            continue
        is_old = any(str(system.get("_target_", "")).endswith(name) for name in (".LighterSystem", "LighterSystem"))
        if not (_OLD in system or (is_old and "datasets" in system)) or _NEW in system:
            continue
        _make(document, system)


def _make(document: Document, system: CommentedMap) -> None:
    position = list(system).index(_OLD) if _OLD in system else len(system)
    given, comments = CommentedMap(), None
    if _OLD in system:
        value, comments = take_out(system, _OLD)
        given = value if isinstance(value, CommentedMap) else given
    adapters = CommentedMap()
    document.take_place(adapters, system, _OLD)
    done: dict[str, tuple[str, Any]] = {}
    for mode in _modes_of(system, given):
        roles = CommentedMap()
        batch = _batch_adapter(document, given, mode, _dataset_of(system, mode))
        for role, adapter in {"batch": batch, **_adapters_of(given, mode)}.items():
            if not adapter:
                continue
            earlier = next((where for where, other in done.values() if other == (role, adapter)), None)
            roles[role] = adapter if earlier is None else quoted(f"%{earlier}")
            if earlier is None:
                done[f"{mode}::{role}"] = (f"{_SYSTEM}::{_NEW}::{mode}::{role}", (role, adapter))
        if roles:
            adapters[mode] = roles
    if adapters:
        put_in(system, _NEW, adapters, comments=comments, position=position)


def _modes_of(system: CommentedMap, given: CommentedMap) -> list[str]:
    """Return the modes that have data; all modes if another file has the data."""
    named = [
        mode
        for mode in MODES
        if any(is_given(value_at(system, (group, mode))) for group in ("datasets", "dataloaders"))
    ]
    batch = given.get("batch")
    also = [mode for mode in MODES if isinstance(batch, CommentedMap) and mode in batch]
    return [mode for mode in MODES if mode in named or mode in also] or list(MODES)


def _dataset_of(system: CommentedMap, mode: str) -> Any:
    """Return the dataset of a mode, following copies of other modes."""
    for _ in MODES:
        dataset = value_at(system, ("datasets", mode))
        if not (isinstance(dataset, str) and dataset.startswith("%")):
            return dataset
        mode = dataset.rpartition("::")[2]
    return None


def _batch_adapter(document: Document, given: CommentedMap, mode: str, dataset: Any) -> CommentedMap | None:
    functions = given.get("batch")
    function = functions.get(mode) if isinstance(functions, CommentedMap) else None
    accessors: dict[str, Any] = {}
    for _ in MODES:  # through copies of other modes
        if isinstance(function, str) and is_copy(str(function)):
            function = functions.get(str(function).rpartition("::")[2])
    if isinstance(function, CommentedSeq) and len(function) == 1:
        function = function[0]
    if not is_given(function):
        if is_component(dataset) and str(dataset["_target_"]).startswith(_TUPLES):
            return None
        accessors = {"input": "input"} if mode == "predict" else {"input": "input", "target": "target"}
        if is_component(dataset):
            message = f"batches for {mode} are read as mappings with {' and '.join(accessors)}"
            fix = "correct the accessors if they are not; `identifier_accessor: id` names samples"
            document.say(message, dataset, "_target_", fix=fix, severity=Severity.NOTE)
    elif isinstance(function, str) and is_expression(str(function)) and (read := _parsed(function[1:])):
        accessors = _accessors_of(read)
        if not accessors:
            accessors = {
                role: quoted(f"$lambda batch: ({function[1:]})(batch){part}")
                for role, part in (("input", "['input']"), ("target", ".get('target')"))
                if not (mode == "predict" and role == "target")
            }
            message = f"the function for batches of {mode} is called once for each part"
            document.say(message, functions, mode, fix="write an accessor for each part", severity=Severity.NOTE)
    else:
        document.say(
            f"the function for batches of {mode} cannot be written as accessors",
            functions,
            mode,
            fix=f"give {_ADAPTERS}.BatchAdapter an `input_accessor` and a `target_accessor`",
        )
        return None
    adapter = CommentedMap(_target_=f"{_ADAPTERS}.BatchAdapter")
    if isinstance(functions, CommentedMap):
        document.take_place(adapter, functions, mode)
    for role, accessor in accessors.items():
        adapter[f"{role}_accessor"] = accessor
    return adapter


def _parsed(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:  # `lighter check` reports it
        return None


def _accessors_of(tree: ast.expr) -> dict[str, Any]:
    """Read `lambda x: {"input": x[0], "target": x[1]}` as accessors; empty for anything else."""
    if not (isinstance(tree, ast.Lambda) and isinstance(tree.body, ast.Dict) and len(tree.args.args) == 1):
        return {}
    name = tree.args.args[0].arg
    accessors: dict[str, Any] = {}
    for key, value in zip(tree.body.keys, tree.body.values, strict=True):
        if not (isinstance(key, ast.Constant) and key.value in _ROLES):
            return {}
        accessors[_ROLES[str(key.value)]] = _accessor(name, value)
    return accessors


def _accessor(name: str, value: ast.expr) -> Any:
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and value.value.id == name:
        part = value.slice
        if isinstance(part, ast.Constant) and isinstance(part.value, int | str):
            return str(part.value) if isinstance(part.value, int) else quoted(part.value)
    if isinstance(value, ast.Name):
        return quoted("$lambda batch: batch")
    return quoted(f"$lambda {name}: {ast.unparse(value)}")


def _adapters_of(given: CommentedMap, mode: str) -> dict[str, CommentedMap]:
    """Return the adapters of a mode that change input, target or pred."""
    adapters: dict[str, CommentedMap] = {}
    steps = ("criterion", "logging") if mode == "predict" else _STEPS
    so_far: dict[str, list[Any]] = {"input": [], "target": [], "pred": []}
    for step in steps:
        functions = given.get(step)
        if isinstance(functions, CommentedMap):
            for role, done in so_far.items():
                function = functions.get(role)
                if is_given(function):
                    done += function if isinstance(function, CommentedSeq) else [function]
        if step == "criterion" and mode in ("test", "predict"):
            continue
        # the criterion and metrics never took the input
        taken = 0 if step == "logging" else 1
        roles = ["pred"] if mode == "predict" else ["input", "target", "pred"][taken:]
        if not any(so_far[role] for role in roles):
            continue
        name = {"criterion": "CriterionAdapter", "metrics": "MetricsAdapter", "logging": "LoggingAdapter"}[step]
        adapter = CommentedMap(_target_=f"{_ADAPTERS}.{name}")
        if step != "logging":
            adapter["pred_argument"], adapter["target_argument"] = "0", "1"
        for role in roles:
            if so_far[role]:
                transforms = [copy.deepcopy(function) for function in so_far[role]]
                adapter[f"{role}_transforms"] = CommentedSeq(transforms) if len(transforms) > 1 else transforms[0]
        adapters[step] = adapter
    return adapters
