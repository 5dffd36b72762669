#!/usr/bin/env bash
# Expected: `load_file` of safetensors returns the tensors in the order in which `save_file` got them, as a state dict
# of torch keeps the order.
# What happens: the file is ordered by the data types, the largest first, and then by name. Code that goes by position,
# as `zip(model.parameters(), saved.values())` or "the last entry", takes other tensors: `10.weight` comes before
# `2.weight`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 safetensors==0.8.0 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

path = Path(tempfile.mkdtemp(dir=Path(__file__).parent)) / "model.safetensors"
model = torch.nn.Sequential(*(torch.nn.Linear(2, 2, bias=False) for _ in range(11)))
state = {**model.state_dict(), "step": torch.tensor(7)}
save_file(state, path)
loaded = load_file(path)
differing = sum(
    not torch.equal(weight, saved) for weight, saved in zip(model.parameters(), loaded.values(), strict=False)
)
print("torch", torch.__version__, "safetensors", version("safetensors"))
print("saved: ", *state)
print("loaded:", *loaded)
print("weights that differ by position:", differing, "of 11")
assert list(state) == [*(f"{number}.weight" for number in range(11)), "step"]
assert list(loaded) == ["step", *sorted(f"{number}.weight" for number in range(11))]
assert all(torch.equal(state[name], loaded[name]) for name in state)
assert differing == 11
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
