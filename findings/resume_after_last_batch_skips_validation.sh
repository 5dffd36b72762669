#!/usr/bin/env bash
# Expected: a fit that is resumed from the checkpoint of an epoch's last batch (`ModelCheckpoint(every_n_train_steps=...)`)
# validates that epoch and ends it, or starts the next one from its beginning.
# What happens: the epoch is neither validated nor ended (no `on_train_epoch_end`), and the next one begins without
# `on_train_epoch_start`. An uninterrupted fit has both.
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
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        return self.weight

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


class Hooks(pl.Callback):
    def __init__(self):
        self.seen = []

    def on_train_epoch_start(self, trainer, module):
        self.seen.append(f"start {trainer.current_epoch}")

    def on_validation_end(self, trainer, module):
        self.seen.append(f"validated {trainer.current_epoch}")

    def on_train_epoch_end(self, trainer, module):
        self.seen.append(f"end {trainer.current_epoch}")


def fit(ckpt_path=None, *callbacks):
    hooks = Hooks()
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=2, callbacks=[hooks, *callbacks], logger=False,
        enable_checkpointing=bool(callbacks), num_sanity_val_steps=0, enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), DataLoader(torch.zeros(4)), DataLoader(torch.zeros(1)), ckpt_path=ckpt_path, weights_only=True)
    return hooks.seen


folder = Path(sys.argv[1])
whole = fit(None, pl.callbacks.ModelCheckpoint(folder, filename="{step}", every_n_train_steps=2, save_top_k=-1))
resumed = fit(folder / "step=4.ckpt")

print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
print("uninterrupted:", ", ".join(whole))
print("resumed after the last of 4 batches:", ", ".join(resumed))
assert whole == ["start 0", "validated 0", "end 0", "start 1", "validated 1", "end 1"]
assert resumed == ["validated 1", "end 1"]
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder/checkpoints"
