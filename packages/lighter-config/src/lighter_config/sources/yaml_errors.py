"""Errors of YAML text, in the words of somebody who writes YAML rather than of a parser."""

import re
from dataclasses import dataclass

import yaml

from lighter_config.errors import YamlError
from lighter_config.findings import Finding
from lighter_config.tree.node import Node
from lighter_config.tree.origins import Mark, Origin


def yaml_error(message: str, node: Node, *, expected: str = "", fix: str = "") -> YamlError:
    """Make the error of a place in YAML text."""
    return YamlError(
        Finding(
            message=message,
            place=node.place,
            excerpt=node.excerpt,
            expected=(expected,) if expected else (),
            fix=fix,
        )
    )


def syntax_error(error: yaml.YAMLError, text: str, origin: Origin) -> YamlError:
    """Turn an error of the parser into one that says what to do, at its place."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        mark = mark_of(getattr(error, "position", None), text)
    found = _Found(
        problem=getattr(error, "problem", None) or getattr(error, "reason", None) or str(error),
        context=getattr(error, "context", None) or "",
        start=getattr(error, "context_mark", None),
        mark=mark,
        text=text,
        origin=origin,
    )
    return _of_character(found) or _of_unclosed(found) or _of_line(found) or _of_value(found) or _of_parser(found)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the parser found.

    Attributes:
        problem: Its sentence: ``did not find expected key``.
        context: What it was reading: ``while parsing a block mapping``.
        start: Where that begins.
        mark: Where it stopped.
        text: The whole text.
        origin: What holds the text.
    """

    problem: str
    context: str
    start: Mark | None
    mark: Mark | None
    text: str
    origin: Origin

    @property
    def here(self) -> Node:
        """The place where the parser stopped."""
        return Node(None, self.origin, self.mark)

    @property
    def line(self) -> str:
        """The line in which it stopped."""
        lines = self.text.split("\n")
        return lines[self.mark.line] if self.mark is not None and self.mark.line < len(lines) else ""

    @property
    def before(self) -> str:
        """The part of the line before the place."""
        return self.line[: self.mark.column] if self.mark is not None else ""

    @property
    def rest(self) -> str:
        """The part of the line from the place on."""
        return self.line[self.mark.column :] if self.mark is not None else ""

    @property
    def is_at_end(self) -> bool:
        """Whether nothing but blank text is left."""
        if self.mark is None:
            return not self.text.strip()
        return not "\n".join([self.rest, *self.text.split("\n")[self.mark.line + 1 :]]).strip()


def _of_character(found: _Found) -> YamlError | None:
    """Report a character that begins no text in YAML: a sign without quotes, or a tab."""
    line, character = found.line, found.rest[:1]
    if line[:1] == "%" and not line.startswith(("%YAML", "%TAG")):
        return yaml_error("a line that starts with % needs quotes in YAML", found.here, fix="write '%…' in quotes")
    if character and character in "@%`":
        fix = f"write '{_value_at(found)}'"
        return yaml_error(f"text that starts with {character} needs quotes in YAML", found.here, fix=fix)
    if character == "\t" or "\t" in line[: len(line) - len(line.lstrip())]:
        return yaml_error("not YAML: a tab is not allowed here", found.here, fix="indent with spaces")
    return None


def _value_at(found: _Found) -> str:
    """Return the value that begins at the place; inside brackets it ends before the next separator."""
    rest = found.rest.split(" #")[0].strip()
    lines = found.text.split("\n")[: found.mark.line if found.mark is not None else 0]
    before = _QUOTED.sub("", "\n".join([*lines, found.before]))
    is_in_brackets = sum(map(before.count, "[{")) > sum(map(before.count, "]}"))
    return re.split(r"[,\]}]", rest, maxsplit=1)[0].strip() if is_in_brackets else rest


_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|#[^\n]*")
_UNCLOSED = {
    "while parsing a flow sequence": ("the list in brackets", "',' or ']'", "close it with ]"),
    "while parsing a flow mapping": ("the mapping in braces", "',' or '}'", "close it with }"),
    "while scanning a quoted scalar": (
        "the text in quotes",
        "the closing quote",
        "close it with the quote it begins with",
    ),
}


def _of_unclosed(found: _Found) -> YamlError | None:
    """Report a list, a mapping or a text whose closing sign is missing."""
    if found.context not in _UNCLOSED or found.start is None:
        return None
    what, expected, fix = _UNCLOSED[found.context]
    start = Node(None, found.origin, found.start)
    if found.is_at_end:
        return yaml_error(f"not YAML: {what} is not closed; it begins here", start, expected=expected, fix=fix)
    message = f"not YAML: {what} is not closed; it begins at {start.place}"
    return yaml_error(message, found.here, expected=expected, fix=fix)


