"""The three answers to "what does this target take?"."""

from dataclasses import dataclass
from typing import Literal

from lighter_config.signatures.text.parameters import Parameter, ParameterKind, Parameters


@dataclass(frozen=True, slots=True)
class Signature:
    """What a target takes, known for sure.

    Attributes:
        target: The dotted path that was asked for.
        name: The dotted path of its definition, after re-exports and aliases.
        parameters: In order, without ``self``.
        docstring: Of the definition; for a class without one, of its constructor.
        file: The source file of the definition.
        line: Its line there, from 1.
        is_class: Whether calling it makes an object of this class.
        is_exact: Whether what no parameter takes is certainly refused. A wrapper may accept more than what it wraps.
        refuses_none: Whether a wrapper of the constructor accepts every keyword and passes on only some of them.
    """

    target: str
    name: str
    parameters: Parameters
    docstring: str | None
    file: str
    line: int
    is_class: bool
    is_exact: bool = True
    refuses_none: bool = False

    @property
    def accepts_any_keyword(self) -> bool:
        """Whether ``**kwargs``, of the target or of its wrapper, takes what no parameter names."""
        return self.refuses_none or any(parameter.kind is ParameterKind.VAR_KEYWORD for parameter in self.parameters)

    @property
    def keywords(self) -> tuple[str, ...]:
        """The names that ``name=value`` may use, in order."""
        return tuple(parameter.name for parameter in self.parameters if parameter.accepts_keyword)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter that ``name=value`` reaches; ``None`` when only ``**kwargs`` could take it, or nothing."""
        for parameter in self.parameters:
            if parameter.name == name and parameter.accepts_keyword:
                return parameter
        return None


@dataclass(frozen=True, slots=True)
class DoesNotExist:
    """There is no such target, for sure.

    Attributes:
        target: The dotted path that was asked for.
        missing: The first part of it that is not there, with what stands before it: ``torch.optm``.
        where: Dotted name of the module or class that lacks it; empty when a top-level module is missing.
        is_module: Whether a module of that name is missing.
        nearest: Whole targets with the nearest names instead, best first.
        reason: What is wrong with it, when its name is there: ``is a module, which cannot be called``.
    """

    target: str
    missing: str
    where: str
    is_module: bool
    nearest: tuple[str, ...] = ()
    reason: str = ""

    @property
    def message(self) -> str:
        """What is wrong with the target, in one line."""
        name = self.missing.rpartition(".")[2]
        if self.reason:
            return f"{self.target} {self.reason}"
        if not self.where:
            return f"{self.target} does not exist: no module named {self.missing!r}"
        if self.target == f"{self.where}.{name}":
            return f"{self.target} does not exist"
        return f"{self.target} does not exist: {self.where} has no `{name}`"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Reading the source does not settle it; the target may be fine.

    Attributes:
        target: The dotted path that was asked for.
        reason: Why it is not known.
        file: The source file that does not tell, where there is one.
        line: The line there, from 1; 0 for the file as a whole.
    """

    target: str
    reason: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A name in a module or a class.

    Attributes:
        name: The name.
        kind: What it stands for, as far as that is seen where it is bound.
    """

    name: str
    kind: Literal["module", "class", "function", "value"]


Answer = Signature | DoesNotExist | Unknown
