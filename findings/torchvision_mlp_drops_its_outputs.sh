#!/usr/bin/env bash
# Expected: `torchvision.ops.MLP(..., dropout=p)` drops hidden units between its layers, and the last layer, which has
# neither norm nor activation, gives its outputs whole.
# What happens: dropout also follows the last layer. In training a share `p` of the outputs, such as logits or regressed
# values, is zero, and the others are scaled by 1 / (1 - p).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 torchvision==0.28.0
cat > "$folder/finding.py" <<'PYTHON'
import torch

try:
    import torchvision
except RuntimeError:  # a torchvision for GPUs beside a torch for CPUs, whose operators are missing; they are not used
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "() -> ()")
    import torchvision
from torchvision.ops import MLP

torch.manual_seed(0)
mlp = MLP(4, [32, 1000], dropout=0.3)
inputs = torch.rand(1, 4)
in_training = mlp.train()(inputs)
in_evaluation = mlp.eval()(inputs)
share_of_zeros = float((in_training == 0).float().mean())
print("torch", torch.__version__, "torchvision", torchvision.__version__)
print("layers:", ", ".join(type(layer).__name__ for layer in mlp))
print(f"outputs that are exactly 0: in training {share_of_zeros:.0%}, in evaluation {float((in_evaluation == 0).sum()):.0f}")
assert [type(layer).__name__ for layer in mlp] == ["Linear", "ReLU", "Dropout", "Linear", "Dropout"]
assert 0.25 < share_of_zeros < 0.35
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
