#!/usr/bin/env bash
# Expected: a torch `DataLoader` without shuffle and without workers draws no random number, so an evaluation between
# two epochs does not change the order of the next training epoch.
# What happens: each `iter(loader)` draws a seed for workers from the global generator, also without workers. The
# training order depends on how often other loaders were iterated. A loader with a `generator` of its own leaves the
# global one alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
from torch.utils.data import DataLoader


def second_epoch(evaluation=None):
    """The order of the second training epoch, with an evaluation before it or not."""
    torch.manual_seed(0)
    training = DataLoader(range(8), batch_size=8, shuffle=True)
    list(training)
    if evaluation is not None:
        list(evaluation)
    return next(iter(training)).tolist()


alone = second_epoch()
evaluated = second_epoch(DataLoader(range(4)))
with_generator = second_epoch(DataLoader(range(4), generator=torch.Generator()))
print("torch", torch.__version__)
print("second epoch, no evaluation before it:      ", alone)
print("after an evaluation:                        ", evaluated)
print("after one whose loader has its own generator:", with_generator)
assert evaluated != alone
assert with_generator == alone
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
