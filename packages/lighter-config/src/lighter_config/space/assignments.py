"""What one trial has for each dimension of a space."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lighter_config.space.choice_labels import one_line
from lighter_config.space.domains import Choice, Dimension, Range, Scalar


@dataclass(frozen=True, slots=True)
class Assignment:
    """The value of each dimension that a trial has.

    Attributes:
        chosen: Each dimension with its number or choice, in the order in which they merge into the config.
    """

    chosen: tuple[tuple[Dimension, "int | float | Choice"], ...] = ()

    @property
    def values(self) -> dict[str, Scalar]:
        """The number, or the label of the choice, by the name of the dimension; what JSON can hold.

        ``assignment_from`` reads it back.
        """
        return {dimension.name: value.label if isinstance(value, Choice) else value for dimension, value in self.chosen}

    @property
    def overlay(self) -> dict[str, Any]:
        """What it sets: the value by its path; files, which merge at the root, by the name of their dimension."""
        numbers = {id(dimension): value for dimension, value in self.chosen}
        overlay: dict[str, Any] = {}
        inside = {
            id(dimension)
            for _, value in self.chosen
            if isinstance(value, Choice)
            for dimension in value.dimensions
        }  # fmt: skip
        for dimension, value in self.chosen:
            if id(dimension) in inside:
                continue
            key = dimension.path or dimension.name
            if isinstance(value, Choice):
                overlay[key] = _filled(value, numbers)
            else:
                overlay[key] = value
        return overlay

    @property
    def words(self) -> tuple[str, ...]:
        """What it sets, as words of the command line; what is inside a choice is in the word of the choice."""
        names = {dimension.name for dimension, _ in self.chosen if not dimension.path}
        return tuple(
            str(value) if path in names else f"{path}={one_line(value)}" for path, value in self.overlay.items()
        )


def _filled(choice: Choice, numbers: Mapping[int, Any]) -> Any:
    """Return the value of a choice, with a number in place of each range inside it."""
    value = choice.value if choice.is_file else choice.node.plain()
    for path, dimension in zip(choice.inside, choice.dimensions, strict=True):
        holder = value
        for key in path[:-1]:
            holder = holder[key]
        if id(dimension) in numbers:
            holder[path[-1]] = numbers[id(dimension)]
    return value


def checked(dimension: Dimension, value: object) -> "int | float | Choice":
    """Return a number or choice that a dimension may have.

    Raises:
        ValueError: The dimension cannot have it.
    """
    if isinstance(dimension.domain, Range):
        if value not in dimension.domain:
            raise ValueError(f"{value!r} is not in {dimension.domain}, the range of {dimension.name}")
        assert isinstance(value, int | float)
        return int(value) if dimension.domain.is_integer else float(value)
    found = dimension.choice(value.label if isinstance(value, Choice) else value)
    if found is None:
        labels = ", ".join(choice.label for choice in dimension.domain)
        raise ValueError(f"{value!r} is not a choice of {dimension.name}; it has {labels}")
    return found
