#!/usr/bin/env bash
# Expected: a fit with `ckpt_path` continues the run, also with a `LearningRateFinder` or `BatchSizeFinder` among the
# callbacks; or it raises.
# What happens: the finder restores a checkpoint of its own when it has finished, and that ends Lightning's restoring.
# The weights are those of the checkpoint; epoch, step and optimizer start anew, without a warning.
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
from pytorch_lightning.callbacks import BatchSizeFinder, LearningRateFinder
from torch.utils.data import DataLoader

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
FOLDER = sys.argv[1]
CHECKPOINT = f"{FOLDER}/epoch_2.ckpt"


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(5.0))
        self.lr, self.batch_size = 0.1, 2

    def train_dataloader(self):
        return DataLoader(torch.ones(8), self.batch_size)

    def training_step(self, batch, batch_idx):
        return (self.weight * batch).square().mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)

    def on_train_start(self):
        state = self.optimizers().optimizer.state
        num_steps = int(state[self.weight]["step"]) if self.weight in state else 0
        self.start = {
            "epoch": self.current_epoch,
            "step": self.trainer.global_step,
            "optimizer's step": num_steps,
            "weight": round(float(self.weight), 3),
        }


def fit(max_epochs, callbacks=(), ckpt_path=None):
    module = Module()
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=max_epochs, callbacks=list(callbacks), default_root_dir=FOLDER,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(module, ckpt_path=ckpt_path)
    return trainer, module


trainer, _ = fit(3)
trainer.save_checkpoint(CHECKPOINT)
print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
print("3 epochs of 4 steps, then resumed with")
starts = {}
for title, callbacks in {
    "no callback": [],
    "LearningRateFinder": [LearningRateFinder(num_training_steps=20, update_attr=False)],
    "BatchSizeFinder": [BatchSizeFinder(max_trials=1)],
}.items():
    _, module = fit(5, callbacks, CHECKPOINT)
    starts[title] = tuple(module.start.values())
    print(f"{title + ':':20}", module.start)
weight = starts["no callback"][-1]
assert starts.pop("no callback") == (3, 12, 12, weight)
for start in starts.values():
    assert start == (0, 0, 0, weight)
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder"
