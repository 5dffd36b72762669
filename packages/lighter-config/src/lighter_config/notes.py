"""Notes of loading: values that are legal but may be mistakes."""

from collections.abc import Iterable

from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.merging.merger import Growth
from lighter_config.tree.cycles import follow_references
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.origins import Document, Origin
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import absolute_path, find_references, is_interpolation
from lighter_config.tree.scalars import MEANT, PLACEHOLDER
from lighter_config.tree.walking import walk


def notes_of(root: Node, origins: Iterable[Origin], growths: Iterable[Growth]) -> Iterable[Finding]:
    """Yield the notes about the values that are still in the tree."""
    suspects = {id(node): kind for origin in dict.fromkeys(origins) for node, kind in origin.suspects}
    grown = {id(growth.node): growth for growth in growths}
    legacy: dict[Origin, tuple[Segments, Node]] = {}
    for path, node in walk(root):
        value = node.value
        if type(value) is list and id(node) in grown:
            yield _growth(path, grown[id(node)])
        elif type(value) is str:
            if id(node) in suspects:
                yield _suspect(path, node)
            if value[:1] in ("@", "%", "$"):
                yield from _text(path, node, root)
                if "#" in value and node.origin not in legacy and _is_legacy(value):
                    legacy[node.origin] = (path, node)
    for origin in dict.fromkeys(origins):
        if origin.legacy is not None:
            mark, key = origin.legacy
            where = Node(None, origin, mark)
            legacy.pop(origin, None)
            yield _legacy(str(key), "", where)
    for path, node in legacy.values():
        yield _legacy(str(node.value), format_path(path), node)


def _growth(path: Segments, growth: Growth) -> Finding:
    before, added = growth.before, growth.added
    return Finding(
        message=f"{format_path(path)} grew by merging: {before.place} gives a part, {added.place} appends to it",
        severity=Severity.WARNING,
        path=format_path(path),
        place=added.place,
        excerpt=added.excerpt,
        fix=f"write `={format_path(path[-1:])}:` to replace the list" if path else "",
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
        name = text[2:].partition("}")[0]
        kind, _, rest = name.partition(":")
        python = (
            f"\"$os.environ['{rest.partition(',')[0]}']\""
            if kind in ("oc.env", "env")
            else f'"@{kind.replace(".", "::")}"'
        )
        message = f"{format_path(path)} is plain text: ${{...}} is not replaced"
        yield _finding(message, path, node, Severity.WARNING, f"write {python}")
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
