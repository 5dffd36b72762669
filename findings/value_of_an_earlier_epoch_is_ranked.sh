#!/usr/bin/env bash
# Expected: an epoch that does not log the monitored value is left out by `ModelCheckpoint`, or ends with an error, as
# the first epoch without it does.
# What happens: `trainer.callback_metrics` keeps the value of the last epoch that logged it. `ModelCheckpoint` ranks and
# names the checkpoints of later epochs by that value.
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
    """Its weight is the number of the epoch; it logs its error, the weight, in every second epoch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        return -self.weight

    def validation_step(self, batch, batch_idx):
        if self.current_epoch % 2 == 0:
            self.log("error", self.weight.detach())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


checkpoints = pl.callbacks.ModelCheckpoint(
    sys.argv[1], filename="{epoch}-{error:.0f}", monitor="error", mode="min", save_top_k=-1
)
trainer = pl.Trainer(
    accelerator="cpu", devices=1, max_epochs=4, callbacks=checkpoints, logger=False, num_sanity_val_steps=0,
    enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(Module(), DataLoader(torch.zeros(1)), DataLoader(torch.zeros(1)))

print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
weights = {}
for file in sorted(Path(sys.argv[1]).iterdir()):
    weights[file.stem] = float(torch.load(file, weights_only=True)["state_dict"]["weight"])
    print(f"{file.name:22} error of its weights: {weights[file.stem]:.0f}")
assert weights == {"epoch=0-error=1": 1, "epoch=1-error=1": 2, "epoch=2-error=3": 3, "epoch=3-error=3": 4}
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder/checkpoints"
