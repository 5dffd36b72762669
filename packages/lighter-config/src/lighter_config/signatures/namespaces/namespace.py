"""What the names of a module or a class body can be bound to once its statements have run."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.text.outline import Definition as Node
from lighter_config.signatures.text.outline import Piece


@dataclass(frozen=True, slots=True)
class Definition:
    """``class`` or ``def``.

    Attributes:
        source: Its node, or the text that is parsed when the node is asked for.
    """

    source: Node | Piece

    @property
    def node(self) -> Node:
        """Its syntax tree."""
        return self.source.node if isinstance(self.source, Piece) else self.source


@dataclass(frozen=True, slots=True)
class ModuleImport:
    """``import a.b as name``: the module itself."""

    module: str


@dataclass(frozen=True, slots=True)
class NameImport:
    """``from module import attribute as name``."""

    module: str
    attribute: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = expression``.

    Attributes:
        value: The expression.
        before: What the name was before, if the expression uses it: ``name = wrapped(name)``.
    """

    value: ast.expr
    before: tuple["Binding", ...] = ()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A binding that reading cannot follow: a loop variable, an unpacked value."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unbound:
    """The name may be missing."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """One of several targets of a value: ``first, second = call()``."""

    value: ast.expr
    index: int


@dataclass(frozen=True, slots=True)
class Decision:
    """An ``if`` or ``try`` of a module, whose branch depends on more than its text.

    Attributes:
        node: The statement. The branches of ``if`` are its body and ``else``, those of ``try`` its body with ``else``
            and each handler.
        before: What names were bound to before it.
    """

    node: ast.If | ast.Try | ast.TryStar
    before: dict[str, "Bound"] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a name is after each branch of a decision."""

    decision: Decision
    branches: tuple[tuple["Binding", ...], ...]


Binding = Definition | ModuleImport | NameImport | Assignment | Opaque | Unpacked | Unbound | Decided


@dataclass(frozen=True, slots=True)
class StarImport:
    """``from module import *``.

    Attributes:
        module: The module whose names come in.
        position: How many names had been bound before; a later binding of a name wins over it.
        is_certain: Whether it always runs.
        branches: The branches that it is in, by the decision and their number.
    """

    module: str
    position: int
    is_certain: bool
    branches: tuple[tuple[Decision, int], ...] = ()


@dataclass(frozen=True, slots=True)
class NamingCall:
    """``call(__name__, ...)``, which may add names to the module.

    Attributes:
        node: The call.
        texts: What its arguments spell, of which some may be the names.
        always_runs: Whether it is a statement of its own, outside every branch.
    """

    node: ast.Call
    texts: frozenset[str]
    always_runs: bool


@dataclass(frozen=True, slots=True)
class Addition:
    """One way in which a module gains names that its statements do not bind.

    Attributes:
        reason: What it does.
        prefix: What all the names that it adds start with.
        source: The object whose attributes it adds under their own names, if that is all that it does.
        is_for_callers: Whether the name is an argument: who calls the function has to spell it.
        is_asked_for: Whether a ``__getattr__`` adds it, when somebody asks for that name.
        replaces_all: Whether another object takes the place of the module.
        texts: What is spelled around it, of which some may be the names.
        names: All the names that it may add, if they are written out.
    """

    reason: str
    prefix: str = ""
    names: frozenset[str] | None = None
    source: ast.expr | None = None
    is_for_callers: bool = False
    is_asked_for: bool = False
    replaces_all: bool = False
    texts: frozenset[str] = frozenset()

    def may_bear(self, name: str) -> bool:
        """Return whether a name may be one that it adds."""
        return name.startswith(self.prefix) if self.names is None else name in self.names

    def may_rebind(self, name: str) -> bool:
        """Return whether it may bind a name anew that the module's statements bind."""
        if self.is_asked_for or self.is_for_callers or not self.may_bear(name):
            return False
        if self.replaces_all:  # what takes its place spells the names that it hands out
            return name not in self.texts
        return self.source is None and (bool(self.prefix) or name in (self.names or self.texts))


@dataclass(slots=True)
class Bound:
    """What one name can be, and when it was last bound."""

    position: int
    candidates: tuple[Binding, ...]


@dataclass(slots=True)
class Namespace:
    """The names of one module or class body.

    Attributes:
        module: The module it belongs to.
        names: What each name can be at the end, and when it was last bound.
        stars: Star imports in order.
        kept_back: Names that a stub imports for itself: without ``as``, they are none of its module's.
        typing: What is bound for type checkers only.
        name_lists: The expressions that build ``__all__``; ``None`` when it is built in a way that is not followed.
        patched: ``Class.__init__ = ...`` and the like, as (name, attribute); ``*`` is any name.
        handed_over: The functions that statements call with a name, which may change what it stands for.
        rebound_by_import: When an import last bound a name to something else than it was.
        additions: Why it may have names that are not written in it.
        handed_out: Calls that get the module object itself, and may add names to it.
        naming_calls: Calls that get the module's name, and may add names to it.
    """

    module: Module
    names: dict[str, Bound] = field(default_factory=dict)
    stars: list[StarImport] = field(default_factory=list)
    kept_back: set[str] = field(default_factory=set)
    typing: "Namespace | None" = None
    name_lists: list[ast.expr] | None = field(default_factory=list)
    patched: set[tuple[str, str]] = field(default_factory=set)
    handed_over: dict[str, list[ast.expr]] = field(default_factory=dict)
    rebound_by_import: dict[str, int] = field(default_factory=dict)
    additions: list[Addition] = field(default_factory=list)
    handed_out: list[ast.Call] = field(default_factory=list)
    naming_calls: list[NamingCall] = field(default_factory=list)
    docstring: str | None = None

    def candidates(self, name: str) -> tuple[Binding, ...]:
        """What ``name`` can be bound to by the statements themselves, in any branch, star imports aside."""
        return tuple(dict.fromkeys(_flattened(self.bindings(name))))

    def bindings(self, name: str) -> tuple[Binding, ...]:
        """What ``name`` can be bound to by the statements themselves, with the decisions that are still to be made."""
        bound = self.names.get(name)
        return bound.candidates if bound is not None else ()

    def position(self, name: str) -> int:
        """When ``name`` was last bound; -1 when it never was."""
        bound = self.names.get(name)
        return bound.position if bound is not None else -1


def _flattened(bindings: tuple[Binding, ...]) -> Iterator[Binding]:
    for binding in bindings:
        if isinstance(binding, Decided):
            for branch in binding.branches:
                yield from _flattened(branch)
        else:
            yield binding