def _of_line(found: _Found) -> YamlError | None:
    """Report a line that does not belong to the lines around it."""
    problem, here = found.problem, found.here
    place = found.origin.place(found.start) if found.start is not None else None
    if problem in ("did not find expected key", "did not find expected '-' indicator"):
        if found.before.strip(" -"):
            return yaml_error("not YAML: text after the end of a value", here, fix="quote the whole value")
        is_mapping = problem == "did not find expected key"
        holder = f"a key of the mapping that begins at {place}" if is_mapping else f"an item of the list at {place}"
        fix = "indent it like the lines that it belongs to"
        return yaml_error("not YAML: this line does not fit the lines before it", here, expected=holder, fix=fix)
    if problem == "mapping values are not allowed in this context":
        if ": " in found.before:
            return yaml_error("not YAML: a second ': ' in this line", here, fix="quote the value that holds ': '")
        fix = "indent the line like its neighbours, and check that the line before it ends with its value"
        return yaml_error("not YAML: a key is not allowed here", here, fix=fix)
    if problem == "block sequence entries are not allowed in this context":
        fix = "begin the list in a new line, or write it in brackets: [1, 2]"
        return yaml_error("not YAML: an item `- …` is not allowed here", here, fix=fix)
    if problem == "could not find expected ':'" and found.start is not None:
        start = Node(None, found.origin, found.start)
        glued = re.match(r"\s*([\w.-]+):(\S.*)", found.text.split("\n")[found.start.line])
        fix = f"write `{glued[1]}: {glued[2]}`, with a space" if glued is not None else ""
        message, expected = "not YAML: this line has no ': ' after its key", "`key: value` or `- item`"
        return yaml_error(message, start, expected=expected, fix=fix)
    if problem == "did not find expected <document start>":
        return yaml_error("not YAML: text after the end of the config", here, fix="quote the text, or remove it")
    return None


def _of_value(found: _Found) -> YamlError | None:
    """Report a value that is missing or cannot be read."""
    problem, here = found.problem, found.here
    if problem == "did not find expected node content":
        sign = f"{found.rest[:1]!r} where a value is expected" if found.rest else "a value is missing here"
        return yaml_error(f"not YAML: {sign}", here, fix="write a value, or quote the text")
    if problem == "found unknown escape character":
        escape = found.rest[:2] if found.rest[:1] == "\\" else found.line[max(len(found.before) - 1, 0) :][:2]
        fix = "write two backslashes, or put the text in single quotes"
        return yaml_error(f"not YAML: unknown escape {escape} in double quotes", here, fix=fix)
    if found.context in ("while scanning an anchor", "while scanning an alias"):
        sign = "&" if found.context.endswith("anchor") else "*"
        fix = f"write a name after {sign}, or quote the text"
        return yaml_error(f"not YAML: {sign} needs a name of letters and digits", here, fix=fix)
    return None


def _of_parser(found: _Found) -> YamlError:
    """Report in the parser's own words what happens too rarely for others."""
    return yaml_error(f"not YAML: {found.problem} {found.context}".rstrip(), found.here)


def fix_of_tag(tag: str, value: str) -> str:
    r"""Say what to write instead of a tag of other tools.

    >>> fix_of_tag("!env", "HOME"), fix_of_tag("!new:torch.nn.ReLU", "")
    ('write "$os.environ[\'HOME\']"', 'write `_target_: torch.nn.ReLU` to build an object')
    """
    name, _, rest = tag.lstrip("!").partition(":")
    if name.casefold() == "env" and value:
        return f'write "$os.environ[{value!r}]"'
    if name in ("include", "inc") and value:
        return f'write "%{value}"'
    if name == "ref" and value:
        return f'write "@{value.strip("<>")}"'
    if "python" in tag or name in ("new", "obj", "name", "apply"):
        target = rest if name in ("new", "obj", "name", "apply") and rest else "package.Class"
        return f"write `_target_: {target}` to build an object"
    return f"remove {tag}"


class _Position:
    """A mark for errors of the parser that only count characters."""

    __slots__ = ("column", "line")

    def __init__(self, text: str, index: int) -> None:
        before = text[:index]
        self.line = before.count("\n")
        self.column = index - (before.rfind("\n") + 1)


def mark_of(index: object, text: str) -> Mark | None:
    """Return the mark of the character at an index; none when it is not in the text."""
    return _Position(text, index) if type(index) is int and 0 <= index <= len(text) else None
