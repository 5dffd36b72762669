#!/usr/bin/env bash
# Expected: `SlidingWindowInferer` of MONAI does not change the image that it gets, whatever the predictor is; with a
# predictor that returns its input, the result is the image.
# What happens: with `mode="gaussian"` it multiplies what the predictor returned by the weights in place. If that is a
# view of the window, as of an identity or a predictor that selects a channel, the image itself is multiplied, and
# windows that overlap see the changed values. A predictor that returns a copy gives the image.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 monai==1.6.1
cat > "$folder/finding.py" <<'PYTHON'
import monai
import torch
from monai.inferers import SlidingWindowInferer

inferer = SlidingWindowInferer((8, 8), overlap=0.25, mode="gaussian")
print("torch", torch.__version__, "MONAI", monai.__version__)
torch.manual_seed(0)
original = torch.rand(1, 2, 20, 33)
PREDICTORS = {"first channel": lambda window: window[:, :1], "copy of it": lambda window: window[:, :1].clone()}
found = {}
for name, predictor in PREDICTORS.items():
    image = original.clone()
    result = inferer(image, predictor)
    error = float((result - original[:, :1]).abs().max())
    changed = float((image - original).abs().max())
    found[name] = error, changed
    print(f"predictor returns the {name:13}: error of the result {error:.4f}, change of the image {changed:.4f}")
assert max(found["copy of it"]) < 1e-6
assert found["first channel"][0] > 0.1
assert found["first channel"][1] > 0.1
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
