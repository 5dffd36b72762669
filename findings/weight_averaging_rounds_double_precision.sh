#!/usr/bin/env bash
# Expected: with `precision="64-true"` the weights are those of training in float64; a callback that only keeps an
# average of them does not change them.
# What happens: `EMAWeightAveraging` copies the module before Lightning converts it to float64, so the average stays in
# float32. For validation the callback swaps weights and average, and afterwards swaps them back. Each validation rounds
# the training weights to float32 so, without a warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 pytorch-lightning==2.6.6
cat > "$folder/finding.py" <<'PYTHON'
import logging

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


class Module(pl.LightningModule):
    """Each step adds 0.1 to the weight."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.before = self.after = None

    def training_step(self, batch, batch_idx):
        return -self.weight

    def on_validation_start(self):
        self.before = self.weight.item()

    def validation_step(self, batch, batch_idx):
        pass

    def on_validation_end(self):
        self.after = self.weight.item()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(*callbacks):
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=1, precision="64-true", callbacks=list(callbacks), logger=False,
        num_sanity_val_steps=0, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )
    module = Module()
    trainer.fit(module, DataLoader(torch.zeros(3)), DataLoader(torch.zeros(1)))
    return module


print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
plain, averaged = fit(), fit(pl.callbacks.EMAWeightAveraging(decay=0.9))
for title, module in (("without the callback", plain), ("with EMAWeightAveraging", averaged)):
    print(f"{title}: {module.weight.dtype}, before validation {module.before!r}, after {module.after!r}")
assert plain.before == plain.after == averaged.before
assert averaged.after != averaged.before
assert averaged.after == torch.tensor(averaged.before, dtype=torch.float64).float().item()
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py"
