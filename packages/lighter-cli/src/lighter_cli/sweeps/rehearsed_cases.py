"""Which configs of a space to rehearse: the first trial, each choice of structure, and both ends of each range."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from lighter_cli.runs.trial import TRIALS
from lighter_cli.sweeps.chance import draws
from lighter_cli.sweeps.layout import REHEARSED_FILE, read_json
from lighter_config.regular_files import is_folder
from lighter_config.space import Assignment, Choice, Dimension, Range, Space
from lighter_config.space.cases import Case, cases_of, usual_value
from lighter_config.space.first_trials import as_it_stands
from lighter_config.space.space import Chosen

_MOST_WITHOUT = 4
"""Sweeps of so few trials are not rehearsed by themselves."""

_FIRST = "the first trial"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One config to rehearse.

    Attributes:
        cases: What it is for; none for the first trial.
        trial: The value of each dimension.
        repeat: The value of each repeat.
        covers: What need not be rehearsed again when it has passed.
    """

    cases: tuple[Case, ...]
    trial: Assignment
    repeat: Assignment
    covers: frozenset[str]

    @property
    def values(self) -> dict[str, Any]:
        """The values of all dimensions and repeats, by their names."""
        return {**self.trial.values, **self.repeat.values}


class RehearsedCases:
    """The cases of a space, combined so that few rehearsals have them all.

    A dimension of numbers has both ends of them, another one each choice; a choice with ranges inside is rehearsed with
    all their low ends, and with all their high ends.

    Args:
        space: The space.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._dimensions = (*space.dimensions, *space.repeats)
        self._usual = {one.name: usual_value(space, one) for one in self._dimensions}
        if not space.is_allowed(self._of(space.dimensions, self._usual)):
            allowed = next(space.grid() if space.is_grid else draws(space, 1), Assignment())
            self._usual |= _by_dimension(space, allowed)

    def needed(self, covered: Collection[str]) -> list[Rehearsed]:
        """Return what to rehearse: the first trial, then the other cases, each once.

        Args:
            covered: What was rehearsed before.
        """
        found = [] if _FIRST in covered else [*self._made(())]
        left = [
            [(case, chosen) for case, chosen in rehearsed_cases_of(one) if not self._is_covered(one, chosen, covered)]
            for one in self._dimensions
        ]
        for combined in zip_longest(*left):
            cases = [one for one in combined if one is not None]
            made = [*self._made(cases)]
            found += made or [*chain.from_iterable(self._made([one]) for one in cases)]
        return found

    def alone(self, rehearsed: Rehearsed) -> Iterator[Rehearsed]:
        """Yield a rehearsal for each case of one, to see which of them is to blame."""
        for case in rehearsed.cases:
            known = rehearsed_cases_of(case.dimension)
            yield from self._made([(one, chosen) for one, chosen in known if one == case])

    def _is_covered(self, dimension: Dimension, chosen: Chosen, covered: Collection[str]) -> bool:
        if _key(chosen) in covered:
            return True
        is_usual = chosen == self._usual[dimension.name]
        return is_usual and (_FIRST not in covered or chosen == as_it_stands(self._space.config, [dimension]).chosen)

    def _made(self, cases: Iterable[tuple[Case, Chosen]]) -> Iterator[Rehearsed]:
        """Yield the rehearsal of some cases together; none if ``where`` leaves it out."""
        cases = [*cases]
        values = {**self._usual, **{case.dimension.name: chosen for case, chosen in cases}}
        trial, repeat = (self._of(some, values) for some in (self._space.dimensions, self._space.repeats))
        if self._space.is_allowed(trial):
            covers = {_key(chosen) for chosen in values.values()} | ({_FIRST} if not cases else set())
            yield Rehearsed(tuple(case for case, _ in cases), trial, repeat, frozenset(covers))

    @staticmethod
    def _of(dimensions: Iterable[Dimension], values: dict[str, Chosen]) -> Assignment:
        return Assignment(tuple(chain.from_iterable(values[one.name] for one in dimensions)))


def needed_in(folder: Path, space: Space, asked: bool | None) -> list[Rehearsed]:
    """Return what is to be rehearsed before the next trial of a sweep.

    Args:
        folder: Its folder, which may not exist yet.
        space: Its space.
        asked: What the user wants; ``None`` for the default: a sweep is rehearsed when it begins, later what is new.
    """
    covered = covered_in(folder)
    has_begun = is_folder(folder / TRIALS) and any((folder / TRIALS).iterdir())
    if asked is False or (asked is None and not (_is_default(space) and (covered or not has_begun))):
        return []
    return RehearsedCases(space).needed(covered)


def covered_in(folder: Path) -> frozenset[str]:
    """Return what was rehearsed in the folder of a sweep."""
    return frozenset((read_json(folder / REHEARSED_FILE) or {}).get("covered", ()))


def num_configs(number: int) -> str:
    """Return a number of configs as text."""
    return f"{number} config{'s' * (number != 1)}"


def rehearsed_cases_of(dimension: Dimension) -> list[tuple[Case, Chosen]]:
    """Return the cases of a dimension that are rehearsed."""
    cases = [*cases_of(dimension)]
    if isinstance(dimension.domain, Range):
        return cases
    numbers = sorted((one for one in dimension.domain if _is_number(one)), key=lambda one: float(one.value))
    between = {one.label for one in numbers[1:-1]}
    kept: list[tuple[Case, Chosen]] = []
    for number, choice in enumerate(dimension.domain, start=1):
        if choice.label in between:
            continue
        low = next(chosen for case, chosen in cases if case.text == str(number))
        kept.append((Case(dimension, str(number), choice.place), low))
        if choice.dimensions:
            ends = "end" if len(choice.dimensions) == 1 else "ends"
            paths = ", ".join(one.path for one in choice.dimensions)
            highs = [(one, one.domain.largest) for one in choice.dimensions if isinstance(one.domain, Range)]
            case = Case(dimension, f"the high {ends} of {paths} in choice {number}", choice.place)
            kept.append((case, ((dimension, choice), *highs)))
    return kept


def _is_default(space: Space) -> bool:
    """Return whether a sweep is rehearsed without being asked: it has many trials, and choices of structure.

    A sweep of numbers alone shows with its first trial what a rehearsal would, and starts it sooner.
    """
    choices = chain.from_iterable(dimension.choices for dimension in (*space.dimensions, *space.repeats))
    if all(_is_number(choice) for choice in choices):
        return False
    return space.num_trials is None or space.num_trials > _MOST_WITHOUT


def _is_number(choice: Choice) -> bool:
    return not choice.is_file and isinstance(choice.value, int | float) and not isinstance(choice.value, bool)


def _key(chosen: Chosen) -> str:
    return json.dumps(Assignment(chosen).values, sort_keys=True)


def _by_dimension(space: Space, assignment: Assignment) -> dict[str, Chosen]:
    """Return the values of an assignment by the dimension that they are of, or are inside of."""
    outer = {id(dimension) for dimension in space.dimensions}
    starts = [index for index, (dimension, _) in enumerate(assignment.chosen) if id(dimension) in outer]
    ends = [*islice(starts, 1, None), len(assignment.chosen)]
    found = (assignment.chosen[start:end] for start, end in zip(starts, ends, strict=True))
    return {chosen[0][0].name: chosen for chosen in found}
