#!/usr/bin/env bash
# Expected: a fit that resumes inside an epoch gives a loader with `load_state_dict` the state from the checkpoint,
# whatever `configure_optimizers` reads.
# What happens: `trainer.estimated_stepping_batches` in `configure_optimizers`, as schedules need it, sets up the loaders
# before the checkpoint is read. The loader's state is then never loaded, without a warning, and the epoch starts anew.
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

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
CHECKPOINT = f"{sys.argv[1]}/inside.ckpt"


class Loader:
    """Gives the numbers from 0 to 3, and continues where it was."""

    def __init__(self):
        self.position = 0

    def __len__(self):
        return 4

    def __iter__(self):
        first, self.position = self.position, 0
        return self.numbers(first)

    def numbers(self, first):
        for number in range(first, 4):
            self.position = (number + 1) % 4
            yield torch.full((1, 1), float(number))

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]


class Module(pl.LightningModule):
    def __init__(self, counts_steps):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.counts_steps = counts_steps
        self.batches = []

    def training_step(self, batch, batch_idx):
        self.batches.append(int(batch))
        return self.layer(batch).mean()

    def on_train_batch_end(self, *args):
        if self.batches == [0, 1]:
            self.trainer.save_checkpoint(CHECKPOINT)

    def configure_optimizers(self):
        if self.counts_steps:
            assert self.trainer.estimated_stepping_batches == 4
        return torch.optim.SGD(self.parameters(), lr=0.1)


def batches(counts_steps, ckpt_path=None):
    module = Module(counts_steps)
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(module, Loader(), ckpt_path=ckpt_path)
    return module.batches


print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
for counts_steps, resumed in ((False, [2, 3]), (True, [0, 1])):
    assert batches(counts_steps) == [0, 1, 2, 3]
    found = batches(counts_steps, CHECKPOINT)
    print(f"saved after [0, 1], resumed with {found}; estimated_stepping_batches was read: {counts_steps}")
    assert found == resumed
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder"
