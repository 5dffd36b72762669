#!/usr/bin/env bash
# Expected: `higher_is_better` of a torchmetrics metric says in which direction its value improves.
# What happens: DaviesBouldinScore, SpectralDistortionIndex and PerceptualPathLength say True, but 0 is their best value.
# WordInfoPreserved says False, but 1 is its best value. `MetricTracker` reads the attribute, so its `best_metric`
# returns the worst epoch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.clustering import DaviesBouldinScore
from torchmetrics.image import SpectralDistortionIndex
from torchmetrics.image.perceptual_path_length import PerceptualPathLength
from torchmetrics.text import WordInfoLost, WordInfoPreserved
from torchmetrics.wrappers import MetricTracker

torch.manual_seed(0)
POINTS = torch.tensor([[0.0, 0.0], [0.0, 0.2], [5.0, 0.0], [5.0, 0.2]])
IMAGE, NOISE = torch.rand(2, 1, 3, 32, 32)
SENTENCE = ["the cat sat"]
CASES = [  # metric, its `higher_is_better`, the right result, a wrong one
    (WordInfoLost, False, (SENTENCE, SENTENCE), (["the dog ran"], SENTENCE)),  # to compare: as it should be
    (WordInfoPreserved, False, (SENTENCE, SENTENCE), (["the dog ran"], SENTENCE)),
    (DaviesBouldinScore, True, (POINTS, torch.tensor([0, 0, 1, 1])), (POINTS, torch.tensor([0, 1, 0, 1]))),
    (SpectralDistortionIndex, True, (IMAGE, IMAGE), (NOISE, IMAGE)),
]

print("torch", torch.__version__, "torchmetrics", torchmetrics.__version__)
for metric_type, higher_is_better, right, wrong in CASES:
    tracker = MetricTracker(metric_type())
    for epoch in (right, wrong):
        tracker.increment()
        tracker.update(*epoch)
    values = [round(float(value), 3) for value in tracker.compute_all()]
    _, best = tracker.best_metric(return_step=True)
    print(
        f"{metric_type.__name__:24} right {values[0]:5}, wrong {values[1]:6}, "
        f"higher_is_better {metric_type.higher_is_better!s:5}, best is the {('right', 'wrong')[best]} one"
    )
    assert metric_type.higher_is_better is higher_is_better
    assert best == (0 if metric_type is WordInfoLost else 1)
print(f"{PerceptualPathLength.__name__:24} higher_is_better {PerceptualPathLength.higher_is_better}")
assert PerceptualPathLength.higher_is_better  # of a generator whose images change little along a path, it is small
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
