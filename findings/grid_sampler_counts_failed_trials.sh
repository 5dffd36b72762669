#!/usr/bin/env bash
# Expected: Optuna's `GridSampler` tries a point again whose trial failed, because the grid is not complete without its
# value.
# What happens: a failed trial counts as a visit of its point. The study stops by itself, before `n_trials`, when every
# point has a trial, and the failed point has no value. `BruteForceSampler` does the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet optuna==5.0.0
cat > "$folder/finding.py" <<'PYTHON'
import optuna
from optuna.samplers import BruteForceSampler, GridSampler
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.ERROR)


def visited(sampler):
    """The points that a study tries, if the first trial of 2 fails, and its states."""
    study = optuna.create_study(sampler=sampler)
    points = []

    def objective(trial):
        points.append(trial.suggest_int("x", 1, 3))
        if points[-1] == 2 and points.count(2) == 1:
            raise RuntimeError("out of memory")
        return points[-1]

    study.optimize(objective, n_trials=10, catch=RuntimeError)
    states = [trial.state for trial in study.trials]
    return sorted(points), states.count(TrialState.COMPLETE), states.count(TrialState.FAIL)


print("optuna", optuna.__version__)
for sampler in (GridSampler({"x": [1, 2, 3]}, seed=0), BruteForceSampler(seed=0)):
    points, complete, failed = visited(sampler)
    print(f"{type(sampler).__name__:17} 10 trials allowed, points tried {points}: {complete} complete, {failed} failed")
    assert points == [1, 2, 3]
    assert (complete, failed) == (2, 1)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
