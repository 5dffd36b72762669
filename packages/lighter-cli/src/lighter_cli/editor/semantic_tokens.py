"""``textDocument/semanticTokens``: targets, arguments, references, expressions and operators, told apart by colour."""

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.entries import Entry
from lighter_cli.editor.reference_spans import references_in
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config import Signature, is_computed
from lighter_config.tree.keys import special_key

KINDS = ["namespace", "class", "function", "parameter", "variable", "operator", "macro", "keyword"]
LEGEND = types.SemanticTokensLegend(KINDS, [])


def semantic_tokens(workspace: Workspace, file: Path) -> types.SemanticTokens:
    """Return the tokens of a file, each as five numbers, counted from the token before it."""
    lines, units = workspace.lines(file), workspace.units
    data: list[int] = []
    line, start = 0, 0
    for span, kind in sorted(set(_without_overlaps(sorted(_tokens(workspace, file))))):
        text = lines[span.line]
        at, end = units.count(text, span.start), units.count(text, span.end)
        data += [span.line - line, at - start if span.line == line else at, end - at, KINDS.index(kind), 0]
        line, start = span.line, at
    return types.SemanticTokens(data)


def _without_overlaps(tokens: list[tuple[Span, str]]) -> Iterator[tuple[Span, str]]:
    last: Span | None = None
    for span, kind in tokens:
        if span.end > span.start and (last is None or span.line > last.line or span.start >= last.end):
            yield span, kind
            last = span


def _tokens(workspace: Workspace, file: Path) -> Iterator[tuple[Span, str]]:
    checked = workspace.experiment_for(file)
    lines = workspace.lines(file)
    known: dict[object, str | None] = {}
    for entry in workspace.entries(file):
        yield from _of_key(entry, known)
        if entry.path[-1] == "_target_" and entry.value is not None and isinstance(entry.node.value, str):
            known[entry.path[:-1]] = entry.node.value
            yield from _of_target(entry.value, entry.node.value, lines[entry.value.line], checked)
    for written in references_in(workspace, file, checked):
        yield written.span, "variable"


def _of_key(entry: Entry, known: dict[object, str | None]) -> Iterator[tuple[Span, str]]:
    key, name = entry.key, entry.path[-1]
    if key is None:
        return
    if isinstance(name, str) and name[:1] == "_" == name[-1:]:
        yield key, "keyword"
        return
    special = special_key(name)
    start = key.start
    if special is not None and special.operator:
        yield Span(key.line, start, start + 1), "operator"
        start += 1
    if entry.path[:-1] in known:
        yield Span(key.line, start, key.end), "parameter"
    value, text = entry.value, entry.node.value
    if value is not None and is_computed(text) and text[:1] == "$":
        quote = 1 if value.end - value.start > len(text) else 0
        yield Span(value.line, value.start + quote, value.start + quote + 1), "macro"


def _of_target(value: Span, target: str, line: str, checked: Checked) -> Iterator[tuple[Span, str]]:
    start = line.find(target, value.start, value.end)
    if start < 0:
        return
    answer = checked.reader.read(target)
    modules, _, _ = target.rpartition(".")
    if modules:
        yield Span(value.line, start, start + len(modules)), "namespace"
        start += len(modules) + 1
    is_function = isinstance(answer, Signature) and not answer.is_class
    yield Span(value.line, start, value.start + (value.end - value.start)), "function" if is_function else "class"
