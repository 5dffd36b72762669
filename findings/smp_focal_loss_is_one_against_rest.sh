#!/usr/bin/env bash
# Expected: the focal loss with gamma 0 is the cross entropy. `FocalLoss("multiclass", gamma=0)` of segmentation-models-
# pytorch is then the cross entropy of the softmax, as its Dice loss uses the softmax in this mode.
# What happens: it takes the sigmoid of each class against the rest. A model whose softmax is certain and right, because
# the logits have a large common offset, has a large loss.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 torchvision==0.28.0 segmentation-models-pytorch==0.6.0
cat > "$folder/finding.py" <<'PYTHON'
import torch
from torch.nn import functional as F

try:
    import torchvision
except RuntimeError:  # a torchvision for GPUs beside a torch for CPUs, whose operators are missing; they are not used
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "() -> ()")
    import torchvision
import segmentation_models_pytorch as smp

torch.manual_seed(0)
target = torch.randint(0, 3, (2, 4, 4))
one_hot = F.one_hot(target, 3).movedim(-1, 1).float()
logits = 20 * one_hot + 30  # the softmax of the right class is 1
focal = float(smp.losses.FocalLoss("multiclass", gamma=0.0)(logits, target))
dice = float(smp.losses.DiceLoss("multiclass")(logits, target))
softmax = float(F.cross_entropy(logits, target))
sigmoid = float(F.binary_cross_entropy_with_logits(logits, one_hot))
print("torch", torch.__version__, "segmentation-models-pytorch", smp.__version__)
print(f"DiceLoss {dice:.3f}, FocalLoss {focal:.3f}")
print(f"cross entropy of the softmax {softmax:.3f}, of one sigmoid a class {sigmoid:.3f}")
assert dice < 1e-4
assert softmax < 1e-4
assert abs(focal - sigmoid) < 1e-3
assert focal > 15
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
