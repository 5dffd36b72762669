"""A search space: its dimensions, what judges a trial, and how far to go."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal, TypeAlias

from lighter_config.config import Config
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.space.assignments import Assignment, checked
from lighter_config.space.domains import Choice, Dimension, Range

Choose: TypeAlias = Callable[[Dimension], "int | float | str | Choice"]
Chosen: TypeAlias = tuple[tuple[Dimension, "int | float | Choice"], ...]


@dataclass(frozen=True, slots=True)
class Objective:
    """A logged value that judges a trial.

    Attributes:
        name: The name that is logged.
        direction: What a better trial does with it.
        place: Where it is written.
    """

    name: str
    direction: Literal["maximize", "minimize"]
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit on a logged value, judged after a trial ran.

    Attributes:
        name: The name that is logged.
        operator: What the value must be, compared with the limit.
        limit: The limit.
        place: Where it is written.
    """

    name: str
    operator: Literal["<=", "<", ">=", ">"]
    limit: float
    place: Place | None = field(default=None, compare=False)

    def violation(self, value: float) -> float:
        """Return how far a value is beyond the limit; 0 or less if it keeps to it.

        >>> Constraint("test/latency", "<=", 20).violation(25.0)
        5.0
        """
        return value - self.limit if self.operator in ("<=", "<") else self.limit - value


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression on plain values of a trial's config; a trial for which it is false does not run.

    Attributes:
        text: The expression, as it is written.
        place: Where it is written.
        excerpt: The line or word.
    """

    text: str
    place: Place | None = field(default=None, compare=False)
    excerpt: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What the trials of a sweep are.

    Attributes:
        config: The config that the trials vary.
        dimensions: What differs between trials, in the order in which it merges into the config. Those inside choices
            are in their choice.
        repeats: What repeats each trial: seeds, folds.
        objectives: What judges a trial; several for a Pareto front; none for a grid.
        where: What must hold for a trial to run.
        constraints: What must hold after a trial ran.
        first: What to try first, in this order: the config as it is, then the ``first`` entries. Each holds only the
            dimensions whose value lies in the space.
        sampler: The short name, or the component as plain values; ``None`` where the space decides.
        pruner: The short name, or the component as plain values; ``None`` for no pruning.
        take: Which epoch of a trial counts: the best or the last one.
        trials: The number of trials in all; ``None`` without a limit, or for the whole grid.
        hours: No trial starts after this many hours.
        patience: No trial starts after this many trials without a better one.
        notes: What was noticed while it was read: warnings.
    """

    config: Config = field(repr=False, compare=False)
    dimensions: tuple[Dimension, ...]
    repeats: tuple[Dimension, ...] = ()
    objectives: tuple[Objective, ...] = ()
    where: tuple[Condition, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    first: tuple[Assignment, ...] = ()
    sampler: "str | Mapping[str, Any] | None" = None
    pruner: "str | Mapping[str, Any] | None" = None
    take: Literal["best", "last"] = "best"
    trials: int | None = None
    hours: float | None = None
    patience: int | None = None
    notes: tuple[Finding, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_finite(self) -> bool:
        """Whether a grid can list its trials."""
        return all(dimension.is_finite for dimension in self.dimensions)

    @property
    def is_grid(self) -> bool:
        """Whether every trial of the space runs once: the sampler is ``grid``, or there is nothing to search for."""
        has_search = bool(self.objectives and self.dimensions)
        return self.sampler == "grid" or (self.sampler is None and self.is_finite and not has_search)

    @property
    def num_trials(self) -> int | None:
        """The number of trials in all: of a grid its size, else what was asked for; ``None`` without a limit."""
        return self.size() if self.is_grid else self.trials

    @property
    def used_sampler(self) -> Any:
        """The short name or the component that draws trials: without one, ``grid`` or ``tpe``."""
        return self.sampler or ("grid" if self.is_grid else "tpe")

    def all_dimensions(self) -> Iterator[Dimension]:
        """Yield every dimension, also those inside choices; not the repeats."""
        for dimension in self.dimensions:
            yield from dimension.all()

    def draw(self, choose: Choose) -> Assignment:
        """Walk the space: ask for the value of each dimension that exists, given the choices so far.

        Args:
            choose: Returns a number of the range, a choice, or its label.

        Raises:
            ValueError: A value is not one that the dimension may have.
        """
        return _drawn(self.dimensions, choose)

    def grid(self) -> Iterator[Assignment]:
        """Yield every trial for which ``where`` holds, always in the same order; the last dimension changes fastest.

        Raises:
            ValueError: The space is not finite.
            ConfigError: ``where`` cannot be decided.
        """
        for chosen in _grid(self.dimensions):
            assignment = Assignment(chosen)
            if self.is_allowed(assignment):
                yield assignment

    def repeat_grid(self) -> Iterator[Assignment]:
        """Yield every repeat of a trial; one without values where there are no repeats."""
        yield from map(Assignment, _grid(self.repeats))

    def size(self) -> int | None:
        """Return the number of trials of the grid; ``None`` if there are endlessly many."""
        if not self.is_finite:
            return None
        if self.where:
            return sum(1 for _ in self.grid())
        return prod(map(_num_options, self.dimensions))

    @property
    def num_repeats(self) -> int:
        """The number of runs of each trial."""
        return prod(map(_num_options, self.repeats))

    def is_allowed(self, assignment: Assignment) -> bool:
        """Return whether ``where`` holds for a trial.

        Raises:
            ConfigError: It cannot be decided without building something.
        """
        from lighter_config.space.conditions import holds

        return all(holds(self, condition, assignment) for condition in self.where)


def assignment_from(space: Space, values: Mapping[str, Any]) -> Assignment:
    """Read back what ``Assignment.values`` gives; dimensions that are not named are left out.

    Raises:
        ValueError: A value is not in its dimension, or a name is not that of a dimension that exists.
    """
    left = dict(values)
    chosen: list[tuple[Dimension, int | float | Choice]] = []
    pending = [*space.dimensions, *space.repeats]
    while pending:
        dimension = pending.pop(0)
        if dimension.name not in left:
            continue
        value = checked(dimension, left.pop(dimension.name))
        chosen.append((dimension, value))
        pending[:0] = value.dimensions if isinstance(value, Choice) else ()
    if left:
        raise ValueError(f"the space has no dimension {', '.join(map(repr, left))} with these choices")
    return Assignment(tuple(chosen))


def _drawn(dimensions: Sequence[Dimension], choose: Choose) -> Assignment:
    chosen: list[tuple[Dimension, int | float | Choice]] = []
    pending = list(dimensions)
    while pending:
        dimension = pending.pop(0)
        value = checked(dimension, choose(dimension))
        chosen.append((dimension, value))
        pending[:0] = value.dimensions if isinstance(value, Choice) else ()
    return Assignment(tuple(chosen))


def _grid(dimensions: Sequence[Dimension]) -> Iterator[Chosen]:
    if not dimensions:
        yield ()
        return
    first, *rest = dimensions
    for option in first.options():
        inside = option.dimensions if isinstance(option, Choice) else ()
        for others in _grid((*inside, *rest)):
            yield ((first, option), *others)


def _num_options(dimension: Dimension) -> int:
    if isinstance(dimension.domain, Range):
        return len(dimension.domain)
    return sum(prod(map(_num_options, choice.dimensions)) for choice in dimension.domain)
