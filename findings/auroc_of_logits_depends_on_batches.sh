#!/usr/bin/env bash
# Expected: `BinaryAUROC` of torchmetrics gets logits, and gives the same value for two batches as for both in one.
# What happens: each update decides by its own values whether they are logits: only a batch with a value outside of 0 to
# 1 goes through the sigmoid. A batch whose logits all happen to be in 0 to 1 is ranked as it is, among the values of
# other batches that went through the sigmoid. The result depends on the batches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 torchmetrics==1.9.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

LOGITS = torch.tensor([0.9, 0.8, 0.95, 0.3, 3.0, -2.0, 0.99, 2.0])  # the first four are all between 0 and 1
TARGET = torch.tensor([0, 0, 0, 1, 1, 0, 1, 1])


def value(metric, preds, size):
    """The metric over batches of a size."""
    for first in range(0, len(preds), size):
        metric.update(preds[first : first + size], TARGET[first : first + size])
    return round(float(metric.compute()), 4)


print("torch", torch.__version__, "torchmetrics", torchmetrics.__version__)
found = {}
for metric_type in (BinaryAUROC, BinaryAccuracy):
    for name, preds in (("logits", LOGITS), ("probabilities", LOGITS.sigmoid())):
        values = [value(metric_type(), preds, size) for size in (8, 4)]
        found[metric_type.__name__, name] = values
        print(f"{metric_type.__name__:14} of {name:13}: one batch {values[0]}, two batches {values[1]}")
for (_, name), (together, apart) in found.items():
    assert (together == apart) is (name == "probabilities")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
