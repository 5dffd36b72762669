"""The statements of a module, of which classes and functions are parsed only when somebody asks for them.

Parsing is most of what reading a library costs, and a question is about few of its classes. So the text is cut at the
lines without indent, into definitions and the rest::

    import torch                # the rest: parsed at once, with empty lines in the place of the definitions

    class Linear(Module):       # a definition: a name, and the text of its lines
        ...
"""

import ast
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from lighter_config.regular_files import open_regular
from lighter_config.signatures.text.parsing import parse_module

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# In a field of an f-string, the same quotes may begin a string inside: such a text is not cut.
_LITERAL = rb"""
    (?: (?<![fFtT]) (?<![fFtT][rR]) QQQ (?: [^Q\\]++ | \\. | Q (?!QQ) )*+ QQQ
      | (?<![fFtT]) (?<![fFtT][rR]) (?!QQQ) Q (?: [^Q\\\n]++ | \\. )*+ Q
      | QQQ (?: [^Q\\{}]++ | \\. | Q (?!QQ) | \{\{ | \}\} | FIELD )*+ QQQ
      | (?!QQQ) Q (?: [^Q\\\n{}]++ | \\. | \{\{ | \}\} | FIELD )*+ Q )
""".replace(b"FIELD", rb"\{ (?: [^{}Q]++ | \{ [^{}Q]*+ \} )*+ \}")
# up to a line whose first character begins a statement
_LINES = rb"(?: [^\"'\#\\\n]++ | \n (?=[ \t\n\#)\]}]|\Z) | %b | %b | \#[^\n]*+ | \\. )*+" % (
    _LITERAL.replace(b"Q", b'"'),
    _LITERAL.replace(b"Q", b"'"),
)
_STATEMENTS = re.compile(
    rb"(?!\Z) (?: (?: (?! @ | class\b | def\b | async\b | \Z ) %(lines)s (?: \n | \Z ) )++"
    rb" | (?P<decorators> (?: @ %(lines)s \n )*+ )"
    rb"   (?: async [ \t]+ def | def | class ) [ \t]+ (?P<name> [a-zA-Z_]\w*+ ) [ \t]*+ (?=[(:\[])"
    rb"   %(lines)s (?: \n | \Z )"
    rb" )" % {b"lines": _LINES},
    re.DOTALL | re.VERBOSE,
)
_DECORATORS = re.compile(rb"(?:@[ \t]*[\w.]+[ \t]*(?:#[^\n]*)?\n)*")
_LAST_NAME = re.compile(rb"^@[ \t]*(?:\w+\.)*(\w+)", re.MULTILINE)
_OTHER_CODING = re.compile(rb"(?:[^\n]*\n)?[ \t]*#[^\n]*?coding[:=][ \t]*(?!utf-?8\b)|\xef\xbb\xbf", re.IGNORECASE)
_OTHER_LINES = (b"\r", b"\f", b"\0")  # which end a line, or its indent


class Piece:
    """The text of a class or function, which is parsed when its node is asked for.

    Attributes:
        name: Its name.
        lineno: The line on which it starts, with its decorators.
        end_lineno: The line on which it ends.
        decorators: The last names of its decorators.
    """

    __slots__ = ("_node", "_prepare", "_text", "decorators", "end_lineno", "lineno", "name")

    def __init__(self, name: str, text: bytes, lineno: int, decorators: Sequence[str]) -> None:
        self.name = name
        self.lineno = lineno
        self.end_lineno = lineno + text.count(b"\n")
        self.decorators = decorators
        self._text = text
        self._node: Definition | None = None
        self._prepare: Callable[[ast.stmt], None] | None = None

    @property
    def node(self) -> Definition:
        """The syntax tree.

        Raises:
            SyntaxError: The text is not Python.
        """
        if self._node is None:
            self._node = self.parsed()
            if self._prepare is not None:
                self._prepare(self._node)
        return self._node

    @property
    def is_parsed(self) -> bool:
        """Whether somebody has asked for its node."""
        return self._node is not None

    def parsed(self) -> Definition:
        """Parse the text anew, at its own lines."""
        body = parse_module(b"\n" * (self.lineno - 1) + self._text).body
        if len(body) != 1 or not isinstance(body[0], Definition) or body[0].name != self.name:
            raise SyntaxError(f"{self.name} in line {self.lineno} is not one definition")
        return body[0]

    def prepare(self, change: Callable[[ast.stmt], None]) -> None:
        """Change the node, now or when it is asked for."""
        self._prepare = change
        if self._node is not None:
            change(self._node)


