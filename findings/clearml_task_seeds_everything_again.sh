#!/usr/bin/env bash
# Expected: `Task.init` of ClearML watches a training and leaves its random numbers alone.
# What happens: it gives random, NumPy and torch a seed of its own (1337), whatever was seeded before. So the runs of two
# seeds draw the same numbers from there on. `Task.set_random_seed(None)` before it prevents that.
# It takes two minutes where no network can be reached, as each of its four processes waits for it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 numpy==2.4.6 clearml==2.1.12
cat > "$folder/finding.py" <<'PYTHON'
import os
import random
import subprocess
import sys
from importlib.metadata import version

import numpy
import torch
from clearml import Task


def draw(seed, own_seed):
    """Print one number of each generator, drawn after `Task.init`."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    Task.set_offline(offline_mode=True)
    if own_seed == "none":
        Task.set_random_seed(None)
    Task.init("findings", f"seed {seed}", reuse_last_task_id=False, auto_connect_frameworks=False)
    print("drawn", random.random(), float(numpy.random.rand()), float(torch.rand(1)), flush=True)
    os._exit(0)


def drawn(*words):
    """Draw in a process of its own."""
    printed = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=True).stdout
    (line,) = [line for line in printed.splitlines() if line.startswith("drawn ")]
    return line.split()[1:]


if len(sys.argv) > 1:
    draw(int(sys.argv[1]), sys.argv[2])
first, second, third, fourth = drawn("1", "own"), drawn("2", "own"), drawn("1", "none"), drawn("2", "none")
print("torch", torch.__version__, "numpy", numpy.__version__, "clearml", version("clearml"))
print("drawn after seed 1 and 2:", first, second)
print("the same after Task.set_random_seed(None):", third, fourth)
assert first == second
assert all(one != other for one, other in zip(third, fourth))
PYTHON
HOME="$folder" "$folder/venv/bin/python" -W ignore "$folder/finding.py"
