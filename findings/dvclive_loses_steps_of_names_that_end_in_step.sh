#!/usr/bin/env bash
# Expected: DVCLive writes the step and the value of every metric, also of one that is called `loss/step`, as Lightning
# names the values of steps.
# What happens: the file of a metric has the columns `step` and the last part of its name. If that is `step` too, there is
# one column, which holds the values: the steps are lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet dvclive==3.49.1
cat > "$folder/finding.py" <<'PYTHON'
from importlib.metadata import version
from pathlib import Path

from dvclive import Live

folder = Path(__file__).parent / "live"
with Live(str(folder), save_dvc_exp=False, report=None) as live:
    for step in (10, 20):
        live.step = step
        live.log_metric("loss/epoch", step / 100)
        live.log_metric("loss/step", step / 100)
files = {name: (folder / f"plots/metrics/loss/{name}.tsv").read_text().splitlines() for name in ("epoch", "step")}
print("dvclive", version("dvclive"))
print(files)
assert files["epoch"] == ["step\tepoch", "10\t0.1", "20\t0.2"]
assert files["step"] == ["step", "0.1", "0.2"]
PYTHON
cd "$folder" && "$folder/venv/bin/python" -W ignore "$folder/finding.py"
