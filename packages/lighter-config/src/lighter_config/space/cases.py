"""Cases: one value of one dimension, by which a space is checked and rehearsed without the product of all values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.space.domains import Choice, Dimension, Range
from lighter_config.space.first_trials import as_it_stands
from lighter_config.space.space import Chosen, Space
from lighter_config.tree.paths import SEPARATOR


@dataclass(frozen=True, slots=True)
class Case:
    """One value of one dimension.

    Attributes:
        dimension: The dimension.
        text: Its name in messages; of a choice its number.
        place: Where it is written.
    """

    dimension: Dimension
    text: str
    place: Place

    @property
    def choice(self) -> Choice | None:
        """The choice; ``None`` for the end of a range."""
        return self.dimension.choices[int(self.text) - 1] if self.text.isdecimal() else None


def usual_value(space: Space, dimension: Dimension) -> Chosen:
    """Return what the config has for a dimension; the first value of the space if it has another one."""
    return as_it_stands(space.config, [dimension]).chosen or next(cases_of(dimension))[1]


def cases_of(dimension: Dimension) -> Iterator[tuple[Case, Chosen]]:
    """Yield both ends of a range, or each choice with the low ends inside it and then each high end."""
    domain = dimension.domain
    if isinstance(domain, Range):
        yield Case(dimension, f"the low end of {dimension.path}", dimension.place), ((dimension, domain.low),)
        yield Case(dimension, f"the high end of {dimension.path}", dimension.place), ((dimension, domain.largest),)
        return
    for number, choice in enumerate(domain, start=1):
        lows: list[tuple[Dimension, int | float]] = [(one, _range(one).low) for one in choice.dimensions]
        yield Case(dimension, f"{number}", choice.place), ((dimension, choice), *lows)
        for index, inside in enumerate(choice.dimensions):
            values = [*lows[:index], (inside, _range(inside).largest), *lows[index + 1 :]]
            text = f"the high end of {inside.path} in choice {number}"
            yield Case(dimension, text, inside.place), ((dimension, choice), *values)


def _range(dimension: Dimension) -> Range:
    assert isinstance(dimension.domain, Range)  # a choice has only ranges inside
    return dimension.domain


def identity_of(finding: Finding) -> object:
    """Return what makes a finding the same one in several cases."""
    return (finding.message, finding.severity, finding.path, finding.expected, finding.nearest)


def in_cases(finding: Finding, cases: Sequence[Case]) -> Finding:
    """Return a finding with the cases in which it holds; what is wrong in one choice is mended there."""
    fix = finding.fix
    for case in cases:
        below = finding.path.removeprefix(f"{case.dimension.path}{SEPARATOR}")
        if case.choice is not None and below != finding.path:
            is_given = isinstance(case.choice.value, dict) and below in case.choice.value
            mended = "remove it from the choice" if is_given else f"write `~{below}: null` in the choice"
            fix = fix.replace(f"remove it with ~{finding.path}", mended)
    return replace(finding, case=named(cases), fix=fix)


def named(cases: Sequence[Case]) -> str:
    """Name cases: ``choices 2 and 3 of system::optimizer or the high end of system::optimizer::lr``."""
    names: list[str] = []
    for dimension in {case.dimension.name: case.dimension for case in cases}.values():
        texts = [case.text for case in cases if case.dimension is dimension]
        numbers = [text for text in texts if text.isdecimal()]
        others = [
            text
            for text in texts
            if not text.isdecimal() and text.rpartition(" ")[2] not in numbers  # which have it whatever is inside them
        ]
        if isinstance(dimension.domain, Range) and len(texts) > 1:
            others = [f"both ends of {dimension.path}"]
        if numbers:
            names.append(_choices(dimension, numbers))
        names += others
    return " or ".join(names)


def _choices(dimension: Dimension, numbers: Sequence[str]) -> str:
    where = dimension.path or dimension.name
    if len(numbers) == 1:
        label = dimension.choices[int(numbers[0]) - 1].label
        return f"choice {numbers[0]} of {where}: {label}"
    return f"choices {', '.join(numbers[:-1])} and {numbers[-1]} of {where}"
