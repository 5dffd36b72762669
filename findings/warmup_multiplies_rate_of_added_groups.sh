#!/usr/bin/env bash
# Expected: a parameter group that is added to an optimizer during a `LinearLR` warm-up ends at the learning rate it was
# given, or the scheduler leaves it alone, or raises.
# What happens: `LinearLR` multiplies the rate of each group by the growth of its factor, also that of a group which it
# never lowered. A group added with the rate 0.01, when the factor is 0.1, ends at ten times that: 0.1. `LambdaLR`
# raises at its next step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
from torch.optim.lr_scheduler import LambdaLR, LinearLR


def rates(make_scheduler):
    """The rate of the first group and of an added one, after a warm-up of 4 steps; both are given 0.01."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    scheduler = make_scheduler(optimizer)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.01})
    for _ in range(4):
        optimizer.step()
        scheduler.step()
    return [round(group["lr"], 6) for group in optimizer.param_groups]


print("torch", torch.__version__)
linear = rates(lambda optimizer: LinearLR(optimizer, start_factor=0.1, total_iters=4))
print("LinearLR: rates after the warm-up", linear)
assert linear == [0.01, 0.1]
try:
    rates(lambda optimizer: LambdaLR(optimizer, lambda step: min(1.0, 0.1 + step / 4)))
except ValueError as error:
    print("LambdaLR: ValueError:", error)
else:
    raise AssertionError("LambdaLR did not raise")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