class Outline:
    r"""The statements of a module, in order.

    Args:
        text: The source.
        name: The name of its file, for errors.
        is_valid: Whether it certainly is Python: only then it is cut, as a mistake in a definition that nobody asks
            for would go unnoticed.

    Raises:
        SyntaxError: The text is not Python of this version.
        ValueError: It holds null bytes.

    >>> source = b"a = 1\n@cached\ndef f():\n    return globals()\n"
    >>> [type(one).__name__ for one in Outline(source, "m.py", is_valid=True).statements]
    ['Assign', 'Piece']
    """

    def __init__(self, text: bytes, name: str, *, is_valid: bool) -> None:
        self._text = text
        cut = _cut(text) if is_valid else None
        if cut is None:
            self.statements: list[ast.stmt | Piece] = [*parse_module(text, name).body]
            return
        rest, pieces = cut
        try:
            body = parse_module(rest, name).body
        except SyntaxError:  # cut in the wrong place
            self.statements = [*parse_module(text, name).body]
            return
        self.statements = sorted([*body, *pieces], key=lambda statement: statement.lineno)

    @property
    def docstring(self) -> str | None:
        """The text at the beginning of the module."""
        first = self.statements[:1]
        return ast.get_docstring(ast.Module([one for one in first if isinstance(one, ast.stmt)], []))

    @property
    def parsed(self) -> list[ast.stmt]:
        """The statements that are parsed by now, in order."""
        return [
            one.node if isinstance(one, Piece) else one
            for one in self.statements
            if not isinstance(one, Piece) or one.is_parsed
        ]

    def everything(self) -> list[ast.stmt]:
        """Parse what is not parsed yet, and return all statements."""
        return [one.node if isinstance(one, Piece) else one for one in self.statements]

    def matching(self, words: Iterable[bytes], pattern: re.Pattern[bytes]) -> Iterator[ast.AST]:
        r"""Yield, statement by statement, the nodes of those on whose lines a pattern is found.

        Of statements inside statements, those are left out on whose lines it is not. A look at the text is a hundred
        times as quick as one at the tree, and one for words ten times as quick as one for a pattern.

        Args:
            words: What a line must have one of.
            pattern: What to look for in such a line.

        >>> source = b"def f():\n    g(1)\n    return globals()\n\ndef g(x): ...\n"
        >>> found = Outline(source, "m.py", is_valid=True).matching([b"globals"], re.compile(rb"globals\("))
        >>> [type(node).__name__ for node in found if isinstance(node, ast.stmt | ast.Call)]
        ['FunctionDef', 'Return', 'Call']
        """
        lines = self._lines_with(words, pattern)
        for one in self.statements if lines else ():
            if has_line(one, lines):
                yield from nodes_on(one.node if isinstance(one, Piece) else one, lines)

    def _lines_with(self, words: Iterable[bytes], pattern: re.Pattern[bytes]) -> list[int]:
        text = self._text
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        starts = set[int]()
        for word in words:
            at = text.find(word)
            while at != -1:
                start, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
                if pattern.search(text[start : len(text) if end == -1 else end]) is not None:
                    starts.add(start)
                at = text.find(word, max(end, at + 1)) if end != -1 else -1
        lines, line, last = [], 1, 0
        for start in sorted(starts):
            line, last = line + text.count(b"\n", last, start), start
            lines.append(line)
        return lines


def has_line(statement: ast.stmt | Piece, lines: Sequence[int]) -> bool:
    """Return whether a statement, with its decorators, takes one of some lines, which are sorted."""
    decorators: Iterable[ast.expr] = () if isinstance(statement, Piece) else getattr(statement, "decorator_list", ())
    first = min([statement.lineno, *(one.lineno for one in decorators)])
    index = bisect_left(lines, first)
    return index < len(lines) and lines[index] <= (statement.end_lineno or statement.lineno)


def nodes_on(root: ast.AST, lines: Sequence[int]) -> Iterator[ast.AST]:
    """Yield a node and all below, as ``ast.walk`` does, but not the statements that take none of some lines."""
    pending = deque([root])
    while pending:
        node = pending.popleft()
        yield node
        for field in node._fields:  # ast.iter_child_nodes takes twice as long
            value = getattr(node, field, None)
            for child in value if type(value) is list else (value,):
                if isinstance(child, ast.AST) and (not isinstance(child, ast.stmt) or has_line(child, lines)):
                    pending.append(child)


def definitions_in(text: bytes, name: str, *, is_valid: bool) -> list[ast.stmt]:
    """Return what a module defines under a name at its outermost level, with all bodies."""
    statements = Outline(text, name, is_valid=is_valid).statements
    named = [one for one in statements if isinstance(one, Piece | Definition) and one.name == name]
    return [one.parsed() if isinstance(one, Piece) else one for one in named]


def is_compiled(file: str) -> bool:
    """Return whether this interpreter has compiled a source file as it is: then it certainly is Python."""
    try:
        status = Path(file).stat()
        with open_regular(cache_from_source(file)) as compiled:
            header = compiled.read(16)
    except (OSError, NotImplementedError):
        return False
    time, size = int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF
    return header == MAGIC_NUMBER + bytes(4) + time.to_bytes(4, "little") + size.to_bytes(4, "little")


def _cut(text: bytes) -> tuple[bytes, list[Piece]] | None:
    """Cut definitions out of a text: the rest, with empty lines in their place, and the pieces; ``None`` if unsure."""
    if _OTHER_CODING.match(text) is not None or any(other in text for other in _OTHER_LINES):
        return None
    rest: list[bytes] = []
    pieces: list[Piece] = []
    end, line = 0, 1
    for found in _STATEMENTS.finditer(text):
        if found.start() != end:
            return None
        end, statement, name = found.end(), found[0], found["name"]
        num_lines = statement.count(b"\n")
        decorators = found["decorators"]
        if name is None or (decorators and _DECORATORS.fullmatch(decorators) is None and _is_told_by(decorators)):
            rest.append(statement)
        else:
            names = tuple(one.decode() for one in _LAST_NAME.findall(decorators)) if decorators else ()
            pieces.append(Piece(name.decode(), statement, line, names))
            rest.append(b"\n" * num_lines)
        line += num_lines
    return (b"".join(rest), pieces) if end == len(text) else None


def _is_told_by(decorators: bytes) -> bool:
    """Return whether decorators that are more than names may be those that decide what a name is bound to."""
    return any(word in decorators for word in (b"setter", b"deleter", b"overload"))
