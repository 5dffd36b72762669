"""What a name or an expression in source text stands for, as far as reading shows."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lighter_config.signatures.namespaces.namespace import Namespace


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module."""

    name: str


@dataclass(frozen=True, slots=True)
class ClassValue:
    """A class with its ``class`` statement."""

    module: str
    qualname: str
    node: ast.ClassDef = field(repr=False)
    scope: "Scope" = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The canonical dotted name: the module that defines it, and its qualified name."""
        return f"{self.module}.{self.qualname}"


@dataclass(frozen=True, slots=True)
class FunctionValue:
    """A function, a method as it stands in its class, or a ``lambda``.

    Attributes:
        stub: The stub that it is read from, if it is a compiled one that a source module takes over.
    """

    module: str
    qualname: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda = field(repr=False)
    scope: "Scope" = field(repr=False, compare=False)
    owner: str = ""
    is_bound: bool = False
    stub: str = ""

    @property
    def name(self) -> str:
        """The canonical dotted name."""
        return f"{self.module}.{self.qualname}"

    @property
    def decorators(self) -> list[ast.expr]:
        """Its decorators, the outermost first."""
        return [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list


@dataclass(frozen=True, slots=True)
class ExpressionValue:
    """The result of an expression that is not worked out further, usually a call."""

    node: ast.expr
    scope: "Scope" = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ConstantValue:
    """A number, a text, ``None``."""

    value: Any


@dataclass(frozen=True, slots=True)
class BuiltinValue:
    """Something of the interpreter or of ``typing`` that is known by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class ChoiceValue:
    """One of several, depending on what is known only when the module runs."""

    options: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """Certainly not there.

    Attributes:
        name: The name that is missing.
        owner: Dotted name of the module or class that lacks it; empty for a top-level module.
        is_module: Whether it is missing as a module.
    """

    name: str
    owner: str = ""
    is_module: bool = False


@dataclass(frozen=True, slots=True)
class Unclear:
    """Reading the source does not settle it.

    Attributes:
        reason: Why.
        name: The name that was looked for, where that is known.
        owner: Where it was looked for.
        leads_further: Whether a dotted path may lead through it; not through what is a function, if it is there.
        place: The module and the line of what does not tell it, where that is known.
    """

    reason: str
    name: str = ""
    owner: str = ""
    leads_further: bool = True
    place: tuple[str, int] = field(default=("", 0), compare=False)


Value = (
    ModuleValue
    | ClassValue
    | FunctionValue
    | ExpressionValue
    | ConstantValue
    | BuiltinValue
    | ChoiceValue
    | Absent
    | Unclear
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the names of an expression are looked up: function locals, then class body, then module.

    Attributes:
        module: The module around it.
        body: The class body that the expression stands in, if any.
        local: Names of the functions around it.
        at: How many names the module had bound when the expression ran; ``None`` if it runs later.
    """

    module: str
    body: Namespace | None = None
    local: dict[str, Value] = field(default_factory=dict)
    at: int | None = None


def combined(options: Iterable[Value]) -> Value:
    """One value for several possible ones; what would be missing or ``None`` gives way to what is there."""
    flat: list[Value] = []
    for option in options:
        flat.extend(option.options if isinstance(option, ChoiceValue) else (option,))
    distinct = list(dict.fromkeys(flat))
    present = [option for option in distinct if not isinstance(option, Absent)]
    something = [option for option in present if option != ConstantValue(None)] or present
    if not something:
        return distinct[0]
    return something[0] if len(something) == 1 else ChoiceValue(tuple(something))
