"""The edits that mend a finding, worked out from what it says is to be done."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types

from lighter_cli.describing.takers import taker_of
from lighter_cli.describing.usual_values import PLACEHOLDER, usual_value
from lighter_cli.editor.entries import Entry
from lighter_cli.editor.spans import Span, is_in_flow, token_at
from lighter_cli.editor.workspace import Workspace
from lighter_cli.terminal.output import yaml_lines
from lighter_config import Finding, PathError, format_path, parse_path
from lighter_config.signatures import UNWRITTEN
from lighter_config.signatures.answers.accepted import literal_default
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import SEPARATOR

_RENAME = re.compile(r"^(?:rename (?:it|the key) to|write) (?P<name>(?=\S*\w)[\w:.\-/]+)(?:$|[,;: ]| instead)")
_WRITE_PAIR = re.compile(r"^write (?P<key>\w[\w:]*): (?P<value>[^,;]+)$")
_ADD = re.compile(r"^add (?:for example )?`(?P<text>.+?)`(?: to (?P<where>\S+))?")
_ADD_KEYS = re.compile(r"`(?P<name>\w+):`")
_QUOTE = re.compile(r"\bquote (?:it|the (?:whole )?(?:value|text))|in quotes|needs quotes|quoted?: ")
_REMOVE = re.compile(r"(?:^|or )remove (?:it|the key|one of the two)\b|^leave it out")
_REPLACE = re.compile(r"`?=(?P<key>[\w:]+)(?::|`)")
_BEFORE_VALUE = re.compile(r":\s+|^\s*(?:-\s+)+")
_WRITE_QUOTED = re.compile(r"^write (?P<text>'.+'|\".+\")$")
_WHOLE_REFERENCE = re.compile(r"[@%]\{?(?P<path>[^\s{}'\"?]*)")
_IN_EXPRESSION = re.compile(r"[@%]\{?(?P<path>\w*(?:::-?\w+)*)")
_MISSING_FILE = re.compile(r"the file '%?(?P<file>.+?)' does not exist")
_OLD_SEPARATOR = re.compile(r"(?<=\w)#(?=[\w-])")
_NEVER_CLOSED = re.compile(r"'(?P<bracket>[(\[{])' was never closed")
_CLOSE_WITH = re.compile(r"^close it with (?P<bracket>[\]})\"'])")
_OPENED_AT = re.compile(r":(?P<line>\d+):(?P<column>\d+)$")
_NO_COLON = re.compile(r"(?P<before>\s*(?:- +)*[\w:]+)\s+(?P<after>\S.*)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One way to mend a finding: a text that comes in the place of a stretch.

    Attributes:
        title: What it does.
        start: The line and column where the stretch begins, from 0.
        end: Where it ends.
        text: The text.
        is_preferred: Whether it is the likeliest way.
    """

    title: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str
    is_preferred: bool = False


