#!/usr/bin/env bash
# Expected: a metric that MLflow's SQLite store got is read back with the value that was logged, also if a loss became
# infinite; or the store refuses it.
# What happens: infinity comes back as the largest finite number, about 1.8e308, and minus infinity as its negative. NaN
# comes back as NaN. A test with `math.isinf` on a run's metrics finds no diverged run.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet mlflow-skinny==3.17.2 sqlalchemy==2.1.9 alembic==1.20.1
cat > "$folder/finding.py" <<'PYTHON'
import math
import tempfile
from pathlib import Path

import mlflow
import sqlalchemy

folder = Path(tempfile.mkdtemp(dir=Path(__file__).parent))
mlflow.set_tracking_uri(f"sqlite:///{folder}/runs.db")
client = mlflow.MlflowClient()
experiment = client.create_experiment("losses", artifact_location=str(folder / "artifacts"))
run = client.create_run(experiment).info.run_id
LOGGED = {"finite": 0.5, "infinite": math.inf, "minus_infinite": -math.inf, "not_a_number": math.nan}
for name, value in LOGGED.items():
    client.log_metric(run, name, value)
found = client.get_run(run).data.metrics
print("mlflow", mlflow.__version__, "sqlalchemy", sqlalchemy.__version__)
for name, value in LOGGED.items():
    print(f"{name:15} logged {value}, read {found[name]}")
assert found["finite"] == 0.5
assert math.isnan(found["not_a_number"])
assert found["infinite"] == -found["minus_infinite"] == 1.7976931348623157e308
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
