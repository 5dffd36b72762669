"""The study of a sweep in Optuna: ask for the next trial, tell how one ended, begin again with another space."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from lighter_cli.sweeps.journal import JOURNAL_FILE, Journal, lock_of, open_journal
from lighter_cli.sweeps.samplers import Spec, make_sampler
from lighter_config import Finding, SourceError
from lighter_config.space import Assignment, Dimension, Range, Space

_MOST_REFUSED = 1000
_REFUSED = "refused"
_Values = frozenset[tuple[str, int | float | str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a trial ended.

    Attributes:
        state: ``finished``, ``pruned`` or ``failed``; ``bad`` if memory ran out, or a value is nan.
        values: The value of each objective; empty without a value.
        violations: How far each constraint is violated, by the name of its value; 0 or less where it is kept.
    """

    state: str
    values: Sequence[float] = ()
    violations: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A trial that a new journal takes over from the old one.

    Attributes:
        assignment: Its values; ``None`` if they do not fit into the space.
        is_again: Whether it runs again, so that how it ended is forgotten.
    """

    assignment: Assignment | None
    is_again: bool = False


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
        self._sampler: Spec = space.used_sampler
        self._component = None if isinstance(self._sampler, str) else make_sampler(self._sampler, seed, 0)
        self._open()

    def _open(self) -> None:
        self._points = self._space.grid() if self._space.is_grid else iter(())
        self._made: set[_Values] = set()  # the values of the first trials, as many as are counted
        self._num_counted = 0
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

    def ask(self, is_made: Collection[int]) -> tuple[int, Assignment] | None:
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

    def rebuild(self, trials: Sequence[Kept]) -> None:
        """Begin a new journal with the trials so far, under the space as it is now; keep the old one.

        Args:
            trials: The trials, in the order of their numbers.
        """
        file, new = self._folder / JOURNAL_FILE, self._folder / f".{JOURNAL_FILE}"
        number = 1 + len(list(self._folder.glob("journal.*.log")))
        old = self._study.get_trials(deepcopy=False)
        new.unlink(missing_ok=True)
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(Journal(new)),
            study_name=self._folder.name,
            directions=self._study.directions,
        )
        for index, kept in enumerate(trials):
            study.add_trial(_frozen(kept, old[index] if index < len(old) else None))
        file.rename(self._folder / f"journal.{number}.log")
        new.rename(file)
        lock_of(new).unlink(missing_ok=True)
        self._open()

    def _next(self) -> optuna.Trial | None:
        trials = self._study.get_trials(deepcopy=False)
        number = len(trials)
        if not any(trial.state is TrialState.WAITING for trial in trials[-1:]):
            given = self._given(trials)
            if given is None and self._space.is_grid:
                return None
            if given is not None:
                self._study.enqueue_trial(_params(given))
        if self._component is None:
            self._study.sampler = make_sampler(self._sampler, self._seed, number)
        return self._study.ask()

    def _given(self, trials: Sequence[FrozenTrial]) -> Assignment | None:
        """Return the values of the next trial that are given, not drawn; ``None`` if it is drawn."""
        if self._space.is_grid:
            self._made.update(_values(trial.params) for trial in trials[self._num_counted :])
            self._num_counted = len(trials)
            # trials of a grid that was widened are not its first points
            return next((point for point in self._points if _values(_params(point)) not in self._made), None)
        return self._space.first[len(trials)] if len(trials) < len(self._space.first) else None

    def _orphan(self, is_made: Collection[int]) -> optuna.Trial | None:
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
    name, found = dimension.name, distribution_of(dimension)
    if isinstance(found, CategoricalDistribution):
        return str(trial.suggest_categorical(name, found.choices))
    if isinstance(found, IntDistribution):
        return trial.suggest_int(name, found.low, found.high, step=found.step, log=found.log)
    assert isinstance(found, FloatDistribution)
    return trial.suggest_float(name, found.low, found.high, step=found.step, log=found.log)


def distribution_of(dimension: Dimension) -> BaseDistribution:
    """Return the distribution of a dimension; a choice is named by its label."""
    domain = dimension.domain
    if not isinstance(domain, Range):
        return CategoricalDistribution([choice.label for choice in domain])
    if domain.is_integer:
        low, high = int(domain.low), int(domain.largest)
        return IntDistribution(low, high, log=domain.log, step=int(domain.step or 1))
    return FloatDistribution(float(domain.low), float(domain.largest), log=domain.log, step=domain.step)


def _values(params: Mapping[str, Any]) -> _Values:
    return frozenset(params.items())


def _params(assignment: Assignment) -> dict[str, Any]:
    return dict(assignment.values)


def _frozen(kept: Kept, old: FrozenTrial | None) -> FrozenTrial:
    """Return a trial for a new journal; one whose values left the space has failed, which samplers pass over."""
    if kept.assignment is None:
        return create_trial(state=TrialState.FAIL, user_attrs={"values": "outside the space"})
    if old is None or kept.is_again:
        state, values = TrialState.RUNNING, None
    else:
        state, values = old.state, old.values
    return create_trial(
        state=state,
        values=values,
        params=_params(kept.assignment),
        distributions={dimension.name: distribution_of(dimension) for dimension, _ in kept.assignment.chosen},
        constraints=None if old is None or kept.is_again else old.constraints or None,
        user_attrs={} if old is None else old.user_attrs,
        intermediate_values=None if old is None or kept.is_again else old.intermediate_values,
    )
