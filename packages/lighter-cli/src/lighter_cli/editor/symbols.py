"""``textDocument/documentSymbol``: the outline of a file, by component."""

from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.entries import Entry
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Workspace
from lighter_config.tree.node import Node, Segments


def symbols(workspace: Workspace, file: Path) -> list[types.DocumentSymbol]:
    """Return the keys at the root of a file with what is below them; items of a list are called by their target."""
    outline = _Outline(workspace, file)
    return outline.below(())


class _Outline:
    def __init__(self, workspace: Workspace, file: Path) -> None:
        self._lines = workspace.lines(file)
        self._units = workspace.units
        self._children: dict[Segments, list[Entry]] = {}
        for entry in workspace.entries(file):
            if entry.start[0] >= 0:
                self._children.setdefault(entry.path[:-1], []).append(entry)

    def below(self, path: Segments) -> list[types.DocumentSymbol]:
        """Return the symbols of a mapping or list."""
        return [self._symbol(entry) for entry in self._children.get(path, ()) if entry.path[-1] != "_target_"]

    def _symbol(self, entry: Entry) -> types.DocumentSymbol:
        children = self.below(entry.path)
        span = entry.key or entry.value
        assert span is not None
        own = self._units.range_of(self._lines, span)
        ends = [child.range.end for child in children]
        ends += [self._end_of(below.value or below.key) for below in self._children.get(entry.path, ())]
        ends += [self._end_of(entry.value)] if entry.value is not None else []
        end = max([own.end, *ends], key=lambda at: (at.line, at.character))
        return types.DocumentSymbol(
            name=str(entry.path[-1]) if entry.key is not None else _name_of_item(entry),
            detail=_detail(entry.node),
            kind=_kind(entry.node),
            range=types.Range(own.start, end),
            selection_range=own,
            children=children or None,
        )

    def _end_of(self, span: Span | None) -> types.Position:
        return self._units.range_of(self._lines, span).end if span is not None else types.Position(0, 0)


def _name_of_item(entry: Entry) -> str:
    target = _target(entry.node)
    return target.rpartition(".")[2] if target else f"[{entry.path[-1]}]"


def _target(node: Node) -> str:
    target = node.value.get("_target_") if node.is_mapping else None
    return target.value if target is not None and isinstance(target.value, str) else ""


def _detail(node: Node) -> str | None:
    if node.is_leaf:
        return "null" if node.value is None else str(node.value)[:80] or None
    return _target(node) or None


def _kind(node: Node) -> types.SymbolKind:
    if node.is_mapping:
        return types.SymbolKind.Class if _target(node) else types.SymbolKind.Namespace
    if node.is_list:
        return types.SymbolKind.Array
    kinds: Sequence[tuple[type, types.SymbolKind]] = (
        (bool, types.SymbolKind.Boolean),
        (int, types.SymbolKind.Number),
        (float, types.SymbolKind.Number),
    )
    return next((kind for known, kind in kinds if isinstance(node.value, known)), types.SymbolKind.String)
