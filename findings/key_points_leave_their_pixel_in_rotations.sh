#!/usr/bin/env bash
# Expected: a key point of torchvision's transforms v2 marks the same pixel of the image after every transform without
# interpolation, as flips and rotations by 90 degrees are.
# What happens: flips move it with the pixel (x becomes width - 1 - x). Rotations, by `rotate` or `affine`, take the
# point as a corner of the pixel grid (x becomes width - x), so the point is one pixel off. A rotation by 180 degrees
# and two flips turn the same image into the same image, but the key points differ.
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
from torchvision.transforms.v2 import functional as F
from torchvision.tv_tensors import Image, KeyPoints

TRANSFORMS = {
    "horizontal and vertical flip": lambda value: F.vertical_flip(F.horizontal_flip(value)),
    "rotate by 180 degrees": lambda value: F.rotate(value, 180),
    "affine by 180 degrees": lambda value: F.affine(value, 180, translate=[0, 0], scale=1.0, shear=[0, 0]),
    "rotate by 90 degrees": lambda value: F.rotate(value, 90),
}
image = Image(torch.zeros(1, 9, 9))
image[0, 2, 3] = 1
point = KeyPoints([[3.0, 2.0]], canvas_size=(9, 9))
print("torch", torch.__version__, "torchvision", torchvision.__version__)
found = {}
for name, transform in TRANSFORMS.items():
    row, column = transform(image)[0].nonzero()[0].tolist()
    found[name] = [[column, row], [round(value) for value in transform(point)[0].tolist()]]
    print(f"{name:30} pixel {found[name][0]}, key point {found[name][1]}")
assert found["horizontal and vertical flip"] == [[5, 6], [5, 6]]
assert found["rotate by 180 degrees"] == found["affine by 180 degrees"] == [[5, 6], [6, 7]]
assert found["rotate by 90 degrees"] == [[2, 5], [2, 6]]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
