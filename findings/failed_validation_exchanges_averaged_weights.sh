#!/usr/bin/env bash
# Expected: every checkpoint of a fit with `EMAWeightAveraging` has the average as `state_dict`, and the weights of the
# optimizer as `current_model_state`: a resumed fit trains from these.
# What happens: the callback swaps the two in memory for validation. A checkpoint that is saved meanwhile, because an
# exception ended the validation (`ModelCheckpoint(save_on_exception=True)`), has them exchanged, without a warning. A
# fit that resumes from it trains from the average.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 pytorch-lightning==2.6.6
cat > "$folder/finding.py" <<'PYTHON'
import logging
import sys

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
_, folder = sys.argv


class Module(pl.LightningModule):
    """Each step adds 1 to the weight; the average gets half of each step."""

    def __init__(self, fails):
        super().__init__()
        self.fails = fails
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.first = None

    def training_step(self, batch, batch_idx):
        self.first = float(self.weight) if self.first is None else self.first
        return -self.weight

    def validation_step(self, batch, batch_idx):
        if self.fails:
            raise OSError("cannot read the image")

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


def fit(fails, **options):
    averaging = pl.callbacks.EMAWeightAveraging(decay=0.5)
    checkpoints = pl.callbacks.ModelCheckpoint(folder, filename="saved", save_top_k=0, save_on_exception=True)
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=2, callbacks=[averaging, checkpoints], logger=False,
        num_sanity_val_steps=0, enable_progress_bar=False, enable_model_summary=False,
    )
    module = Module(fails)
    try:
        trainer.fit(module, DataLoader(torch.zeros(3)), DataLoader(torch.zeros(1)), **options)
    except OSError as error:
        print("validation failed:", error)
    return module


fit(fails=True)
checkpoint = torch.load(f"{folder}/saved.ckpt", weights_only=True)
resumed = fit(fails=False, ckpt_path=f"{folder}/saved.ckpt")

# the weight after three steps is 3; its average is ((1 + 2) / 2 + 3) / 2 = 2.25
weights, average = float(checkpoint["current_model_state"]["weight"]), float(checkpoint["state_dict"]["weight"])
print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
print("weight 3, average 2.25; the checkpoint has: weight", weights, "average", average)
print("the resumed fit trains from", resumed.first)
assert (weights, average, resumed.first) == (2.25, 3.0, 2.25)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder/checkpoints"
