"""Sections: known ones, old ones, missing ones, and keys that nothing uses."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from lighter_config.checks.context import CheckContext, references_in
from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.loading import load
from lighter_config.loading.unread_overrides import paths_elsewhere, written_at
from lighter_config.merging.item_names import wrong_item_names
from lighter_config.sections import ADAPTER_ROLES, ARGS, DATA, MODEL, SECTIONS, SYSTEM, SYSTEM_CLASS, TRAINER, VARS
from lighter_config.sources.words import OverrideSource
from lighter_config.stages import Stage
from lighter_config.suggestions import NEARLY_THE_SAME, nearest_names
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.paths import SEPARATOR, format_path
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import is_computed, is_copy
from lighter_config.tree.targets import targets_in
from lighter_config.tree.walking import walk

_OLD_SECTIONS = {old: name for name, section in SECTIONS.items() for old in section.old_names}


def check_keys(context: CheckContext) -> Iterator[Finding]:
    """Report sections that do not exist, and keys that nothing uses."""
    for key, _ in context.config._root.children():  # without the changes of copies, which the tree writes as paths
        if key in SECTIONS:
            continue
        if key in _OLD_SECTIONS:
            new = _OLD_SECTIONS[key]
            yield context.finding(
                (key,),
                f"the section {key} was renamed to {new}",
                at_key=True,
                nearest=(new,),
                fix=f"rename the key to {new}",
                config=context.config,
            )
        elif not _is_used(context, (key,)) and not (context.is_fragment and not _nearest_section(key)):
            yield _unused_key(context, key)
    if not context.is_fragment:
        yield from _unused_vars(context)
    yield from wrong_item_names(context.expanded._nodes)
    yield from _unknown_stages(context)
    yield from _unknown_modes(context)


def check_sections(context: CheckContext) -> Iterator[Finding]:
    """Report what an experiment cannot do without; a fragment of one may leave it out."""
    tree = context.whole_tree
    if TRAINER not in tree and not _has_mistyped(context, TRAINER):
        finding = Finding(
            message="an experiment needs a trainer section, which is missing",
            place=context.config.place(""),
            fix=f"add `trainer: {{_target_: {SECTIONS[TRAINER].target}}}`",
        )
        yield context.blamed(finding, (TRAINER,))
    if not (SYSTEM in tree or MODEL in tree or _has_mistyped(context, SYSTEM, MODEL)):
        finding = Finding(
            message="an experiment needs a system or a model section, which is missing",
            place=context.config.place(""),
            fix=f"add `system: {{_target_: {SYSTEM_CLASS}, ...}}`, or `model:` with a LightningModule",
        )
        yield context.blamed(context.blamed(finding, (SYSTEM,)), (MODEL,))
    for name, section in SECTIONS.items():
        if section.target and name in tree and not _makes_object(tree[name]):
            yield context.blamed(_needs_target(context, name, section.target), (name, "_target_"))
    for other in (MODEL, DATA):
        if SYSTEM in tree and other in tree:
            yield context.finding(
                (other,),
                f"use either `system` or `{other}`, not both; system is at {context.config.key_place('system')}",
                at_key=True,
                fix=f"keep one layout: remove {other} with ~{other}, or system with ~system",
                config=context.config,
            )


def _has_mistyped(context: CheckContext, *sections: str) -> bool:
    """Return whether ``check_keys`` already reports a key as one of these sections under another name."""
    free = [key for key, _ in context.config._root.children() if key not in SECTIONS]
    return any(
        _OLD_SECTIONS.get(key) in sections
        or (_nearest_section(key)[:1] in [(name,) for name in sections] and not _is_used(context, (key,)))
        for key in free
    )


def _nearest_section(key: Any) -> tuple[str, ...]:
    near = nearest_names(str(key), [*SECTIONS, *_OLD_SECTIONS], count=1, likeness=NEARLY_THE_SAME)
    return tuple(_OLD_SECTIONS.get(name, name) for name in near)


def _unused_key(context: CheckContext, key: Any) -> Finding:
    near = _nearest_section(key)
    first, dot, _ = str(key).partition(".")
    if dot and first in SECTIONS:
        path = str(key).replace(".", SEPARATOR)
        return context.finding(
            (key,),
            f"{format_path((key,))} is one key with dots in it, not a path into {first}",
            at_key=True,
            nearest=(path,),
            fix=f"write {path}: the parts of a path are separated by {SEPARATOR}",
            config=context.config,
        )
    if key == "defaults":
        return context.finding(
            (key,),
            "defaults is a key of Hydra, which nothing reads",
            at_key=True,
            severity=Severity.WARNING,
            fix="list the files in _base_, relative to this file, or give them as inputs",
            config=context.config,
        )
    return context.finding(
        (key,),
        f"{format_path((key,))} is not a section, and nothing refers to it",
        at_key=True,
        severity=Severity.ERROR if near and not context.is_fragment else Severity.WARNING,
        expected=[section for section in SECTIONS if not section.startswith("_")] if near else (),
        nearest=near,
        fix=f"rename it to {near[0]}, or refer to it as @{format_path((key,))}"
        if near
        else "remove it, or refer to it",
        config=context.config,
    )


def _unused_vars(context: CheckContext) -> Iterator[Finding]:
    holder = context.config._root.value.get(VARS)
    if holder is None or not holder.is_mapping:
        return
    variables = holder.value
    used = {name for name in variables if _is_used(context, (VARS, name))}
    read_before = set(_variables_read_before(context.config)) if len(used) < len(variables) else set()
    for name in variables:
        path = (VARS, name)
        if name not in used and name not in read_before:
            near = nearest_names(str(name), map(str, used))
            yield context.finding(
                path,
                f"{format_path(path)} is not used: nothing refers to it",
                at_key=True,
                severity=Severity.WARNING,
                nearest=tuple(format_path((VARS, other)) for other in near),
                fix=f"rename it, refer to it as @{format_path(path)}, or remove it",
                config=context.config,
            )


def _variables_read_before(config: Config) -> Iterator[Any]:
    """Yield the variables that references read before a later file or an argument replaced or deleted these."""
    for path, node in walk(config._root):
        before = node.previous
        while before is not None:
            if isinstance(before, Node):
                yield from _variables_in(targets_in(before, path))
            before = before.previous
    files = [source for source in config.sources if not isinstance(source, OverrideSource)]
    if len(files) == len(config.sources):
        return
    try:
        without_arguments = load(files, strict=False)
    except ConfigError:
        return  # the files need the arguments
    yield from _variables_in(references_in(without_arguments))


def _variables_in(targets: Iterable[tuple[Segments, Reference, Segments]]) -> Iterator[Any]:
    yield from (target[1] for _, _, target in targets if target[:1] == (VARS,) and len(target) > 1)


def _unknown_stages(context: CheckContext) -> Iterator[Finding]:
    args = context.reached(context.expanded, (ARGS,))
    if args is None or not args.node.is_mapping:
        return
    for key in args.node.value:
        if key not in list(Stage):
            yield context.finding(
                (*args.path, key),
                f"unknown stage {key!r} in `args`",
                at_key=True,
                expected=list(Stage),
                nearest=nearest_names(str(key), list(Stage)),
                fix="rename the key, or remove it",
                config=context.expanded,
            )


def _unknown_modes(context: CheckContext) -> Iterator[Finding]:
    """The mappings inside a system are not arguments of a target, so their keys are known here."""
    system = context.whole_tree.get(SYSTEM)
    if not isinstance(system, dict) or not _is_system(context, system.get("_target_")):
        return
    for part, modes in SECTIONS[SYSTEM].modes_of.items():
        inside = system.get(part)
        if not isinstance(inside, dict) or "_target_" in inside:
            continue
        for mode, value in inside.items():
            if mode not in modes:
                yield _unknown_part(context, (SYSTEM, part, mode), f"unknown mode {mode!r} in `{part}`", modes)
            elif part == "adapters" and isinstance(value, dict) and "_target_" not in value:
                roles = ADAPTER_ROLES[mode]
                for role in value:
                    if role not in roles:
                        yield _unknown_part(
                            context, (SYSTEM, part, mode, role), f"unknown role {role!r} in `adapters::{mode}`", roles
                        )


def _unknown_part(context: CheckContext, path: Segments, message: str, valid: tuple[str, ...]) -> Finding:
    return context.finding(
        path,
        message,
        at_key=True,
        expected=valid,
        nearest=nearest_names(str(path[-1]), valid),
        fix=f"rename the key, or remove it with ~{format_path(path)}",
        config=context.expanded,
    )


def _is_system(context: CheckContext, target: Any) -> bool:
    return isinstance(target, str) and (
        target == SYSTEM_CLASS or context.reader.is_subclass(target, SYSTEM_CLASS) is True
    )


def _is_used(context: CheckContext, path: Segments) -> bool:
    """Return whether anything outside ``path`` refers to it, into it or to what holds it; an alias counts."""
    return any(path[:length] in context.used for length in range(1, len(path) + 1)) or path in context.aliased


def _makes_object(value: Any) -> bool:
    """Return whether a section may become an object: it has a ``_target_``, or it is a reference or an expression."""
    return is_computed(value) or is_copy(value) or (isinstance(value, dict) and "_target_" in value)


def _needs_target(context: CheckContext, section: str, target: str) -> Finding:
    finding = context.finding(
        (section,),
        f"{section} needs _target_, which is missing",
        at_key=True,
        fix=f"add `_target_: {target}` to it",
        config=context.expanded,
    )
    given = context.whole_tree[section]
    if finding.place is None or finding.place.word is None or not isinstance(given, dict) or len(given) != 1:
        return finding
    # an argument alone made the section
    nearest = paths_elsewhere(context.config, context.reader, (section, *given))
    if not nearest:
        return finding
    fix = f"write {written_at(nearest[0], (section, *given), finding.excerpt)}"
    return replace(finding, nearest=tuple(nearest), fix=fix)
