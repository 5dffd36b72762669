"""How much each dimension of a sweep matters for an objective, as its journal tells."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import optuna

from lighter_cli.sweeps.journal import JOURNAL_FILE, open_journal
from lighter_config import Finding, SourceError
from lighter_config.regular_files import is_regular


def importances(folder: Path, objective: int = 0) -> Mapping[str, float]:
    """Return the importance of each dimension, the most important first; together they are 1.

    PED-ANOVA compares the values of the best trials with those of all (Watanabe et al., 2023, arXiv:2304.10255). It
    needs two finished trials or more; of fewer, and of trials that are all alike, nothing is returned.

    Args:
        folder: The folder of the sweep.
        objective: The index of the objective.

    Raises:
        SourceError: The journal is missing or cannot be read.
    """
    if not is_regular(folder / JOURNAL_FILE):
        raise SourceError(Finding(message=f"the sweep {folder.name} has no {JOURNAL_FILE}"))
    logging.getLogger("optuna").setLevel(logging.ERROR)
    try:
        storage = open_journal(folder)
        names = optuna.get_all_study_names(storage)
        study = optuna.load_study(study_name=names[0], storage=storage)
        is_larger_better = study.directions[objective] == optuna.study.StudyDirection.MAXIMIZE
    except Exception as error:  # whatever a damaged entry makes of Optuna's replay
        message = f"the journal of the sweep {folder.name} cannot be read: {type(error).__name__}: {error}"
        raise SourceError(Finding(message=message)) from error
    sign = -1.0 if is_larger_better else 1.0
    with _without_sklearn():
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental; and fewer trials than it would like
        try:
            found: Mapping[str, float] = get_param_importances(
                study,
                evaluator=PedAnovaImportanceEvaluator(),
                target=lambda trial: sign * trial.values[objective],  # it takes smaller values as better
            )
        except (ValueError, RuntimeError):
            return {}
    return found


@contextmanager
def _without_sklearn() -> Iterator[None]:
    """Let ``optuna.importance`` be imported without scikit-learn, which only its other evaluators need.

    It costs as much as all the rest of a report of 1,000 trials. Optuna's import is made for its absence.
    """
    is_imported = "sklearn" in sys.modules
    if not is_imported:
        sys.modules["sklearn"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if not is_imported:
            del sys.modules["sklearn"]
