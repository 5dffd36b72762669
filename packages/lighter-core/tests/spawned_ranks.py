"""Run as a script by conftest.py: what the test files do in two spawned processes, one after the other."""

import json
import sys
import warnings
from pathlib import Path

from ddp_run import Module, Seen, samples
from pytorch_lightning import LightningModule, Trainer
from torch.utils.data import DataLoader, DistributedSampler

sys.path.insert(0, str(Path(__file__).parent / "callbacks/writers"))
import test_csv_writer


class SeenInFile(Seen):
    """Keep what a rank sees in a file: its objects do not come back from a spawned process."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.train.append({k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("train/")})
        seen = json.dumps({"train": self.train, "val": self.val})
        Path(f"spawned{trainer.global_rank}.json").write_text(seen)


class OwnSamplers(Module):
    """Lightning's own sampler would shuffle the training data."""

    def train_dataloader(self) -> DataLoader:
        data = samples(16)
        sampler = DistributedSampler(data, num_replicas=2, rank=self.global_rank, shuffle=False)
        return DataLoader(data, batch_size=4, sampler=sampler)

    val_dataloader = train_dataloader


def fit() -> None:
    Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=2,
        strategy="ddp_spawn",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        use_distributed_sampler=False,
        callbacks=[SeenInFile()],
    ).fit(OwnSamplers("even"))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    fit()
    test_csv_writer.fail_on_one_of_two_spawned_ranks()
