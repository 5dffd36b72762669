#!/usr/bin/env bash
# Expected: the box that `torchvision.ops.masks_to_boxes` finds for a mask has the size of the mask, because `box_area`,
# `box_iou`, and the transforms compute width as `x2 - x1`.
# What happens: x2 and y2 are the indices of the last pixels, not the ends of them. Each box is one pixel too small on
# each side, so a line one pixel wide has no area, and `SanitizeBoundingBoxes` removes it. A flip of the mask moves the
# box by one pixel, compared with a flip of the box.
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
from torchvision.ops import box_area, masks_to_boxes
from torchvision.transforms import v2
from torchvision.tv_tensors import BoundingBoxes

masks = torch.zeros(2, 10, 10)
masks[0, 2:4, 1:5] = 1  # 2 rows, 4 columns
masks[1, 7, 1:9] = 1  # a line
boxes = masks_to_boxes(masks)
typed = BoundingBoxes(boxes, format="XYXY", canvas_size=(10, 10))
kept = v2.SanitizeBoundingBoxes(labels_getter=None)(typed)
flipped_box = v2.functional.horizontal_flip(typed)[0].tolist()
box_of_flipped = masks_to_boxes(masks.flip(-1))[0].tolist()
print("torch", torch.__version__, "torchvision", torchvision.__version__)
print("pixels of the masks:", masks.sum((1, 2)).tolist())
print("area of the boxes:  ", box_area(boxes).tolist())
print("boxes that SanitizeBoundingBoxes keeps:", len(kept), "of", len(boxes))
print("flipped box:", flipped_box, "box of the flipped mask:", box_of_flipped)
assert masks.sum((1, 2)).tolist() == [8, 8]
assert box_area(boxes).tolist() == [3, 0]
assert len(kept) == 1
assert flipped_box == [6, 2, 9, 3]
assert box_of_flipped == [5, 2, 8, 3]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
