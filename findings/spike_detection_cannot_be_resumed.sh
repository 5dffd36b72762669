#!/usr/bin/env bash
# Expected: Lightning's `SpikeDetection` has `state_dict` and `load_state_dict`, and tells at a spike which batches to
# skip "when resuming", so that a fit with it and `ckpt_path` continues.
# What happens: its `load_state_dict` reads `self.running`, but the attribute is `running_mean`. Every resume with the
# callback in both runs raises an AttributeError; without it in the second run, the same checkpoint resumes.
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
from pytorch_lightning.callbacks import SpikeDetection
from torch.utils.data import DataLoader

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
CHECKPOINT = f"{sys.argv[1]}/epoch_0.ckpt"


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(1.0))

    def training_step(self, batch, batch_idx):
        return (self.weight * batch).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(max_epochs, callbacks, ckpt_path=None):
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=max_epochs, callbacks=callbacks, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(Module(), DataLoader(torch.ones(4)), ckpt_path=ckpt_path)
    return trainer


def resumed(callbacks):
    try:
        return f"continued to step {fit(2, callbacks, CHECKPOINT).global_step}"
    except AttributeError as error:
        return f"{type(error).__name__}: {error}"


print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
fit(1, [SpikeDetection(exclude_batches_path=sys.argv[1])]).save_checkpoint(CHECKPOINT)
without, with_callback = resumed([]), resumed([SpikeDetection(exclude_batches_path=sys.argv[1])])
print("resumed without SpikeDetection:", without)
print("resumed with SpikeDetection:   ", with_callback)
assert without == "continued to step 8"
assert with_callback == "AttributeError: 'SpikeDetection' object has no attribute 'running'"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder"
