#!/usr/bin/env bash
# Expected: a `CrossBatchMemory` of pytorch-metric-learning continues from a checkpoint: its embeddings and labels are
# buffers, so `state_dict` has them, and `load_state_dict` puts them back without a complaint.
# What happens: how much of them is in use is kept in plain attributes, which are not saved. The loaded memory counts as
# empty: the next losses leave out all that was loaded, and new embeddings overwrite it from the front.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 pytorch-metric-learning==2.9.0
cat > "$folder/finding.py" <<'PYTHON'
import pytorch_metric_learning
import torch
from pytorch_metric_learning.losses import ContrastiveLoss, CrossBatchMemory

torch.manual_seed(0)
batches = [(torch.randn(4, 8), torch.tensor([0, 0, 1, 1])) for _ in range(5)]


def memory():
    return CrossBatchMemory(ContrastiveLoss(), embedding_size=8, memory_size=16)


saved, loaded, fresh = memory(), memory(), memory()
for batch in batches[:4]:
    saved(*batch)
print("pytorch-metric-learning", pytorch_metric_learning.__version__, "torch", torch.__version__)
print(loaded.load_state_dict(saved.state_dict()))
same = torch.equal(loaded.embedding_memory, saved.embedding_memory)
losses = {name: float(loss(*batches[4])) for name, loss in (("saved", saved), ("loaded", loaded), ("new", fresh))}
print("the loaded memory has the same embeddings:", same)
print("loss of the next batch:", *(f"{name} {loss:.4f}" for name, loss in losses.items()))
assert same
assert losses["loaded"] == losses["new"] != losses["saved"]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
