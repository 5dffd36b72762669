#!/usr/bin/env bash
# Expected: with `save_last=True`, `last.ckpt` of a `ModelCheckpoint` that monitors a value is of the last epoch, and
# `save_top_k` decides only about the other files.
# What happens: `last.ckpt` is written in those epochs alone whose value is among the best, so it is a copy of the newest
# file that was kept. Whoever resumes from it trains all epochs after the best one again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 pytorch-lightning==2.6.6
cat > "$folder/finding.py" <<'PYTHON'
import logging
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


class Module(pl.LightningModule):
    """Its weight is the number of steps; its error is least after the second epoch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        return -self.weight

    def validation_step(self, batch, batch_idx):
        self.log("error", (self.weight - 2).abs())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


def epoch_of_last(folder, **options):
    """Return the epoch of `last.ckpt` after a fit of six epochs of one step."""
    checkpoints = pl.callbacks.ModelCheckpoint(folder, save_last=True, **options)
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=6, callbacks=checkpoints, logger=False,
        enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(Module(), DataLoader(torch.zeros(1)), DataLoader(torch.zeros(1)))
    return torch.load(Path(folder, "last.ckpt"), weights_only=True)["epoch"]


folder = Path(sys.argv[1])
print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
print("six epochs, 0 to 5; the error is least in epoch 1")
seen = {
    "no monitor": epoch_of_last(folder / "a"),
    "monitor, save_top_k=1": epoch_of_last(folder / "b", monitor="error"),
    "monitor, save_top_k=3": epoch_of_last(folder / "c", monitor="error", save_top_k=3),
    "monitor, save_top_k=-1": epoch_of_last(folder / "d", monitor="error", save_top_k=-1),
}
for options, epoch in seen.items():
    print(f"{options:24} last.ckpt is of epoch {epoch}")
assert list(seen.values()) == [5, 1, 2, 5]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder/checkpoints"
