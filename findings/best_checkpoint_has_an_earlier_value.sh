#!/usr/bin/env bash
# Expected: `ModelCheckpoint(monitor=..., every_n_train_steps=k)` ranks a checkpoint by the value of the weights in it, or
# waits for the next validation.
# What happens: after the first validation it takes the last logged value, also when a validation follows at the same
# step. The value in the name is that of earlier weights, and the "best" checkpoint is chosen by it.
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
    """Its weight is the number of the step; its error is the distance to 4."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        return -self.weight

    def validation_step(self, batch, batch_idx):
        self.log("error", (self.weight - 4).abs())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


checkpoints = pl.callbacks.ModelCheckpoint(
    sys.argv[1], filename="{step}-{error:.0f}", monitor="error", every_n_train_steps=3, save_top_k=-1
)
trainer = pl.Trainer(
    accelerator="cpu", devices=1, max_epochs=3, callbacks=checkpoints, logger=False,
    enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(Module(), DataLoader(torch.zeros(4)), DataLoader(torch.zeros(1)))

print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
print("validation after the steps 4, 8 and 12, a checkpoint every 3 steps")
errors = {}
for file in sorted(map(Path, checkpoints.best_k_models), key=lambda file: file.stat().st_mtime_ns):
    weight = torch.load(file, weights_only=True)["state_dict"]["weight"]
    errors[file.stem] = float((weight - 4).abs())
    print(f"{file.name:20} error of its weights: {errors[file.stem]:.0f}")
best = Path(checkpoints.best_model_path).stem
print(f"best: {best}, error of its weights: {errors[best]:.0f}")
assert errors == {"step=6-error=0": 2, "step=9-error=4": 5, "step=12-error=4": 8}
assert best == "step=6-error=0"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder/checkpoints"
