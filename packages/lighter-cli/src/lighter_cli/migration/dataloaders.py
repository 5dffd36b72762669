"""Turn the datasets, samplers and batch size of a system into data loaders."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import Document, indentation
from lighter_cli.migration.moves import follow
from lighter_cli.migration.tree import (
    Segments,
    indent_comments,
    is_component,
    is_given,
    put_in,
    quoted,
    section,
    take_out,
    value_at,
)
from lighter_config import MODES, ConfigError, Severity, find_references, format_path, is_copy
from lighter_config.tree.references import absolute_path

_SYSTEM = "system"
_SHARED = {
    "batch_size": "batch_size",
    "num_workers": "num_workers",
    "pin_memory": "pin_memory",
    "drop_last_batch": "drop_last",
}
_GROUPS = {"datasets": "dataset", "samplers": "sampler", "collate_fns": "collate_fn"}
_LOADER = "torch.utils.data.DataLoader"


def make_dataloaders(documents: Sequence[Document]) -> None:
    """Write a loader for each dataset; values that the loaders share, such as the batch size, move to `vars`."""
    shared = {name: place for name in _SHARED if (place := _new_place(documents, name)) is not None}
    moves = {(_SYSTEM, name): place for name, place in shared.items()} | {
        (_SYSTEM, group, mode): (_SYSTEM, "dataloaders", mode, argument)
        for group, argument in _GROUPS.items()
        for mode in MODES
    }
    has_inferer = any(value_at(document.root, (_SYSTEM, "inferer")) is not None for document in documents)
    made: set[str] = set()
    noted = False
    for document in documents:
        follow(document, moves)
        _share(document, shared)
        system = document.root.get(_SYSTEM)
        if isinstance(system, CommentedMap):
            _make(document, system, shared, made, has_inferer=has_inferer)
            if made and "dataloaders" in system and not noted:
                noted = True
                message = "loaders no longer replace samples that are None"
                fix = "if your dataset gives None, set `collate_fn` to lighter.collate.collate_replacing_corrupt"
                document.say(message, system, "datasets", fix=fix, severity=Severity.NOTE)


def _new_place(documents: Sequence[Document], name: str) -> Segments | None:
    """Return the new path of a shared value: what it copies, or a variable; ``None`` if it is not given."""
    for document in documents:
        value = value_at(document.root, (_SYSTEM, name))
        if value is None:
            continue
        if is_copy(str(value)):
            try:
                (reference,) = find_references(str(value))
                return absolute_path(reference, (_SYSTEM, name))
            except ConfigError:
                continue
        taken = any(value_at(other.root, ("vars", name)) is not None for other in documents)
        return ("vars", f"loader_{name}" if taken else name)
    return None


def _share(document: Document, shared: dict[str, Segments]) -> None:
    """Move the values that all loaders share out of the system."""
    system = document.root.get(_SYSTEM)
    for name, place in shared.items():
        if not isinstance(system, CommentedMap) or name not in system:
            continue
        value, comments = take_out(system, name)
        if not is_copy(str(value)):
            put_in(section(document.root, "vars"), place[-1], value, comments=comments)


def _make(
    document: Document, system: CommentedMap, shared: dict[str, Segments], made: set[str], *, has_inferer: bool
) -> None:
    groups = [group for group in _GROUPS if isinstance(system.get(group), CommentedMap)]
    if not groups:
        return
    loaders = system.get("dataloaders")
    if not isinstance(loaders, CommentedMap):
        position = list(system).index(groups[0])
        loaders = CommentedMap()
        document.take_place(loaders, system, groups[0])
        put_in(system, "dataloaders", loaders, position=position)
    given = {group: take_out(system, group)[0] for group in groups}
    for mode in MODES:
        parts = {
            argument: given[group]
            for group, argument in _GROUPS.items()
            if group in given and is_given(given[group].get(mode))
        }
        if not parts:
            continue
        loader = CommentedMap()
        document.take_place(loader, next(iter(parts.values())), mode)
        dataset = parts["dataset"][mode] if "dataset" in parts else None
        if mode not in made and (is_component(dataset) or isinstance(dataset, str)):
            made.add(mode)
            _fill(loader, mode, shared, has_sampler="sampler" in parts, has_inferer=has_inferer)
        for argument in ("sampler", "collate_fn", "dataset"):
            if argument in parts:
                indent_comments(parts[argument][mode], indentation(document.text)[0])
                put_in(loader, argument, parts[argument][mode], comments=parts[argument].ca.items.get(mode))
        put_in(loaders, mode, loader)


def _fill(
    loader: CommentedMap, mode: str, shared: dict[str, Segments], *, has_sampler: bool, has_inferer: bool
) -> None:
    """Give a loader the values that the system gave all loaders."""
    loader["_target_"] = _LOADER
    if has_inferer and mode != "train":
        loader["batch_size"] = "1"  # the inferer makes the batches
    elif "batch_size" in shared:
        loader["batch_size"] = _copy_of(shared["batch_size"])
    for name in ("num_workers", "pin_memory"):
        if name in shared:
            loader[name] = _copy_of(shared[name])
    if mode == "train":
        if not has_sampler:
            loader["shuffle"] = "true"
        if "drop_last_batch" in shared:
            loader["drop_last"] = _copy_of(shared["drop_last_batch"])


def _copy_of(path: Segments) -> Any:
    return quoted(f"%{format_path(path)}")
