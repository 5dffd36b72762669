"""Report the values of a running trial to its study, and ask the pruner."""

from __future__ import annotations

import logging
from pathlib import Path

import optuna

from lighter_cli.sweeps.journal import open_journal
from lighter_cli.sweeps.samplers import Spec, make_pruner


class Reports:
    """The values that one trial reports.

    Args:
        folder: The folder of the sweep.
        number: The number of the trial.
        pruner: The pruner.
        max_epochs: The epochs of a trial; 0 if unknown.
    """

    def __init__(self, folder: Path, number: int, pruner: Spec, max_epochs: int) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)
        self._storage = open_journal(folder)
        self._study = optuna.load_study(
            study_name=folder.name, storage=self._storage, pruner=make_pruner(pruner, max_epochs)
        )
        self._id = self._storage.get_trial_id_from_study_id_trial_number(
            self._storage.get_study_id_from_name(folder.name), number
        )

    def report(self, step: int, value: float) -> bool:
        """Report a value; return whether the trial is pruned.

        A resumed trial repeats steps: the first value of a step stays.
        """
        trial = self._storage.get_trial(self._id)
        if trial.state.is_finished():
            return False
        if step not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(self._id, step, value)
        return self._study.pruner.prune(self._study, self._storage.get_trial(self._id))
