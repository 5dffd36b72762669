#!/usr/bin/env bash
# Expected: calling a torchmetrics metric, `metric(batch)`, returns the value of the batch and counts it for `compute()`,
# as `update(batch)` does.
# What happens: calling MinMaxMetric or BootStrapper resets the metrics inside, so `compute()` gives the value of the
# last batch alone. With `update()` it gives the value over all batches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.aggregation import MeanMetric
from torchmetrics.wrappers import BootStrapper, MinMaxMetric

BATCHES = [torch.full((100,), 1.0), torch.full((100,), 3.0)]  # the mean over both is 2


def epoch_value(metric: torchmetrics.Metric, name: str | None, *, is_called: bool) -> float:
    torch.manual_seed(0)
    for batch in BATCHES:
        metric(batch) if is_called else metric.update(batch)
    value = metric.compute()
    return round(float(value if name is None else value[name]), 1)


print("torch", torch.__version__, "torchmetrics", torchmetrics.__version__)
for title, make, name, called in [
    ("MeanMetric", MeanMetric, None, 2.0),
    ("MinMaxMetric", lambda: MinMaxMetric(MeanMetric()), "raw", 3.0),
    ("BootStrapper", lambda: BootStrapper(MeanMetric(), num_bootstraps=50), "mean", 3.0),
]:
    values = [epoch_value(make(), name, is_called=is_called) for is_called in (False, True)]
    print(f"{title:12}  mean of the epoch with update(): {values[0]}, when called: {values[1]}")
    assert values == [2.0, called]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
