#!/usr/bin/env bash
# Expected: metrics with different arguments in one torchmetrics `MetricCollection` give what each gives alone.
# What happens: the collection compares the states after the first update and lets metrics with equal states share one
# from then on. An accuracy with `ignore_index=2` and one without it are equal if the first batch has no target 2. Both
# then give the value of the one that comes first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

PRED = torch.tensor([0, 1, 0, 0])
TARGETS = [torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 2, 2])]  # 2 is ignored; it comes in the second batch


def metrics():
    return {
        "all": MulticlassAccuracy(3, average="micro"),
        "without_2": MulticlassAccuracy(3, average="micro", ignore_index=2),
    }


together, alone = MetricCollection(metrics()), metrics()
for target in TARGETS:
    together.update(PRED, target)
    for metric in alone.values():
        metric.update(PRED, target)
found = {name: round(float(value), 3) for name, value in together.compute().items()}
right = {name: round(float(metric.compute()), 3) for name, metric in alone.items()}
print("torch", torch.__version__, "torchmetrics", torchmetrics.__version__)
print("in a collection:", found)
print("alone:          ", right)
assert right == {"all": 0.625, "without_2": 0.833}
assert found == {"all": 0.625, "without_2": 0.625}
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
