#!/usr/bin/env bash
# Expected: `.shuffle(size)` of webdataset gives the same order again after the same seeds for random, NumPy, and torch,
# or with `WebDataset(..., seed=...)`.
# What happens: it seeds a generator of its own with the process number and the time, so no seed makes it repeatable.
# The order is repeatable with `rng=random.Random(...)`, or with `detshuffle`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 webdataset==1.0.2
cat > "$folder/finding.py" <<'PYTHON'
import random
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy
import torch
import webdataset

shard = str(Path(tempfile.mkdtemp(dir=Path(__file__).parent)) / "shard.tar")
with webdataset.TarWriter(shard) as writer:
    for number in range(30):
        writer.write({"__key__": f"{number:03}", "cls": number})


def same_twice(shuffle):
    """Whether two passes after the same seeds have the same order."""
    orders = []
    for _ in range(2):
        random.seed(0)
        numpy.random.seed(0)
        torch.manual_seed(0)
        dataset = shuffle(webdataset.WebDataset(shard, shardshuffle=False, seed=0)).decode()
        orders.append([sample["cls"] for sample in dataset])
    return orders[0] == orders[1]


seeds = same_twice(lambda dataset: dataset.shuffle(100))
generator = same_twice(lambda dataset: dataset.shuffle(100, rng=random.Random(0)))
deterministic = same_twice(lambda dataset: dataset.compose(webdataset.detshuffle(100)))
print("torch", torch.__version__, "webdataset", version("webdataset"))
print("same order twice, with seeds:", seeds)
print("same order twice, with rng=random.Random(0):", generator)
print("same order twice, with detshuffle:", deterministic)
assert not seeds
assert generator
assert deterministic
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
