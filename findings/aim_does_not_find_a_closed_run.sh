#!/usr/bin/env bash
# Expected: `Repo.get_run` and `Repo.query_metrics` of Aim find a run that was closed.
# What happens: they read an index that only `aim up` and `aim storage reindex` write. Until then the run is listed, and
# neither it nor its metrics are found; nothing says so.
# (Aim needs a setuptools before 81, which it does not declare.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet --python 3.11 "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet aim==3.29.1 "setuptools<81"
cat > "$folder/finding.py" <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from aim import Repo, Run

folder = str(Path(__file__).parent)
run = Run(repo=folder, system_tracking_interval=None, capture_terminal_logs=False)
name = run.hash
run.track(0.5, name="loss", step=0)
run.close()


def found():
    """Return whether the run is listed, and the metrics that are found of it."""
    repo = Repo(folder)
    opened = repo.get_run(name)
    return name in repo.list_all_runs(), None if opened is None else [metric.name for metric in opened.metrics()]


before = found()
command = [str(Path(sys.executable).with_name("aim")), "storage", "--repo", folder, "reindex"]
subprocess.run(command, input="y", text=True, check=True, capture_output=True)
after = found()
print("aim", version("aim"))
print("before the index is written:", before)
print("after:", after)
assert before == (True, None)
assert after == (True, ["loss"])
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
