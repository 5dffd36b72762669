"""What a dimension of a search space may be: a range of numbers, or choices, which may have dimensions inside."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from lighter_config.places import Place
from lighter_config.tree.node import Node, Segments

Scalar: TypeAlias = "bool | int | float | str | None"


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers from ``low`` to ``high``, both included.

    Attributes:
        low: The smallest value.
        high: The largest value.
        step: The distance of neighbouring values, counted from ``low``; ``None`` without steps.
        log: Whether values are drawn evenly on a logarithmic scale.

    >>> Range(16, 64, 16).values(), Range(0, 1, 0.25).values()
    ((16, 32, 48, 64), (0.0, 0.25, 0.5, 0.75, 1.0))
    >>> Range(1e-4, 0.1, log=True).is_finite, Range(1, 4).is_integer
    (False, True)
    """

    low: int | float
    high: int | float
    step: int | float | None = None
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether the values are whole numbers: both ends are, and the step if there is one."""
        return all(isinstance(number, int) for number in (self.low, self.high, self.step or 1))

    @property
    def is_finite(self) -> bool:
        """Whether a grid can list the values: they have steps, or they are whole numbers on a linear scale."""
        return self.step is not None or (self.is_integer and not self.log)

    @property
    def largest(self) -> int | float:
        """The largest value that the steps reach."""
        return self._at(self._num_steps) if self.step is not None else self.high

    def values(self) -> tuple[int | float, ...]:
        """Return every value, from the smallest.

        Raises:
            ValueError: There are endlessly many.
        """
        if not self.is_finite:
            raise ValueError(f"{self} has endlessly many values")
        return tuple(self._at(index) for index in range(self._num_steps + 1))

    def __len__(self) -> int:
        """Return the number of values of a finite range."""
        if not self.is_finite:
            raise ValueError(f"{self} has endlessly many values")
        return self._num_steps + 1

    def __contains__(self, value: object) -> bool:
        """Return whether a number is one of the values."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        if self.is_integer and value != int(value):
            return False
        return self.step is None or (_exact(value) - _exact(self.low)) % _exact(self.step) == 0

    def __str__(self) -> str:
        """Write it as in a config.

        >>> str(Range(1e-4, 0.1, log=True)), str(Range(16, 64, 16))
        ('0.0001..0.1:log', '16..64:16')
        """
        end = ":log" if self.log else "" if self.step is None else f":{self.step}"
        return f"{self.low}..{self.high}{end}"

    @property
    def _num_steps(self) -> int:
        return int((_exact(self.high) - _exact(self.low)) / _exact(self.step or 1))

    def _at(self, index: int) -> int | float:
        # decimals, so that 0..1:0.1 has 0.3 and not 0.30000000000000004
        value = _exact(self.low) + index * _exact(self.step or 1)
        return int(value) if self.is_integer else float(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a dimension.

    Attributes:
        label: Its name, different from that of every other choice of the dimension.
        value: A scalar or list; a mapping, which merges at the path of the dimension; the name of a file, which merges
            at the root; or null.
        place: Where it is written.
        dimensions: The ranges inside a mapping; they exist only if this is chosen.
        is_file: Whether ``value`` is the name of a file.
        node: The value with the place of each part; of a file the text that names it.
        inside: For each of ``dimensions``, its path from the choice.
        parts: The content of a file, after that of its bases.
    """

    label: str
    value: Any
    place: Place
    dimensions: "tuple[Dimension, ...]" = ()
    is_file: bool = False
    node: Node = field(default=None, repr=False, compare=False)  # type: ignore[assignment]
    inside: tuple[Segments, ...] = field(default=(), repr=False, compare=False)
    parts: tuple[Node, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Dimension:
    """Something that differs between trials.

    Attributes:
        name: Different from that of every other dimension of the space, and the same in each run of the command.
        path: The path of the value in the config; empty for files, which merge at the root.
        domain: What it may be.
        place: Where it is written.
        repeats: Whether its values repeat a trial, as seeds and folds do, instead of making another one.
        node: The value that it was read from.
    """

    name: str
    path: str
    domain: Range | tuple[Choice, ...]
    place: Place
    repeats: bool = False
    node: Node = field(default=None, repr=False, compare=False)  # type: ignore[assignment]

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Its choices; none for a range."""
        return () if isinstance(self.domain, Range) else self.domain

    @property
    def is_finite(self) -> bool:
        """Whether a grid can list what it may be."""
        if isinstance(self.domain, Range):
            return self.domain.is_finite
        return all(dimension.is_finite for choice in self.domain for dimension in choice.dimensions)

    def options(self) -> "tuple[int | float | Choice, ...]":
        """Return everything that it may be, in the order of the config; a range must be finite."""
        return self.domain.values() if isinstance(self.domain, Range) else self.domain

    def choice(self, label: object) -> Choice | None:
        """Return the choice with a label; ``None`` if there is no such choice, or this is a range."""
        return next((choice for choice in self.choices if choice.label == label), None)

    def all(self) -> "Iterator[Dimension]":
        """Yield this dimension and those inside its choices."""
        yield self
        for choice in self.choices:
            for dimension in choice.dimensions:
                yield from dimension.all()


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))
