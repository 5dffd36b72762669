"""Notes of loading: values that are legal but may be mistakes."""

import re
from collections.abc import Iterable

from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.merging.merger import Doubt
from lighter_config.tree.cycles import follow_references
from lighter_config.tree.environment import from_environment, quoted
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.origins import Document, Origin
from lighter_config.tree.paths import SEPARATOR, format_path, parse_path
from lighter_config.tree.references import INTERPOLATION, absolute_path, find_references, is_interpolation
from lighter_config.tree.scalars import MEANT, PLACEHOLDER, is_suspect
from lighter_config.tree.walking import follow

_DECODED = re.compile(r"\$\{oc\.decode:\s*(\$\{(?:oc\.)?env:[^}]*\})\s*\}")
_REFERENCE_IN_TEXT = re.compile(r"[@%][^\W\d]\w*(?:::\w+)+")


def notes_of(
    root: Node, nodes: Iterable[tuple[Segments, Node]], origins: Iterable[Origin], doubts: Iterable[Doubt]
) -> Iterable[Finding]:
    """Yield the notes about the values that are still in the tree, whose nodes are given with their paths."""
    reported: set[tuple[Origin, int]] = set()
    doubtful = {id(doubt.node): doubt for doubt in doubts}
    legacy: dict[Origin, tuple[Segments, Node]] = {}
    for path, node in nodes:
        value = node.value
        if doubtful and id(node) in doubtful:
            yield _doubt(path, doubtful[id(node)])
        if type(value) is str:
            if is_suspect(value) and node.is_suspect:
                suspect = (node.origin, id(node.mark))
                if suspect not in reported:  # a copy of it is the same mistake
                    reported.add(suspect)
                    yield _suspect(path, node)
            if value[:1] in ("@", "%", "$"):
                yield from _text(path, node, root)
                if "#" in value and node.origin not in legacy and _is_legacy(value):
                    legacy[node.origin] = (path, node)
            elif "${" in value and INTERPOLATION.search(value):
                yield _interpolation(path, node)
            elif ("@" in value or "%" in value) and (found := _reference_in_text(root, path, node)) is not None:
                yield found
    for origin in dict.fromkeys(origins):
        if origin.legacy is not None:
            mark, key = origin.legacy
            where = Node(None, origin, mark)
            legacy.pop(origin, None)
            yield _legacy(str(key), "", where)
    for path, node in legacy.values():
        yield _legacy(str(node.value), format_path(path), node)


def _doubt(path: Segments, doubt: Doubt) -> Finding:
    name, key = format_path(path), format_path(path[-1:])
    if doubt.kind == "empty":
        sign = "{}" if doubt.node.is_mapping or not doubt.node.is_list else "[]"
        message = f"{name} keeps its value from {doubt.before.place}: merging the empty {sign} changes nothing"
        fix = f"write `={key}: {sign}` to empty it, or remove the line"
    elif doubt.kind == "overwritten":
        message = f"the argument for {name} has no effect: {doubt.node.place} sets the value after it"
        fix = "put the argument after the files"
    else:
        num_items = len(doubt.node.value)
        message = f"{name} replaces the components of {doubt.before.place}: it has {num_items} plain values"
        fix = f"write `+{key}:` to append, or `={key}:` if the components are not wanted"
    return Finding(
        message=message,
        severity=Severity.WARNING,
        path=name,
        place=doubt.given.place,
        excerpt=doubt.given.excerpt,
        fix=fix,
        check="loading",
    )


def _suspect(path: Segments, node: Node) -> Finding:
    text = str(node.value)
    if text == PLACEHOLDER:
        message = f"{format_path(path)} is the placeholder `...`"
        return _finding(message, path, node, Severity.ERROR, "put a value in its place, or quote it if it is text")
    message = f"{format_path(path)} is the text {text!r}"
    return _finding(message, path, node, Severity.WARNING, f"write {MEANT[text]} if that is meant, or quote the text")


