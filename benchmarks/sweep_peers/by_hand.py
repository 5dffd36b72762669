"""A study as many write it: Optuna and Lightning, all trials in one process. Arguments: trials, epochs."""

import sys
from pathlib import Path

import optuna
from digits_by_hand import train
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend


def objective(trial: optuna.Trial) -> float:
    """Train with a learning rate."""
    return train(trial.suggest_float("lr", 1e-3, 1e-2, log=True), int(sys.argv[2]), Path("by_hand", str(trial.number)))


study = optuna.create_study(direction="maximize", storage=JournalStorage(JournalFileBackend("journal.log")))
study.optimize(objective, n_trials=int(sys.argv[1]))
