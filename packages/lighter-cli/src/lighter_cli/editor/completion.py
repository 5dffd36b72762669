"""``textDocument/completion``: import paths, arguments, paths behind ``@`` and ``%``, values, names that are logged."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsprotocol import types

from lighter_cli.describing.docstrings import read_documentation
from lighter_cli.describing.takers import arguments_for, target_at
from lighter_cli.describing.values import values_of
from lighter_cli.editor.cursor import Cursor, cursor_at
from lighter_cli.editor.entries import Entry
from lighter_cli.editor.import_paths import import_paths
from lighter_cli.editor.spans import Span
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config import Config, ConfigError, Signature, Stage, format_path, is_computed, load, parse_path
from lighter_config.building.resolving import COMPONENT_MODES
from lighter_config.checks import CheckContext
from lighter_config.checks.monitors import logged_names
from lighter_config.checks.trainer_names import REGISTERED
from lighter_config.pruning import without_sweep
from lighter_config.sections import SECTIONS, SWEEP, TRAINER
from lighter_config.signatures import Parameter
from lighter_config.sources.bases import BASE
from lighter_config.sources.file_names import shown
from lighter_config.space.settings import KEYS
from lighter_config.tree.node import Segments
from lighter_config.tree.origins import Document

_KINDS = types.CompletionItemKind
_SPECIAL = {
    "_target_": "the class or function that makes the value",
    "_args_": "its positional arguments",
    "_mode_": "default, partial, callable or debug",
    "_disabled_": "whether the component is left out",
    "_name_": "a name for an item of a list",
}
_REFERENCE = re.compile(r"(?P<sign>[@%])(?P<brace>\{?)(?P<path>[^\s@%{}()\[\],+*/'\"]*)$")
_MAX_ITEMS = 200


def completion(workspace: Workspace, file: Path, line: int, column: int) -> types.CompletionList:
    """Return what can be typed at a position."""
    cursor = _cursor(workspace, file, line, column)
    if cursor is None:
        return types.CompletionList(is_incomplete=False, items=[])
    checked = workspace.experiment_for(file)
    offered = _Offers(workspace, file, line, cursor, checked)
    items = list(offered.keys() if cursor.part == "key" else offered.values())
    if cursor.part == "key" and cursor.is_item and cursor.key is not None:
        items += offered.values()
    return types.CompletionList(
        is_incomplete=len(items) > _MAX_ITEMS or offered.is_incomplete, items=items[:_MAX_ITEMS]
    )


def _cursor(workspace: Workspace, file: Path, line: int, column: int) -> Cursor | None:
    from lighter_config.sources.yaml_reader import read_mapping

    if workspace.is_too_large(file):
        return None
    lines = workspace.lines(file)
    try:
        readable = workspace.texts.file(file, shown(file)).read_from.split("\n")
    except ConfigError:
        readable = lines
    if len(readable) != len(lines):
        readable = lines
    readable[line : line + 1] = lines[line : line + 1]
    return cursor_at(readable, line, column, lambda text: read_mapping(text, Document(shown(file), text, file.parent)))


class _Offers:
    """What can be typed for one cursor.

    Attributes:
        is_incomplete: Whether more typing gives other items than those that fit already.
    """

    def __init__(self, workspace: Workspace, file: Path, line: int, cursor: Cursor, checked: Checked) -> None:
        self._workspace, self._file, self._line, self._cursor = workspace, file, line, cursor
        self._checked = checked
        self._lines = workspace.lines(file)
        self._holder = self._merged_path(cursor.holder)
        self.is_incomplete = False

    def _merged_path(self, path: Segments) -> Segments:
        """Return the path of a mapping in the merged config, which may have more items before it than its file has."""
        for entry in self._workspace.entries(self._file):
            if entry.path == path:
                return self._checked.path_of(shown(self._file), entry)
        return Entry(path, None, None, None).config_path  # type: ignore[arg-type]

    # -- keys

    def keys(self) -> Iterator[types.CompletionItem]:
        """Yield keys: the arguments of the target, then what the merged config has here, then special keys."""
        sign = self._cursor.typed[:1] if self._cursor.typed[:1] in ("=", "~") else ""
        beside = set(self._cursor.beside) if isinstance(self._cursor.beside, dict) else set()
        seen = set[str]()
        target = self._target()
        if not sign:
            for rank, argument in enumerate(self._arguments(target)):
                if argument.name not in beside and argument.name not in seen:
                    seen.add(argument.name)
                    yield self._argument(target, argument, rank)
        for name, value in self._existing().items():
            if name not in beside and name not in seen:
                seen.add(name)
                detail = _shortened(value)
                yield self._key(f"{sign}{name}", _KINDS.Field, f"2{name}", detail=f"now {detail}" if detail else None)
        if not sign:
            yield from self._fixed_keys(beside | seen, has_target=target is not None)

    def _fixed_keys(self, taken: set[str], *, has_target: bool) -> Iterator[types.CompletionItem]:
        if not self._holder:
            for name, section in SECTIONS.items():
                if name not in taken:
                    yield self._key(name, _KINDS.Module, f"1{name}", detail=section.target or None)
            if BASE not in taken:
                yield self._key(BASE, _KINDS.File, f"1{BASE}", detail="the files that this one builds on")
            return
        names = {SWEEP: KEYS, "args": tuple(Stage)}.get(self._holder[0] if len(self._holder) == 1 else "", ())
        if len(self._holder) == 2 and self._holder[0] in SECTIONS:
            names = SECTIONS[self._holder[0]].modes_of.get(self._holder[1], ())
        for name in names:
            if name not in taken:
                yield self._key(str(name), _KINDS.Field, f"1{name}")
        for name, about in _SPECIAL.items():
            if name not in taken and (name == "_target_" or has_target):
                rank = "0" if name == "_target_" and not has_target else "3"
                yield self._key(name, _KINDS.Keyword, f"{rank}{name}", detail=about)

    def _argument(self, target: str | None, argument: Parameter, rank: int) -> types.CompletionItem:
        is_first = "0" if argument.required else "1"
        detail = argument.annotation or ""
        detail += f" = {argument.default}" if argument.default is not None else ""
        detail += " (required)" if argument.required else ""
        item = self._key(argument.name, _KINDS.Property, f"{is_first}{rank:03}", detail=detail.strip() or None)
        text = self._documentation(target).get(argument.name)
        if text:
            item.documentation = text
        return item

    def _documentation(self, target: str | None) -> dict[str, str]:
        answer = self._checked.reader.read(target) if target is not None else None
        return read_documentation(answer).arguments if isinstance(answer, Signature) else {}

    def _key(
        self, name: str, kind: types.CompletionItemKind, rank: str, detail: str | None = None
    ) -> types.CompletionItem:
        written = name if self._cursor.has_colon or self._cursor.quote else f"{name}: "
        item = self._item(name, written, kind, rank, detail)
        if self._cursor.surplus:
            surplus = Span(self._line, 0, self._cursor.surplus)
            where = self._workspace.units.range_of(self._lines, surplus)
            item.additional_text_edits = [types.TextEdit(where, "")]
        return item

    # -- values

    def values(self) -> Iterator[types.CompletionItem]:
        """Yield values: of special keys, references, import paths, and what the argument takes."""
        cursor, key = self._cursor, self._cursor.key
        if match := self._reference():
            yield from self._paths(match)
        elif key == "_target_":
            yield from self._import_paths()
        elif key == "_mode_":
            yield from (self._value(name, _KINDS.EnumMember) for name in COMPONENT_MODES)
        elif key == "_disabled_":
            yield from (self._value(name, _KINDS.Value) for name in ("true", "false"))
        elif key == BASE or (isinstance(key, int) and cursor.holder[-1:] == (BASE,)):
            yield from self._files()
        else:
            yield from self._argument_values()

    def _argument_values(self) -> Iterator[types.CompletionItem]:
        key = str(self._cursor.key)
        target = self._target()
        if key == "monitor":
            yield from (self._value(name, _KINDS.Event) for name in self._logged())
        argument = next((one for one in self._arguments(target) if one.name == key), None)
        if argument is None or target is None:
            return
        registered = REGISTERED.get(key, ()) if self._holder == (TRAINER,) else ()
        found = dict.fromkeys([*registered, *self._listed(argument), *self._checked.reader.choices(target, key)])
        yield from (self._value(value, _KINDS.EnumMember) for value in found)

    def _listed(self, argument: Parameter) -> Iterator[str]:
        """Yield what the annotation lists: truth values, null, what is in a `Literal` or an enum, also by an alias."""
        yield from values_of(argument)
        yield from (value for value in self._checked.reader.accepted(argument).choices if isinstance(value, str))

    def _logged(self) -> list[str]:
        config = self._checked.config
        if config is None:
            return []
        expanded = config.expanded()
        context = CheckContext(config, expanded, without_sweep(expanded), None, self._checked.reader, False)
        logged = logged_names(context)
        return [] if logged is None else list(dict.fromkeys(logged.names))

    def _import_paths(self) -> Iterator[types.CompletionItem]:
        typed = self._cursor.typed
        found = import_paths(typed, self._checked.reader)
        self.is_incomplete = True
        for index, path in enumerate(found):
            item = self._item(path.label, path.text, path.kind, f"{index:04}", path.detail)
            item.filter_text = path.filter_text
            yield item

    def _files(self) -> Iterator[types.CompletionItem]:
        typed = self._cursor.typed.rpartition("/")[0]
        folder = self._file.parent / typed
        try:
            names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
        except OSError:
            return
        for name in names:
            if name.endswith((".yaml", ".yml", "/")) and not name.startswith(".") and folder / name != self._file:
                yield self._value(f"{typed}/{name}" if typed else name, _KINDS.File)

    # -- references

    def _reference(self) -> re.Match[str] | None:
        typed = self._cursor.typed
        if typed[:1] in ("@", "%") or typed[:1] == "$":
            return _REFERENCE.search(typed)
        return None

    def _paths(self, match: re.Match[str]) -> Iterator[types.CompletionItem]:
        typed = match["path"]
        config, before = self._config_of(match["sign"], typed)
        if config is None:
            yield from self._other_files(match)
            return
        typed = typed.removeprefix(before)
        here = (*self._holder, self._cursor.key) if self._cursor.key is not None else self._holder
        levels = len(typed) - len(typed.lstrip(":")) if typed.startswith("::") else 0
        base = here[: len(here) - levels // 2] if levels else ()
        holder = typed.lstrip(":").rpartition("::")[0] if levels else typed.rpartition("::")[0]
        try:
            inside = config.get(format_path((*base, *(parse_path(holder) if holder else ()))), None)
        except ConfigError:
            return
        start = ":" * levels + (f"{holder}::" if holder else "")
        children = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
        for rank, (name, value) in enumerate(children):
            if (*base, name) == here:
                continue
            path = f"{before}{start}{format_path((name,))}"
            kind = _KINDS.Struct if isinstance(value, dict | list) else _KINDS.Variable
            item = self._at_reference(match, path, kind, f"{rank:04}", _shortened(value))
            yield item
        if not before and not levels and match["sign"] == "%":
            yield from self._other_files(match)

    def _other_files(self, match: re.Match[str]) -> Iterator[types.CompletionItem]:
        if match["sign"] == "%" and "::" not in match["path"]:
            for file in sorted(self._file.parent.glob("*.y*ml")):
                if file != self._file:
                    yield self._at_reference(match, f"{file.name}::", _KINDS.File, f"9{file.name}", None)

    def _config_of(self, sign: str, typed: str) -> tuple[Config | None, str]:
        """Return the config that a reference leads into, and the part of the reference that names its file."""
        name, colons, _ = typed.partition("::")
        if sign == "%" and colons and name.endswith((".yaml", ".yml")):
            try:
                return load(str(self._file.parent / name), texts=self._workspace.texts, strict=False), f"{name}::"
            except ConfigError:
                return None, ""
        config = self._checked.config
        return (config.expanded() if config is not None else None), ""

    def _at_reference(
        self, match: re.Match[str], path: str, kind: types.CompletionItemKind, rank: str, detail: str | None
    ) -> types.CompletionItem:
        start = self._cursor.start + match.start("path")
        end = self._cursor.start + len(self._cursor.typed)
        if self._cursor.typed[:1] in ("@", "%"):
            end = self._cursor.end
        quote = "" if self._cursor.quote or self._cursor.typed[:1] == "$" else '"'
        if quote:  # a plain @ or % is no YAML
            start, text = self._cursor.start, f'"{self._cursor.typed[: match.start("path")]}{path}"'
        else:
            text = path
        item = self._item(path, text, kind, rank, detail, Span(self._line, start, end))
        item.filter_text = self._lines[self._line][start : self._cursor.start + match.start("path")] + path
        return item

    # -- what both need

    def _target(self) -> str | None:
        """Return the import path of the component that is being written: as it is typed, or as a base file gives it."""
        typed = self._cursor.beside.get("_target_") if isinstance(self._cursor.beside, dict) else None
        if typed is not None:
            return typed if isinstance(typed, str) and not is_computed(typed) else None
        return target_at(self._checked.config, self._holder) if self._checked.config is not None else None

    def _arguments(self, target: str | None) -> list[Parameter]:
        taken = arguments_for(target, self._holder, self._checked.reader)
        return sorted(taken, key=lambda argument: not argument.required)

    def _existing(self) -> dict[str, Any]:
        config = self._checked.config
        held = config.expanded().get(format_path(self._holder), None) if config is not None else None
        return {str(key): value for key, value in held.items()} if isinstance(held, dict) else {}

    def _value(self, value: str, kind: types.CompletionItemKind) -> types.CompletionItem:
        return self._item(value, value, kind, value, None)

    def _item(
        self,
        label: str,
        text: str,
        kind: types.CompletionItemKind,
        rank: str,
        detail: str | None,
        span: Span | None = None,
    ) -> types.CompletionItem:
        span = span or Span(self._line, self._cursor.start, self._cursor.end)
        return types.CompletionItem(
            label=label,
            kind=kind,
            detail=detail,
            sort_text=rank,
            text_edit=types.TextEdit(self._workspace.units.range_of(self._lines, span), text),
        )


def _shortened(value: Any) -> str | None:
    """Return a value in one line; ``None`` for one that has other values inside."""
    if isinstance(value, dict):
        return str(value["_target_"]) if "_target_" in value else None
    if isinstance(value, list):
        return None
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
