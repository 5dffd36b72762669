#!/usr/bin/env bash
# Expected: the Dice loss of segmentation-models-pytorch is near 1 if a class is predicted everywhere and the batch has
# no pixel of it.
# What happens: the loss of a class without a pixel in the batch is set to 0, whatever is predicted, and so is its
# gradient. JaccardLoss and TverskyLoss do the same. With small batches and rare classes, nothing in these losses works
# against false positives.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 torchvision==0.28.0 segmentation-models-pytorch==0.6.0
cat > "$folder/finding.py" <<'PYTHON'
import torch

try:
    import torchvision
except RuntimeError:  # a torchvision for GPUs beside a torch for CPUs, whose operators are missing; they are not used
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "() -> ()")
    import torchvision
import segmentation_models_pytorch as smp

everywhere = torch.full((2, 1, 8, 8), 9.0, requires_grad=True)  # logits
empty = torch.zeros(2, 1, 8, 8)
one_pixel = empty.clone()
one_pixel[0, 0, 0, 0] = 1
print("torch", torch.__version__, "segmentation-models-pytorch", smp.__version__)
for loss_type in (smp.losses.DiceLoss, smp.losses.JaccardLoss, smp.losses.TverskyLoss):
    loss = loss_type("binary")
    on_one_pixel = float(loss(everywhere, one_pixel).detach())
    (gradient,) = torch.autograd.grad(loss(everywhere, empty), everywhere)
    on_empty = float(loss(everywhere, empty).detach())
    print(f"{loss_type.__name__:12} target of one pixel {on_one_pixel:.3f}, empty target {on_empty:.3f}")
    assert on_one_pixel > 0.98
    assert on_empty == 0
    assert not gradient.any()
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
