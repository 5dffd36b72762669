#!/usr/bin/env bash
# Expected: a schedule that has ended stays at its last value, if a run makes a few steps more than planned.
# What happens: the `cosine` schedule of diffusers and that of transformers rise again after their last step, back to
# the full learning rate. Their `linear`, `polynomial`, and `cosine_with_restarts` schedules, also with one cycle, stay
# at 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 diffusers==0.42.1 transformers==5.24.0
cat > "$folder/finding.py" <<'PYTHON'
import diffusers
import torch
import transformers

NAMES = ("linear", "polynomial", "cosine_with_restarts", "cosine")


def rate_after(get_scheduler, name):
    """The rates after 10 and 20 steps of a schedule of 10 steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=0, num_training_steps=10)
    rates = []
    for _ in range(20):
        optimizer.step()
        scheduler.step()
        rates.append(round(scheduler.get_last_lr()[0], 4))
    return rates[9], rates[19]


print("torch", torch.__version__, "diffusers", diffusers.__version__, "transformers", transformers.__version__)
for library in (diffusers.optimization, transformers):
    for name in NAMES:
        at_end, after = rate_after(library.get_scheduler, name)
        print(f"{library.__name__:22} {name:22} at the end {at_end}, 10 steps later {after}")
        assert at_end == 0
        assert after == (1 if name == "cosine" else 0)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
