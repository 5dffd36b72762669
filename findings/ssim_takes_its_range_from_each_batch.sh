#!/usr/bin/env bash
# Expected: `StructuralSimilarityIndexMeasure()` of torchmetrics, whose `data_range` is found from the data if it is not
# given, gives the same value for four images one by one as for all in one batch.
# What happens: the range is that of each batch. The same images have another value with another batch size, and the
# last, smaller batch of an epoch is measured by another scale. With `data_range=1.0` all values agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 torchmetrics==1.9.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
import torchmetrics
from torchmetrics.image import StructuralSimilarityIndexMeasure

torch.manual_seed(0)
images = torch.rand(4, 1, 32, 32) * torch.tensor([0.1, 0.2, 0.5, 1.0]).view(4, 1, 1, 1)
noisy = images + 0.02 * torch.randn_like(images)
print("torch", torch.__version__, "torchmetrics", torchmetrics.__version__)
found = {}
for data_range in (None, 1.0):
    values = []
    for size in (1, 2, 4):
        metric = StructuralSimilarityIndexMeasure(data_range=data_range)
        for first in range(0, 4, size):
            metric.update(noisy[first : first + size], images[first : first + size])
        values.append(round(float(metric.compute()), 4))
    found[data_range] = values
    print(f"data_range {data_range!s:4}: batches of 1, 2 and 4 images {values}")
assert len(set(found[None])) == 3
assert max(found[1.0]) - min(found[1.0]) < 2e-4
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
