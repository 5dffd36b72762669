#!/usr/bin/env bash
# Expected: `SoftCrossEntropyLoss(smooth_factor=0, ignore_index=255)` of segmentation-models-pytorch is torch's cross
# entropy with this `ignore_index`: the mean over the pixels that count.
# What happens: the ignored pixels count as 0 in the mean. If three quarters of a mask are not labelled, the loss is a
# quarter of torch's, and so are its gradients. SoftBCEWithLogitsLoss does the same.
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
logits = torch.randn(2, 3, 8, 8)
target = torch.randint(0, 3, (2, 8, 8))
target[:, 2:] = 255
labelled = target != 255
found = float(smp.losses.SoftCrossEntropyLoss(smooth_factor=0.0, ignore_index=255)(logits, target))
right = float(F.cross_entropy(logits, target, ignore_index=255))
binary_target = torch.where(labelled, (target > 0).long(), 255).float()
binary_found = float(smp.losses.SoftBCEWithLogitsLoss(ignore_index=255)(logits[:, 0], binary_target))
binary_right = float(F.binary_cross_entropy_with_logits(logits[:, 0][labelled], binary_target[labelled]))
print("torch", torch.__version__, "segmentation-models-pytorch", smp.__version__)
print(f"share of labelled pixels {float(labelled.float().mean()):.2f}")
print(f"SoftCrossEntropyLoss  {found:.4f}, torch {right:.4f}, ratio {found / right:.2f}")
print(f"SoftBCEWithLogitsLoss {binary_found:.4f}, torch {binary_right:.4f}, ratio {binary_found / binary_right:.2f}")
assert abs(found / right - 0.25) < 1e-4
assert abs(binary_found / binary_right - 0.25) < 1e-4
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
