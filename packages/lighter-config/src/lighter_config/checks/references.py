"""References that lead nowhere or form a cycle, and expressions that cannot be read."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lighter_config.building.resolving import DISABLED
from lighter_config.checks.components import how_built
from lighter_config.checks.context import CheckContext
from lighter_config.errors import CircularReferenceError, ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.sections import REQUIRES
from lighter_config.suggestions import NEARLY_THE_SAME, nearest_names
from lighter_config.tree.cycles import circular_reference, follow_references
from lighter_config.tree.missing import does_not_exist, expected_index, how_to_refer
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.paths import format_path, parse_path, with_separators
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import absolute_path, find_references, is_copy, is_reference
from lighter_config.tree.walking import follow

_OPERAND = re.compile(r"(@(?:::)*[^\W\d]\w*(?:::\w+)*)\s*(?:[-+*/%<>]|==|\[|\()")


def check_references(context: CheckContext) -> Iterator[Finding]:
    """Report references to nowhere, references that cannot be read, and cycles."""
    reported = set[str]()
    for finding in context.subject.notes:
        if finding.severity is Severity.ERROR and finding.check != "loading":
            reported.add(finding.path)
    for path, value in context._leaves:
        if not isinstance(value, str) or value[:1] not in ("@", "%", "$") or format_path(path) in reported:
            continue
        if REQUIRES in path[-2:]:
            continue  # statements, which `_requires_` imports
        if is_copy(value):
            continue  # what could not be copied is among the notes of the expanded config
        try:
            references = find_references(value)
            targets = [(reference, absolute_path(reference, path)) for reference in references if not reference.file]
        except ConfigError as error:
            yield from (_at(context, finding, path) for finding in error.findings)
            continue
        for reference, target in targets:
            if not context.has(target):
                if context.is_fragment or reference.default is not None:
                    continue  # another file may bring it, or the default is the value
                yield _nowhere(context, path, reference, target)
            elif (disabled := _disabled(context, target)) is not None:
                yield context.finding(
                    path,
                    f"{reference} refers to {format_path(disabled)}, which is disabled",
                    severity=severity_at(context, path),
                    fix="remove its _disabled_, or the reference",
                )
    yield from _defaults_near_a_name(context)
    yield from _cycles(context)


def _defaults_near_a_name(context: CheckContext) -> Iterator[Finding]:
    """Warn of a reference whose default is used although a similar name exists: it may be mistyped."""
    if context.is_fragment:
        return
    for path, reference, target in context._written_references:
        node, found, rest = follow(context.expanded._root, target)
        if reference.default is None or not rest or not node.is_mapping:
            continue
        near = nearest_names(str(rest[0]), [str(key) for key, _ in node.children()], likeness=NEARLY_THE_SAME)
        if near:
            names = [format_path((*found, name, *rest[1:])) for name in near]
            yield context.finding(
                path,
                f"{reference} does not exist, so its default is used: `{reference.default}`",
                severity=Severity.WARNING,
                nearest=names,
                fix=f"write {reference.kind}{names[0]}, if it is meant",
                config=context.config,
            )


def _at(context: CheckContext, finding: Finding, path: Segments) -> Finding:
    where = format_path(path)
    return replace(
        finding,
        path=where,
        place=context.subject.place(where),
        excerpt=context.subject.excerpt(where),
        severity=severity_at(context, path),
    )


def severity_at(context: CheckContext, path: Segments) -> Severity:
    """An error where a run needs the value, else a warning."""
    return Severity.ERROR if context.is_built(path) else Severity.WARNING


def leads_out(context: CheckContext, where: str) -> bool:
    """Return whether the ``%`` reference at a path leads to what is not in the config, nor in a file that it names."""
    path = parse_path(where) if where else ()
    value = context.value(path)
    if not is_copy(value):
        return False
    try:
        reference = find_references(value)[0]
        return not reference.file and not context.has(absolute_path(reference, path))
    except ConfigError:
        return False


def _nowhere(context: CheckContext, path: Segments, reference: Reference, target: Segments) -> Finding:
    text = str(context.value(path))
    depth = next(depth for depth in range(len(target) + 1) if not context.has(target[: depth + 1]))
    holder = context.value(target[:depth], {})
    names = [str(key) for key in holder] if isinstance(holder, dict) else []
    missing = str(target[depth])
    nearest = [format_path((*target[:depth], near, *target[depth + 1 :])) for near in nearest_names(missing, names)]
    fix = f"write @{nearest[0]}" if nearest else ""
    meant = with_separators(reference.path)
    attribute = _attribute_of(context, reference, target)
    if meant is not None and context.has(meant):
        nearest, fix = [format_path(meant)], f"write @{format_path(meant)}"
    elif attribute is not None and is_reference(text):
        nearest, fix = [f"$@{attribute}"], f'write "$@{attribute}": an attribute of a built object needs an expression'
    elif _is_arithmetic(context, text, path):
        nearest, fix = [f"${text}"], f'write "${text}": arithmetic needs an expression'
    if not fix and is_reference(text) and isinstance(holder, dict):
        fix = how_to_refer(text, target)
    was_pruned = context.stage is not None and not follow(context.expanded._root, target).rest
    return context.finding(
        path,
        does_not_exist(str(reference), target, depth, holder) + (f" in stage {context.stage}" if was_pruned else ""),
        severity=severity_at(context, path),
        expected=[expected_index(len(holder))] if isinstance(holder, list) else names if len(names) <= 30 else (),
        nearest=nearest,
        fix=fix,
    )


def _is_arithmetic(context: CheckContext, text: str, path: Segments) -> bool:
    """Return whether the text is a reference that exists and an operator after it: ``@vars::lr * 2``."""
    found = _OPERAND.match(text)
    return found is not None and context.has(absolute_path(find_references(found.group(1))[0], path))


def _attribute_of(context: CheckContext, reference: Reference, target: Segments) -> str | None:
    """``a::b.c`` as it is meant, when ``a::b`` exists."""
    last = str(target[-1])
    if reference.kind != "@" or "." not in last:
        return None
    name, _, attribute = last.partition(".")
    path = (*target[:-1], name)
    return f"{format_path(path)}.{attribute}" if context.has(path) else None


def _disabled(context: CheckContext, target: Segments) -> Segments | None:
    node, _, rest = follow(context.subject._root, target)
    return target if not rest and _is_disabled(node) else None


def _is_disabled(node: Node) -> bool:
    """Return whether a node is certainly not built together with what holds it."""
    flag = node.value.get(DISABLED) if node.is_mapping else None
    return flag is not None and how_built({DISABLED: flag.value}) == "never"


def _cycles(context: CheckContext) -> Iterator[Finding]:
    """Follow what building each value needs: its children, and what its references lead to."""
    root = context.subject._root
    done: set[Segments] = set()
    reported: set[frozenset[Segments] | Finding] = set()
    for key, child in root.children():
        way: list[Segments] = []
        position: dict[Segments, int] = {}
        work: list[tuple[Segments, Node, bool]] = [((key,), child, False)]
        while work:
            path, node, is_left = work.pop()
            if is_left:
                way.pop()
                del position[path]
                done.add(path)
                continue
            if path in done:
                continue
            if path in position:
                cycle = [at for at in way[position[path] :] if isinstance(context.value(at), str)]
                if frozenset(cycle) not in reported:
                    reported.add(frozenset(cycle))
                    yield _cycle(context, cycle)
                continue
            if node.is_leaf and not _may_refer(node.value):
                done.add(path)
                continue
            position[path] = len(way)
            way.append(path)
            work.append((path, node, True))
            try:
                needed = _needed(root, path, node)
            except CircularReferenceError as error:
                (finding,) = error.findings
                if finding not in reported:
                    reported.add(finding)
                    yield replace(finding, severity=severity_at(context, path))
                continue
            work += [(*one, False) for one in reversed(needed) if one[0] not in done]


def _needed(root: Node, path: Segments, node: Node) -> list[tuple[Segments, Node]]:
    """Return what has to be built before a node: path and node of each.

    Raises:
        CircularReferenceError: A reference of the node leads through others back to itself.
    """
    value = node.value
    if type(value) is not str:
        return [] if _is_disabled(node) else [((*path, key), child) for key, child in node.children()]
    if not _may_refer(value):
        return []
    needed: list[tuple[Segments, Node]] = []
    try:
        for reference in find_references(value):
            target = () if reference.file else absolute_path(reference, path)
            found = follow_references(root, target)
            if target and not found.rest:
                needed.append((found.path, found.node))
    except CircularReferenceError:
        raise
    except ConfigError:
        return []
    return needed


def _may_refer(value: Any) -> bool:
    return type(value) is str and value[:1] in ("@", "$")


def _cycle(context: CheckContext, paths: list[Segments]) -> Finding:
    steps = [(path, node) for path in paths if (node := context.subject._node_at(path)) is not None]
    severities = {severity_at(context, path) for path in paths}
    severity = Severity.ERROR if Severity.ERROR in severities else Severity.WARNING
    return replace(circular_reference(steps), severity=severity)
