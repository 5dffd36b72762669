#!/usr/bin/env bash
# Expected: activation checkpointing, as by `set_grad_checkpointing()` of timm, saves memory and changes no result: a
# model is the same after a training step with it and without.
# What happens: the backward pass runs the forward pass again, and BatchNorm updates its running statistics again. They
# move twice a step, as with another momentum; gradients and weights are right, so only the results in evaluation
# differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/venv"
VIRTUAL_ENV="$folder/venv" uv pip install --quiet torch==2.13.0 torchvision==0.28.0 timm==1.0.31
cat > "$folder/finding.py" <<'PYTHON'
import torch

try:
    import torchvision
except RuntimeError:  # a torchvision for GPUs beside a torch for CPUs, whose operators are missing; they are not used
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "() -> ()")
    import torchvision
import timm


def after_a_step(checkpointing):
    """The model and its BatchNorm counters after one step of training."""
    torch.manual_seed(0)
    model = timm.create_model("test_resnet").train()
    model.set_grad_checkpointing(checkpointing)
    model(torch.rand(4, 3, 64, 64)).square().mean().backward()
    counters = {int(buffer) for name, buffer in model.named_buffers() if name.endswith("num_batches_tracked")}
    gradient = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    with torch.no_grad():
        return counters, gradient, model.eval()(torch.ones(1, 3, 64, 64))


without, with_it = after_a_step(False), after_a_step(True)
difference = float((without[2] - with_it[2]).abs().max() / without[2].abs().max())
print("torch", torch.__version__, "timm", timm.__version__)
print("batches that the BatchNorm layers have counted after one step, without checkpointing:", without[0])
print("with checkpointing:", with_it[0])
print("same gradients:", torch.allclose(without[1], with_it[1], rtol=1e-3, atol=1e-6))
print(f"relative difference of the outputs in evaluation: {difference:.3f}")
assert without[0] == {1}
assert with_it[0] == {1, 2}  # what is outside of the blocks runs once
assert torch.allclose(without[1], with_it[1], rtol=1e-3, atol=1e-6)
assert difference > 1e-3
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
