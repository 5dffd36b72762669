#!/usr/bin/env bash
# Expected: a fit that resumes at the end of epoch 0 trains epoch 1 on the batches of an uninterrupted run. The sampler
# shuffles by its epoch (`set_epoch`), so it needs no random state.
# What happens: with worker processes the resumed epoch 1 gets the batches of epoch 0. Lightning starts the loader before
# it tells the sampler the epoch, and the workers have their first indices by then. Without workers all is right.
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
from torch.utils.data.distributed import DistributedSampler

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
CHECKPOINT = f"{sys.argv[1]}/epoch_0.ckpt"


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.batches = []

    def training_step(self, batch, batch_idx):
        self.batches.append(batch.int().tolist())
        return self.layer(batch[:, None].float()).mean()

    def on_train_epoch_end(self):
        if self.current_epoch == 0:
            self.trainer.save_checkpoint(CHECKPOINT)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def batches(num_workers, ckpt_path=None):
    numbers = torch.arange(16)
    sampler = DistributedSampler(numbers, num_replicas=1, rank=0, seed=5)
    module = Module()
    trainer = pl.Trainer(
        accelerator="cpu", devices=1, max_epochs=2, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )
    trainer.fit(module, DataLoader(numbers, 4, sampler=sampler, num_workers=num_workers), ckpt_path=ckpt_path)
    return module.batches


if __name__ == "__main__":
    print("torch", torch.__version__, "pytorch-lightning", pl.__version__)
    for num_workers in (0, 2):
        whole = batches(num_workers)
        resumed = batches(num_workers, CHECKPOINT)
        print(f"{num_workers} workers: epoch 0 {whole[:2]} ..., epoch 1 {whole[4:6]} ..., epoch 1 resumed {resumed[:2]} ...")
        assert resumed == (whole[:4] if num_workers else whole[4:])
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/finding.py" "$folder"