def _text(path: Segments, node: Node, root: Node) -> Iterable[Finding]:
    text = node.value
    if is_interpolation(text):
        yield _interpolation(path, node)
        return
    if text[0] != "$":
        return
    try:
        quoted = parse_expression(text).quoted
    except ConfigError:
        return  # the check of references reports it
    for reference in quoted:
        if not _exists(reference, path, root):
            continue  # an e-mail address, a format such as %d
        message = f"{format_path(path)}: {reference} is in a plain string, where it is only text"
        yield _finding(message, path, node, Severity.NOTE, f'write f"{{{reference}}}" for its value')


def _interpolation(path: Segments, node: Node) -> Finding:
    message = f"{format_path(path)} is plain text: ${{...}} is not replaced"
    return _finding(message, path, node, Severity.WARNING, f"write {_in_this_language(node.value)}")


def _in_this_language(text: str) -> str:
    """Write text with the ``${...}`` of other tools as a reference or an expression."""
    if (decoded := _DECODED.fullmatch(text)) is not None:
        text = decoded.group(1)
    parts = [(match.group(1), *match.span()) for match in INTERPOLATION.finditer(text)]
    (name, start, end), *others = parts
    kind, _, rest = name.partition(":")
    if kind not in ("oc.env", "env"):
        if not others and (start, end) == (0, len(text)):
            return f'"@{kind.replace(".", SEPARATOR)}"'
        quote = "'" if '"' in text else '"'
        inside = INTERPOLATION.sub(lambda match: "{@" + match.group(1).replace(".", SEPARATOR) + "}", text)
        return f"'$f{quote}{inside}{quote}'"
    variable, comma, default = rest.partition(",")
    default = default.strip()
    is_whole = (start, end) == (0, len(text))
    value = from_environment(variable, (default if is_whole else quoted(default)) if comma else None)
    before = f"{text[:start]!r} + " if start else ""
    after = f" + {text[end:]!r}" if text[end:] else ""
    return f'"${before}{value}{after}"'


def _reference_in_text(root: Node, path: Segments, node: Node) -> Finding | None:
    """Report a reference inside text, where it is only text, if it leads somewhere."""
    text = node.value
    for match in _REFERENCE_IN_TEXT.finditer(text):
        if not follow(root, parse_path(match.group()[1:])).rest:
            quote = "'" if '"' in text else '"'
            inside = text.replace(match.group(), "{" + match.group() + "}")
            message = f"{format_path(path)}: {match.group()} is inside text, where it is only text"
            return _finding(message, path, node, Severity.WARNING, f"write '$f{quote}{inside}{quote}' for its value")
    return None


def _exists(text: str, at: Segments, root: Node) -> bool:
    """Return whether text that reads like a reference leads into the config; ``%d`` is a format."""
    if text[0] == "%" and len(text) == 2:
        return False
    try:
        (reference,) = find_references(text)
        reached = follow_references(root, absolute_path(reference, at))
    except ConfigError:
        return False
    return not reached.rest or len(reached.path) > 0


def _is_legacy(text: str) -> bool:
    try:
        return any(reference.legacy for reference in find_references(text))
    except ConfigError:
        return False


def _legacy(text: str, path: str, node: Node) -> Finding:
    name = node.origin.name if isinstance(node.origin, Document) else str(node.place)
    return Finding(
        message=f"{name} uses the old separator # in {text!r}",
        severity=Severity.WARNING,
        path=path,
        place=node.place,
        excerpt=node.excerpt,
        fix="write :: instead of #",
        check="loading",
    )


def _finding(message: str, path: Segments, node: Node, severity: Severity, fix: str) -> Finding:
    return Finding(
        message=message,
        severity=severity,
        path=format_path(path),
        place=node.place,
        excerpt=node.excerpt,
        fix=fix,
        check="loading",
    )