class Fixes:
    """The edits that mend one finding."""

    def __init__(self, workspace: Workspace, file: Path, diagnostic: types.Diagnostic, finding: Finding) -> None:
        self._lines = workspace.lines(file)
        self._finding = finding
        checked = workspace.experiment_for(file)
        self._config, self._reader = checked.config, checked.reader
        line = diagnostic.range.start.line
        text = self._lines[line] if line < len(self._lines) else ""
        start = workspace.units.column(text, diagnostic.range.start.character)
        end = workspace.units.column(text, diagnostic.range.end.character)
        self._span = Span(line, start, end)
        self._text = text[start:end]
        self._entries = workspace.entries(file)
        by_key = (one for one in self._entries if one.key == self._span)
        by_value = (one for one in self._entries if one.value == self._span)
        self._entry = next(by_key, None) or next(by_value, None)

    def edits(self) -> Iterator[Edit]:
        """Yield the edits, the likeliest first."""
        yield from self._characters()
        if self._finding.path and self._entry is None:
            self._entry = self._entry_of_path()
        yield from self._renamed()
        yield from self._default()
        yield from self._quoted()
        yield from self._added()
        yield from self._replacing()
        yield from self._removed()

    def _entry_of_path(self) -> Entry | None:
        path = _path_of(self._finding.path)
        return next((entry for entry in self._entries if path and entry.config_path == path), None)

    @property
    def _is_key(self) -> bool:
        return self._entry is not None and self._entry.key == self._span

    def _characters(self) -> Iterator[Edit]:
        """Mend what is no YAML, or no Python: a tab, a colon that is missing, a bracket that is not closed."""
        number, message = self._span.line, self._finding.message
        text = self._lines[number] if number < len(self._lines) else ""
        if "tab" in message and "\t" in text:
            blank = text[: len(text) - len(text.lstrip())]
            indent = Span(number, 0, len(blank))
            yield self._edit("indent with spaces", indent, self._indent_of_neighbour(number), is_preferred=True)
        if "has no ': ' after its key" in message and (match := _NO_COLON.fullmatch(text)):
            between = Span(number, match.end("before"), match.start("after"))
            yield self._edit("put a colon after the key", between, ": ", is_preferred=True)
        if match := _NEVER_CLOSED.search(message):
            end = self._span.end - (self._text[-1:] in ("'", '"'))
            closing = _CLOSING[match["bracket"]]
            yield self._edit(f"close it with `{closing}`", Span(number, end, end), closing, is_preferred=True)
        if match := _CLOSE_WITH.match(self._finding.fix):
            opened = _OPENED_AT.search(message)
            number = int(opened["line"]) - 1 if opened is not None else number
            text = self._lines[number]
            end = _value_end(
                text, min(int(opened["column"]) - 1 if opened is not None else self._span.start, len(text))
            )
            yield self._edit(
                f"close it with `{match['bracket']}`", Span(number, end, end), match["bracket"], is_preferred=True
            )
        if match := _WRITE_QUOTED.match(self._finding.fix):
            start = _value_start(text, self._span.start)
            yield self._edit(
                f"write {match['text']}", Span(number, start, _value_end(text, start)), match["text"], is_preferred=True
            )

    def _indent_of_neighbour(self, number: int) -> str:
        """Return the indentation of the next line that has one of spaces, looking up first."""
        for at in (*range(number - 1, -1, -1), *range(number + 1, len(self._lines))):
            line: str = self._lines[at]
            if line.strip() and "\t" not in line:
                opens = line.rstrip().endswith(":") and at < number
                return line[: len(line) - len(line.lstrip())] + "  " * opens
        return ""

    # -- other names

    def _renamed(self) -> Iterator[Edit]:
        names = list(self._finding.nearest)
        if match := _RENAME.match(self._finding.fix):
            names = [match["name"], *names]
        if "uses the old separator #" in self._finding.message:
            text = _OLD_SEPARATOR.sub(SEPARATOR, self._text)
            yield self._edit(f"write `{SEPARATOR}`", self._span, text, is_preferred=True)
        if pair := _WRITE_PAIR.match(self._finding.fix):
            yield from self._pair(pair["key"], pair["value"])
            names = [name for name in names if name != pair["key"]]
        for index, name in enumerate(dict.fromkeys(names)):
            yield from self._named(name, is_preferred=index == 0)

    def _named(self, name: str, *, is_preferred: bool) -> Iterator[Edit]:
        """Write one name in the place of the key or value, or of the reference in it."""
        if not self._text:
            return
        if self._is_key:
            wanted = self._key_named(name)
            if wanted is not None and wanted != self._text:
                yield self._edit(f"rename to `{wanted}`", self._span, wanted, is_preferred=is_preferred)
            return
        inner = self._text.strip("'\"")
        if inner[:1] in ("@", "%", "$"):
            yield from self._reference_named(name, is_preferred=is_preferred)
        elif inner != name:
            yield self._edit(f"write `{name}`", self._span, self._like(name), is_preferred=is_preferred)

    def _key_named(self, name: str) -> str | None:
        """Return the key with another name in it; its operator, its quotes and the rest of a path stay."""
        inner = self._text.strip("'\"")
        sign = inner[:1] if inner[:1] in ("=", "~") else ""
        parts, other, path = inner.removeprefix(sign).split(SEPARATOR), _path_of(name), _path_of(self._finding.path)
        above = len(self._entry.config_path) - len(parts) if self._entry is not None else 0
        number = len(path) - 1 - above if path else len(parts) - 1
        if not other or not 0 <= number < len(parts) or (len(other) > 1 and other[:-1] != path[:-1]):
            return None
        parts[number] = str(other[-1])
        return self._like(sign + SEPARATOR.join(parts))

    def _reference_named(self, name: str, *, is_preferred: bool) -> Iterator[Edit]:
        missing = _MISSING_FILE.match(self._finding.message)
        if missing is not None:
            text = self._text.replace(missing["file"], name, 1)
            yield self._edit(f"refer to `{name}`", self._span, text, is_preferred=is_preferred)
            return
        is_expression = self._text.strip("'\"")[:1] == "$"
        found = list((_IN_EXPRESSION if is_expression else _WHOLE_REFERENCE).finditer(self._text))
        named = [match for match in found if match["path"] and match["path"] in self._finding.message]
        for match in (named or found)[:1]:
            start = self._span.start + match.start("path")
            span = Span(self._span.line, start, start + len(match["path"]))
            plain = self._as_relative(name.lstrip("@%"), match["path"])
            if plain != match["path"]:
                yield self._edit(f"refer to `{plain}`", span, plain, is_preferred=is_preferred)

    def _as_relative(self, name: str, written: str) -> str:
        """Return a path the way that another is written: relative, if both differ only in their last part."""
        before, separator, last = written.rpartition(SEPARATOR)
        if not written.startswith(SEPARATOR) or not self._finding.path:
            return name
        levels = (len(written) - len(written.lstrip(":"))) // len(SEPARATOR)
        inside = _path_of(written.lstrip(":"))[:-1] if before.strip(":") else ()
        holder = (*_path_of(self._finding.path)[:-levels], *inside)
        path = _path_of(name)
        return f"{before}{separator}{format_path(path[-1:])}" if last and path[:-1] == holder else name

    def _pair(self, key: str, value: str) -> Iterator[Edit]:
        """Write ``key: value``: in the place of the value, or as a key beside it."""
        holder = self._holder_of(key)
        for entry in self._entries:
            if entry.config_path == (*holder, parse_path(key)[-1]) and entry.value is not None:
                yield self._edit(f"write `{key}: {value}`", entry.value, value, is_preferred=True)
                return
        yield from self._new_keys(holder, [f"{parse_path(key)[-1]}: {value}"])

    def _holder_of(self, key: str) -> Segments:
        if SEPARATOR in key:
            return parse_path(key)[:-1]
        path = _path_of(self._finding.path)
        return path[:-1]

    def _like(self, text: str) -> str:
        quote = self._text[:1]
        return f"{quote}{text}{quote}" if quote in ("'", '"') else text

    def _default(self) -> Iterator[Edit]:
        """Write the default of an argument in the place of a value that does not fit, if nothing is near it."""
        entry, config = self._entry, self._config
        if self._finding.check != "argument_types" or self._finding.nearest or config is None:
            return
        if entry is None or entry.value is None or entry.node.is_suspect:  # `yes` has a likelier fix
            return
        taker = taker_of(config, parse_path(self._finding.path), self._reader)
        if taker is None or taker.argument is None or format_path(taker.path) != self._finding.path:
            return
        default = literal_default(taker.argument.default)
        lines = yaml_lines(default) if default is not UNWRITTEN else []
        if len(lines) == 1:
            yield self._edit(f"write the default `{lines[0]}`", entry.value, lines[0])

    # -- quotes

    def _quoted(self) -> Iterator[Edit]:
        if not (_QUOTE.search(self._finding.fix) or "needs quotes" in self._finding.message):
            return
        line = self._lines[self._span.line]
        span = self._span
        if self._entry is None or self._finding.message.startswith(("not YAML", "text that", "a line that")):
            start = _value_start(line, span.start)
            span = Span(span.line, start, _value_end(line, start))
        text = line[span.start : span.end]
        if text and text[:1] not in ("'", '"'):
            is_likely = "or quote it" not in self._finding.fix
            yield self._edit("quote the text", span, json.dumps(text, ensure_ascii=False), is_preferred=is_likely)

    # -- more keys

    def _added(self) -> Iterator[Edit]:
        match = _ADD.match(self._finding.fix)
        if match is None:
            return
        names = _ADD_KEYS.findall(self._finding.fix.partition(" to ")[0])
        path = _path_of(match["where"] or "")
        if names:
            yield from self._new_keys(path, [f"{name}: {self._value_for(name, path)}" for name in names])
        elif ":" in match["text"]:
            yield from self._new_keys(path, [match["text"]])

    def _value_for(self, name: str, path: Segments) -> str:
        """Return the usual value of an argument; the placeholder, which `check` reports, where there is none."""
        target = next((one.node.value for one in self._entries if one.config_path == (*path, "_target_")), None)
        usual = usual_value(target, name, self._reader) if isinstance(target, str) else None
        return usual or PLACEHOLDER

    def _new_keys(self, holder: Segments, written: list[str]) -> Iterator[Edit]:
        """Write keys into a mapping: below its first key, or inside its braces."""
        title = "add " + ", ".join(f"`{text}`" for text in written)
        if not holder:
            end = len(self._lines) - 1
            before = "" if not self._lines[end].strip() else "\n"
            at = (end, len(self._lines[end]))
            yield Edit(title, at, at, before + "\n".join(written) + "\n", is_preferred=True)
            return
        inside = [entry for entry in self._entries if entry.config_path[:-1] == holder and entry.key is not None]
        if not inside:
            return
        first = inside[0]
        key, value = first.key, first.value
        if key is None:
            return
        line = self._lines[key.line]
        if line[: key.start].rstrip().endswith(("{", ",")):
            at = (value or key).line, (value or key).end
            yield Edit(title, at, at, "".join(f", {text}" for text in written), is_preferred=True)
            return
        end = max(span.line for span in (key, value) if span is not None)
        at = (end, len(self._lines[end]))
        text = "".join(f"\n{' ' * key.start}{one}" for one in written)
        yield Edit(title, at, at, text, is_preferred=True)

    # -- replacing and removing

    def _replacing(self) -> Iterator[Edit]:
        match = _REPLACE.search(self._finding.fix)
        entry = self._entry
        if match is None or entry is None or entry.key is None or entry.path[-1] != match["key"]:
            return
        yield self._edit(
            f"write `={match['key']}`", entry.key, f"={self._lines[entry.key.line][entry.key.start : entry.key.end]}"
        )

    def _removed(self) -> Iterator[Edit]:
        entry = self._entry
        if not _REMOVE.search(self._finding.fix) and "given twice in one mapping" not in self._finding.message:
            return
        key = self._span if entry is None else entry.key
        if key is None:
            return
        line = self._lines[key.line]
        title = f"remove `{line[key.start : key.end]}`"
        if is_in_flow(line, key.start):
            start, end = _with_comma(line, key)
            yield self._edit(title, Span(key.line, start, end), "")
        elif not line[: key.start].strip():  # behind a dash, what else is in the item would go too
            yield Edit(title, (key.line, 0), (self._last_line(key) + 1, 0), "")

    def _last_line(self, key: Span) -> int:
        """Return the last line of a value: up to the next line that is not indented more than its key."""
        last = key.line
        for number in range(key.line + 1, len(self._lines)):
            text = self._lines[number]
            indent = len(text) - len(text.lstrip())
            if text.strip() and (indent < key.start or (indent == key.start and not text.lstrip().startswith("- "))):
                break
            if text.strip():
                last = number
        return last

    def _edit(self, title: str, span: Span, text: str, *, is_preferred: bool = False) -> Edit:
        return Edit(title, (span.line, span.start), (span.line, span.end), text, is_preferred)


def _path_of(text: str) -> Segments:
    """Return the path that a text of a fix holds; an empty one if it is none, such as the separator itself."""
    try:
        return parse_path(text) if text else ()
    except PathError:
        return ()


def _value_start(line: str, column: int) -> int:
    """Return where the value begins that a column of a line is in."""
    ends = [match.end() for match in _BEFORE_VALUE.finditer(line[: max(column, 1)])]
    return max([end for end in ends if end <= column], default=column)


def _value_end(line: str, start: int) -> int:
    comment = re.compile(r"\s+#").search(line, start)
    end = comment.start() if comment is not None else len(line.rstrip())
    return max(end, token_at(line, start)[1] if line[start : start + 1] in ("'", '"') else start)


def _with_comma(line: str, key: Span) -> tuple[int, int]:
    """Return where an item in braces begins and ends, with the comma that parts it from the others."""
    value = re.compile(r":\s*").match(line, key.end)
    end = token_at(line, value.end())[1] if value is not None else key.end
    behind = re.compile(r"\s*,\s*").match(line, end)
    before = re.search(r",\s*$", line[: key.start])
    if before is not None:
        return before.start(), end
    return key.start, behind.end() if behind is not None else end
