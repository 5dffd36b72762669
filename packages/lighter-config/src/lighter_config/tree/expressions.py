"""``$`` expressions: find the references in Python code, put names in their place, and compile the rest once."""

import ast
import builtins
import re
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Literal, cast

from lighter_config.errors import ExpressionError
from lighter_config.findings import Finding
from lighter_config.tree.reference_syntax import Reference, reference_in

KNOWN_NAMES = {"torch": "torch", "np": "numpy", "math": "math", "os": "os", "monai": "monai"}
"""Names that every expression may use, and their modules; imported when used."""

_MAX_LENGTH = 10_000
_MAX_NESTED_STRINGS = 10
_NAME = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"\d[\w.]*|\.\d[\w.]*")
_STRING = re.compile(r"(?i:(?P<prefix>r|u|b|f|br|rb|fr|rf)?)(?P<quote>'''|\"\"\"|'|\")")
_PATH = re.compile(
    r"(?P<up>(?:::)+|#+)?(?:[^\W\d]\w*|(?<=[:#])-?\d+)(?:(?:::|#)(?:[^\W\d]\w*|-?\d+))*",
)
_BRACED = re.compile(r"\{([^{}]*)\}")
_KEYWORDS = frozenset(
    [
        "and",
        "as",
        "assert",
        "async",
        "await",
        "else",
        "for",
        "from",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "not",
        "or",
        "return",
        "yield",
    ]
)
_IN_TEXT = re.compile(r"[@%](?:::)*[^\W\d]\w*(?:::\w+)+|(?<![\w.@%])[@%](?:::)*[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, read but not evaluated.

    Attributes:
        text: As written, with its ``$``.
        code: Python code in which each reference is a name.
        references: The references, in order; the i-th is the name ``names[i]``.
        names: The names that replace them in the code.
        free_names: Other names that the expression takes from outside, builtins left out.
        quoted: What reads like a reference in a plain string, where it is only text; perhaps not meant as one.
    """

    text: str
    code: CodeType = field(repr=False, compare=False)
    references: tuple[Reference, ...]
    names: tuple[str, ...]
    free_names: tuple[str, ...]
    quoted: tuple[str, ...]
    tree: ast.Expression = field(repr=False, compare=False)


@lru_cache(maxsize=20_000)
def parse_expression(text: str) -> Expression:
    """Read an expression such as ``$@system::model.parameters()``.

    Raises:
        ExpressionError: It is not a Python expression; the error has no place, which the caller knows.

    >>> expression = parse_expression('$f"run_{@vars::name}" + str(math.pi)')
    >>> [str(reference) for reference in expression.references], expression.free_names
    (['@vars::name'], ('math',))
    """
    if len(text) > _MAX_LENGTH:
        raise _error(f"an expression of {len(text):,} characters", text, fix="put the code into a function and call it")
    scanner = _Scanner(text)
    code_text = scanner.scan(1, len(text))
    try:
        tree = ast.parse(code_text.strip(), "<expression>", "eval")
        code = compile(tree, "<expression>", "eval")
    except SyntaxError as error:
        raise _error(f"{text!r} is not a Python expression: {error.msg}", text, fix=_fix_of(text)) from error
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise _error(f"an expression that Python cannot read: {error or type(error).__name__}", text) from error
    names = tuple(scanner.names)
    free = tuple(name for name in _free_names(tree) if name not in scanner.names)
    return Expression(text, code, tuple(scanner.references), names, free, tuple(scanner.quoted), tree)


def _fix_of(text: str) -> str:
    return f"write '\\{text}' if it is plain text"


class _Scanner:
    """Scans the code once: ``@`` and ``%`` begin a reference where an operand is expected, else they are operators."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.references: list[Reference] = []
        self.names: list[str] = []
        self.quoted: list[str] = []
        self.prefix = "_ref"
        while self.prefix in text:
            self.prefix = "_" + self.prefix

    def scan(self, position: int, end: int, *, depth: int = 0) -> str:
        """Return the code from ``position`` to ``end`` with names for references.

        With a ``depth`` it is a field of an f-string, whose format after ``:`` is text again.
        """
        text, output = self.text, []
        after_operand = False
        brackets = 0
        while position < end:
            character = text[position]
            if character in " \t\r\n":
                output.append(" ")
                position += 1
                continue
            if character in "@%" and not after_operand:
                name, position = self._reference(position, end)
                output.append(name)
                after_operand = True
                continue
            match = _STRING.match(text, position, end)
            if match:
                piece, position = self._string(match, end, depth)
                output.append(piece)
                after_operand = True
                continue
            match = _NAME.match(text, position, end) or _NUMBER.match(text, position, end)
            if match:
                word = match.group()
                output.append(word)
                position = match.end()
                after_operand = word not in _KEYWORDS
                continue
            if character == ":" and depth and not brackets:
                output.append(self._format(position, end, depth))
                break
            brackets += (character in "([{") - (character in ")]}")
            output.append(character)
            position += 1
            after_operand = character in ")]}"
        return "".join(output)

    def _reference(self, position: int, end: int) -> tuple[str, int]:
        kind = cast("Literal['@', '%']", self.text[position])
        braced = _BRACED.match(self.text, position + 1, end)
        match = braced or _PATH.match(self.text, position + 1, end)
        if match is None:
            message = f"{self.text!r}: no path after {kind} at character {position + 1}"
            raise _error(message, self.text, fix=f"write {kind}{{name}} for a name with other characters")
        path = braced.group(1) if braced else match.group()
        name = f"{self.prefix}{len(self.names)}"
        reference = reference_in(kind, path, position, match.end(), self.text, braced=braced is not None)
        self.references.append(reference)
        self.names.append(name)
        return name, match.end()

    def _string(self, match: re.Match[str], end: int, depth: int) -> tuple[str, int]:
        """Copy a string literal; the braces of an f-string hold expressions."""
        text, quote = self.text, match["quote"]
        prefix = (match["prefix"] or "").lower()
        position = match.end()
        output = [match.group()]
        literal_start = position
        while True:
            if position >= end:
                raise _error(f"{text!r}: a string that does not end", text, fix=_fix_of(text))
            if text.startswith(quote, position):
                break
            character = text[position]
            if character == "\\":
                output.append(text[position : position + 2])
                position += 2
            elif "f" in prefix and character == "{" and not text.startswith("{{", position):
                closing = self._closing_brace(position, end)
                if depth >= _MAX_NESTED_STRINGS:
                    raise _error(f"{text!r}: f-strings nested too deep", text)
                output.append("{" + self.scan(position + 1, closing, depth=depth + 1) + "}")
                position = closing + 1
            else:
                width = 2 if text.startswith("{{", position) and "f" in prefix else 1
                output.append(text[position : position + width])
                position += width
        if "f" not in prefix:
            self.quoted.extend(found.group() for found in _IN_TEXT.finditer(text, literal_start, position))
        return "".join(output) + quote, position + len(quote)

    def _format(self, position: int, end: int, depth: int) -> str:
        """Copy the format of a field, ``:>{@width}``."""
        output = []
        while position < end:
            if self.text[position] == "{":
                closing = self._closing_brace(position, end)
                output.append("{" + self.scan(position + 1, closing, depth=depth + 1) + "}")
                position = closing + 1
            else:
                output.append(self.text[position])
                position += 1
        return "".join(output)

    def _closing_brace(self, position: int, end: int) -> int:
        level = 0
        while position < end:
            character = self.text[position]
            if character in "([{":
                level += 1
            elif character in ")]}":
                level -= 1
                if level == 0:
                    return position
            elif character in "'\"":
                closing = self.text.find(character, position + 1, end)
                position = closing if closing > 0 else end
            position += 1
        raise _error(f"{self.text!r}: a brace that is not closed", self.text)


def _free_names(tree: ast.Expression) -> list[str]:
    """Return the names that the code takes from outside: not its own arguments, loop variables or builtins."""
    free: dict[str, None] = {}
    work: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while work:
        node, bound = work.pop()
        if isinstance(node, ast.Lambda):
            arguments = node.args
            own = {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
            own |= {argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument is not None}
            work.append((node.body, bound | own))
            work.extend(
                (default, bound) for default in (*arguments.defaults, *arguments.kw_defaults) if default is not None
            )
            continue
        if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            own = {
                name.id
                for generator in node.generators
                for name in ast.walk(generator.target)
                if isinstance(name, ast.Name)
            }
            work.extend((child, bound | own) for child in ast.iter_child_nodes(node))
            continue
        if isinstance(node, ast.NamedExpr):
            bound = bound | {node.target.id}
        if isinstance(node, ast.Name):
            if node.id not in bound and not hasattr(builtins, node.id):
                free.setdefault(node.id)
            continue
        work.extend((child, bound) for child in ast.iter_child_nodes(node))
    assigned = {node.target.id for node in ast.walk(tree) if isinstance(node, ast.NamedExpr)}
    return [name for name in free if name not in assigned]


def _error(message: str, text: str, *, fix: str = "") -> ExpressionError:
    return ExpressionError(Finding(message=message, excerpt=text, fix=fix))
