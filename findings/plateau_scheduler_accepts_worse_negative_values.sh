#!/usr/bin/env bash
# Expected: `ReduceLROnPlateau` lowers the learning rate if the monitored loss becomes worse in every epoch.
# What happens: its threshold is relative, `best * (1 - threshold)`. For a negative loss, as a log-likelihood or SI-SDR
# has, that is above the best value, so a value that is slightly worse counts as better and becomes the new best. A loss
# that rises slowly never lowers the rate. With `threshold_mode="abs"` it does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau


def run(first, **arguments):
    """The best value and the learning rate after 50 epochs, in each of which the loss rises by 0.005."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = ReduceLROnPlateau(optimizer, patience=3, **arguments)
    for epoch in range(50):
        scheduler.step(first + 0.005 * epoch)
    return round(scheduler.best, 3), optimizer.param_groups[0]["lr"]


positive, negative, absolute = run(100.0), run(-100.0), run(-100.0, threshold_mode="abs")
print("torch", torch.__version__)
for name, (best, rate) in {"from 100": positive, "from -100": negative, "from -100, abs": absolute}.items():
    print(f"loss rises {name:14} best {best:8}, learning rate at the end {rate:.0e}")
assert positive[0] == 100 and positive[1] < 1e-6
assert negative == (-99.755, 1.0)
assert absolute[0] == -100 and absolute[1] < 1e-6
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
