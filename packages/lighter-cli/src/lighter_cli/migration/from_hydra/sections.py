"""Rewrite the root of a Hydra config, and its interpolations."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import PLACEHOLDER, Document
from lighter_cli.migration.from_hydra.choices import choices_of
from lighter_cli.migration.interpolations import Interpolations
from lighter_cli.migration.tree import is_given, put_in, quoted, section, take_out
from lighter_config import Severity

_HINTS = {
    "hydra:runtime.output_dir": "write the folder; records of runs are in lighter_runs",
    "hydra:run.dir": "write the folder; records of runs are in lighter_runs",
    "hydra:job.name": "write the name",
    "oc.decode": "write the type, as in `\"$int(os.environ['SEED'])\"`",
}
_COLLECTIONS = ("callbacks", "logger")
_STAGES = ("train", "test")


def rewrite_interpolations(documents: Sequence[Document]) -> None:
    """Write `${a.b}` as `%a::b`, which Hydra copies too, and `${oc.env:…}` and others as Python."""
    Interpolations(documents, hints=_HINTS).rewrite()


def rewrite_sections(documents: Sequence[Document]) -> None:
    """Rewrite what Hydra and the Lightning-Hydra template have at the root."""
    for document in documents:
        root = document.root
        if "hydra" in root:
            message = "`hydra` is removed: runs are recorded in lighter_runs, and the working directory stays"
            has_sweeps = isinstance(root["hydra"], CommentedMap) and {"sweeper", "launcher"} & set(root["hydra"])
            fix = "start the command once for each value" if has_sweeps else ""
            severity = Severity.WARNING if has_sweeps else Severity.NOTE
            document.say(message, root, "hydra", fix=fix, severity=severity)
            take_out(root, "hydra")
        for name in _STAGES:
            if isinstance(root.get(name), str) and root[name].lower() in ("true", "false"):
                message = f"`{name}: {root[name]}` is removed: the command says what runs"
                fix = f"write lighter {'fit' if name == 'train' else name}"
                document.say(message, root, name, fix=fix, severity=Severity.NOTE)
                take_out(root, name)
        _move_checkpoint(document)
        chosen = {choice.key for choice in choices_of(document) if choice.option is not None}
        for name in _COLLECTIONS:
            if _is_collection(root.get(name)) or (name,) in chosen:
                _collect(document, name)


def _is_collection(value: Any) -> bool:
    """Return whether a value is a mapping of components by name, as the template has them."""
    return isinstance(value, CommentedMap) and bool(value) and all(_is_part(child) for child in value.values())


def _is_part(value: Any) -> bool:
    return value is None or isinstance(value, CommentedMap) or value in ("null", "~")


def _collect(document: Document, name: str) -> None:
    """Give the trainer the values of a mapping, which the template's `train.py` did."""
    root = document.root
    code = quoted(f"$[one for one in @{name}.values() if one is not None]")
    trainer = root.get("trainer")
    if isinstance(trainer, CommentedMap) and ("_target_" in trainer or name not in trainer):
        if name in trainer:
            return
        put_in(trainer, name, code)
    elif f"trainer::{name}" not in root:
        put_in(root, f"trainer::{name}", code)


def _move_checkpoint(document: Document) -> None:
    root = document.root
    if "ckpt_path" not in root:
        return
    if root["ckpt_path"] == PLACEHOLDER:
        message = "`ckpt_path: ???` is removed: the command names the checkpoint"
        document.say(message, root, "ckpt_path", fix="add --ckpt-path FILE", severity=Severity.NOTE)
        take_out(root, "ckpt_path")
        return
    value, comments = take_out(root, "ckpt_path")
    if not is_given(value):
        return
    arguments = section(root, "args")
    put_in(arguments, "fit", CommentedMap())
    put_in(arguments["fit"], "ckpt_path", value, comments=comments)
