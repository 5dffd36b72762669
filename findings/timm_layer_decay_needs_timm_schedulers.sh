#!/usr/bin/env bash
# Expected: the groups of `timm.optim.param_groups_layer_decay` give each layer its own learning rate in any optimizer.
# What happens: they have no `lr`, only a key `lr_scale` of timm's own, beside `weight_decay`. torch's optimizers keep the
# key and ignore it, as torch's schedulers do, so all layers train at one rate, without a warning. Only timm's schedulers
# multiply the rate by it, so that even a constant rate needs one of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 timm==1.0.31
cat > "$folder/finding.py" <<'PYTHON'
import torch

try:
    import torchvision
except RuntimeError:  # a torchvision for GPUs beside a torch for CPUs, whose operators are missing; they are not used
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "() -> ()")
    import torchvision
import timm
from timm.optim import param_groups_layer_decay
from timm.scheduler import CosineLRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR


def distances(make_scheduler):
    """How far one step moves the weights of each layer, first layer first, when every gradient is 1."""
    groups = param_groups_layer_decay(timm.create_model("test_vit"), weight_decay=0.0, layer_decay=0.5)
    optimizer = torch.optim.AdamW(groups, lr=0.128)
    make_scheduler(optimizer)
    scales = [group["lr_scale"] for group in optimizer.param_groups]
    weights = [group["params"][0] for group in optimizer.param_groups]
    before = [weight.detach().clone() for weight in weights]
    for group in optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = torch.ones_like(weight)
    optimizer.step()
    moved = [round(float((old - new).mean()), 4) for old, new in zip(before, weights, strict=True)]
    return dict(zip(scales, moved, strict=True))


print("torch", torch.__version__, "timm", timm.__version__)
with_torch = distances(lambda optimizer: CosineAnnealingLR(optimizer, T_max=10))
with_timm = distances(lambda optimizer: CosineLRScheduler(optimizer, t_initial=10))
print("lr_scale of the layers:            ", *with_torch)
print("distance with a scheduler of torch:", *with_torch.values())
print("distance with a scheduler of timm: ", *with_timm.values())
assert len(with_torch) == 8
assert set(with_torch.values()) == {0.128}
assert with_timm == {scale: round(0.128 * scale, 4) for scale in with_torch}
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
