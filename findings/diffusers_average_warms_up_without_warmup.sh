#!/usr/bin/env bash
# Expected: `EMAModel(parameters, decay=0.999, use_ema_warmup=False)` of diffusers has the decay 0.999 from its first
# steps.
# What happens: without warm-up the decay is `min(decay, (1 + step) / (10 + step))`, another warm-up: it is below 0.2 at
# the second step, and reaches 0.999 only after about 9,000 steps. To have a constant decay, set `min_decay` to the same
# value.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 diffusers==0.42.1
cat > "$folder/finding.py" <<'PYTHON'
import diffusers
import torch
from diffusers.training_utils import EMAModel


def decays(**arguments):
    """The decay at some steps."""
    weight = torch.nn.Parameter(torch.ones(1))
    average = EMAModel([weight], decay=0.999, use_ema_warmup=False, **arguments)
    found = {}
    for step in range(1, 1001):
        average.step([weight])
        if step in (2, 10, 100, 1000):
            found[step] = round(average.cur_decay_value, 4)
    return found


found, constant = decays(), decays(min_decay=0.999)
print("torch", torch.__version__, "diffusers", diffusers.__version__)
print("use_ema_warmup=False:                 ", found)
print("use_ema_warmup=False, min_decay=0.999:", constant)
assert found[2] < 0.2
assert found[10] == round(10 / 19, 4)
assert found[1000] < 0.9915
assert set(constant.values()) == {0.999}
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
