"""The study of a sweep in Optuna: ask for the next trial, tell how one ended, begin again with another space."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from lighter_cli.sweeps.journal import JOURNAL_FILE, open_journal
from lighter_cli.sweeps.samplers import Spec, make_sampler
from lighter_config import Finding, SourceError
from lighter_config.space import Assignment, Dimension, Range, Space

_MOST_REFUSED = 1000
_REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a trial ended.

    Attributes:
        state: ``finished``, ``pruned`` or ``failed``; ``bad`` if there is no value because memory ran out, or it is nan.
        values: The value of each objective; empty without a value.
        violations: How far each constraint is violated, by the name of its value; 0 or less where it is kept.
    """

    state: str
    values: Sequence[float] = ()
    violations: Mapping[str, float] = field(default_factory=dict)


class Study:
    """The study of a sweep. One process at a time may ask or tell: it holds the lock of the sweep.

    The number of a trial is the one that Optuna gives.

    Args:
        folder: The folder of the sweep.
        space: The space.
        seed: The seed of samplers that are given by a short name.
    """

    def __init__(self, folder: Path, space: Space, seed: int) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._folder = folder
        self._space = space
        self._seed = seed
        self._sampler: Spec = space.sampler or ("grid" if space.is_grid else "tpe")
        self._component = None if isinstance(self._sampler, str) else make_sampler(self._sampler, seed, 0)
        self._open()

    def _open(self) -> None:
        self._storage = open_journal(self._folder)
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=self._folder.name,
            directions=[objective.direction for objective in self._space.objectives] or ["minimize"],
            load_if_exists=True,
            sampler=self._component or optuna.samplers.RandomSampler(),
            pruner=optuna.pruners.NopPruner(),
        )
        self._study_id = self._storage.get_study_id_from_name(self._folder.name)

    def ask(self, is_made: Sequence[int] | set[int]) -> tuple[int, Assignment] | None:
        """Draw the next trial.

        Args:
            is_made: The numbers of the trials that have a folder. One that a killed process has drawn and made no
                folder for comes first.

        Returns:
            Its number and values; ``None`` if the grid is complete.

        Raises:
            SourceError: No draw fulfils ``where``.
        """
        for _ in range(_MOST_REFUSED):
            trial = self._orphan(is_made) or self._next()
            if trial is None:
                return None
            number: int = trial.number
            assignment = self._space.draw(lambda dimension, trial=trial: _suggested(trial, dimension))  # type: ignore[misc]
            if self._space.is_grid or self._space.is_allowed(assignment):
                return number, assignment
            trial.set_user_attr(_REFUSED, True)
            self._study.tell(number, state=TrialState.PRUNED)  # a sampler avoids what was pruned at once
        message = f"no trial of {_MOST_REFUSED:,} that were drawn fulfils sweep::where"
        raise SourceError(Finding(message=message, path="sweep::where", fix="narrow the ranges, or loosen `where`"))

    def tell(self, number: int, told: Told) -> None:
        """Tell how a trial ended; one that has been told stays as it is."""
        trial = self._trial(number)
        if trial.state.is_finished():
            return
        for name, violation in told.violations.items():
            if not math.isnan(violation):
                # as `Trial.set_constraint` does; a `Trial` of another process would first draw again
                self._storage.set_trial_system_attr(self._id(number), f"constraints:{name}", float(violation))
        if told.state == "finished":
            self._study.tell(number, list(told.values) or [0.0] * len(self._study.directions))
        else:
            self._study.tell(number, state=TrialState.FAIL if told.state == "failed" else TrialState.PRUNED)

    def rebuild(self, trials: Sequence[tuple[Assignment | None, Told | None]]) -> None:
        """Begin a new journal with the trials so far, under the space as it is now; keep the old one.

        Args:
            trials: In the order of their numbers: the values, ``None`` if they do not fit into the space; and how the
                trial ended, ``None`` if it has not.
        """
        file = self._folder / JOURNAL_FILE
        number = 1 + len(list(self._folder.glob("journal.*.log")))
        old = [_kept(trial) for trial in self._study.get_trials(deepcopy=False)]
        new = self._folder / f".{JOURNAL_FILE}"
        new.unlink(missing_ok=True)
        frozen = [
            _frozen(assignment, told, old[index] if index < len(old) else {})
            for index, (assignment, told) in enumerate(trials)
        ]
        from lighter_cli.sweeps.journal import Journal

        storage = optuna.storages.JournalStorage(Journal(new))
        study = optuna.create_study(
            storage=storage, study_name=self._folder.name, directions=[d.name.lower() for d in self._study.directions]
        )
        for trial in frozen:
            study.add_trial(trial)
        file.rename(self._folder / f"journal.{number}.log")
        new.rename(file)
        (self._folder / f"{new.name}.flock").unlink(missing_ok=True)
        self._open()

    def _next(self) -> optuna.Trial | None:
        trials = self._study.get_trials(deepcopy=False)
        number = len(trials)
        if not any(trial.state is TrialState.WAITING for trial in trials[-1:]):
            given = self._given(number)
            if given is None and self._space.is_grid:
                return None
            if given is not None:
                self._study.enqueue_trial(_params(given))
        if self._component is None:
            self._study.sampler = make_sampler(self._sampler, self._seed, number)
        return self._study.ask()

    def _given(self, number: int) -> Assignment | None:
        """Return the values of a trial that are given, not drawn; ``None`` if it is drawn."""
        if self._space.is_grid:
            return next(islice(self._grid(), number, None), None)
        return self._space.first[number] if number < len(self._space.first) else None

    def _grid(self) -> Iterator[Assignment]:
        return self._space.grid()

    def _orphan(self, is_made: Sequence[int] | set[int]) -> optuna.Trial | None:
        """Return a trial that runs, but has no folder: its process was killed between the two."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in is_made:
                return optuna.Trial(self._study, self._id(trial.number))  # keeps what was drawn already
        return None

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def _trial(self, number: int) -> FrozenTrial:
        return self._storage.get_trial(self._id(number))


def _suggested(trial: optuna.Trial, dimension: Dimension) -> int | float | str:
    distribution = distribution_of(dimension)
    value: int | float | str = trial._suggest(dimension.name, distribution)  # type: ignore[assignment]  # noqa: SLF001
    return value


def distribution_of(dimension: Dimension) -> BaseDistribution:
    """Return the distribution of a dimension; a choice is named by its label."""
    domain = dimension.domain
    if not isinstance(domain, Range):
        return CategoricalDistribution([choice.label for choice in domain])
    if domain.is_integer:
        low, high = int(domain.low), int(domain.largest)
        return IntDistribution(low, high, log=domain.log, step=int(domain.step or 1))
    return FloatDistribution(float(domain.low), float(domain.largest), log=domain.log, step=domain.step)


def _params(assignment: Assignment) -> dict[str, Any]:
    return dict(assignment.values)


def _kept(trial: FrozenTrial) -> dict[str, Any]:
    return {"user_attrs": trial.user_attrs, "intermediate_values": trial.intermediate_values}


def _frozen(assignment: Assignment | None, told: Told | None, kept: Mapping[str, Any]) -> FrozenTrial:
    """Return a trial for a new journal; one whose values left the space has failed, which samplers pass over."""
    if assignment is None:
        return create_trial(state=TrialState.FAIL, user_attrs={"values": "outside the space"})
    distributions = {dimension.name: distribution_of(dimension) for dimension, _ in assignment.chosen}
    state = TrialState.RUNNING
    values: list[float] | None = None
    constraints: dict[str, float] | None = None
    if told is not None:
        state = {"finished": TrialState.COMPLETE, "failed": TrialState.FAIL}.get(told.state, TrialState.PRUNED)
        values = list(told.values) or None
        constraints = {name: value for name, value in told.violations.items() if not math.isnan(value)} or None
    if state is not TrialState.COMPLETE and not (state is TrialState.PRUNED and values):
        values = None
    return create_trial(
        state=state,
        values=values,
        params=_params(assignment),
        distributions=distributions,
        constraints=constraints,
        user_attrs=dict(kept.get("user_attrs", {})),
        intermediate_values=dict(kept.get("intermediate_values", {})) if told is not None else {},
    )
