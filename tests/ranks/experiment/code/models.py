import os
import signal
import time
from pathlib import Path

import torch
from torch import distributed
from torch.utils.data import Dataset, Sampler

from lighter import LighterModule


class Samples(Dataset):
    """Samples that say who they are."""

    def __init__(self, num_samples=16):
        self.num_samples = num_samples

    def __len__(self):
        return self.num_samples

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        x = torch.randn(4, generator=generator, dtype=torch.float64)
        return {"input": x, "target": index % 3, "identifier": f"sample {index:02}"}


class InOrder(Sampler):
    """Every rank's share, in order: Lightning's own sampler shuffles training data, also where a loader does not."""

    def __iter__(self):
        rank, num_ranks = (distributed.get_rank(), distributed.get_world_size()) if self._has_ranks else (0, 1)
        return iter(range(rank, 16, num_ranks))

    def __len__(self):
        return 16 // distributed.get_world_size() if self._has_ranks else 16

    @property
    def _has_ranks(self):
        return distributed.is_initialized()


class Classifier(LighterModule):
    def training_step(self, batch, batch_idx):
        return {"loss": self.criterion(self(batch["input"]), batch["target"])}

    def validation_step(self, batch, batch_idx):
        pred = self(batch["input"])
        self.update_metrics(pred, batch["target"])
        return {"loss": self.criterion(pred, batch["target"])}

    def test_step(self, batch, batch_idx):
        return self.validation_step(batch, batch_idx)

    def predict_step(self, batch, batch_idx):
        return {"pred": self(batch["input"]).argmax(dim=1), "identifier": batch["identifier"]}


class Failing(Classifier):
    """Fails in one rank, in one of several ways: in the middle of its second epoch, or when it is built."""

    def __init__(self, *args, rank=1, how="raise", **options):
        super().__init__(*args, **options)
        self.rank, self.how = rank, how
        if how == "raise when built" and os.environ.get("LOCAL_RANK", "0") == str(rank):
            raise ValueError("this rank cannot be built")

    def training_step(self, batch, batch_idx):
        if self.current_epoch == 1 and batch_idx == 1:
            if self.global_rank == self.rank:
                self._fail()
            if "while others wait" in self.how:
                time.sleep(600)  # as in a collective that waits for the rank that is gone
        return super().training_step(batch, batch_idx)

    def _fail(self):
        if self.how.startswith("raise"):
            raise ValueError("this rank does not like this batch")
        os.kill(os.getpid(), signal.SIGKILL)


class Slow(Classifier):
    """Says in the middle of a step of its second epoch that the time of its job is up."""

    def training_step(self, batch, batch_idx):
        if self.current_epoch == 1 and batch_idx == 1 and "SLURM_RESTART_COUNT" not in os.environ:
            if self.global_rank == 0:
                Path("time_is_up").touch()
            time.sleep(1)
        return super().training_step(batch, batch_idx)


class Endless(Classifier):
    """Says when it trains, which it does for long enough that a signal comes meanwhile."""

    def training_step(self, batch, batch_idx):
        if self.global_step == 3:
            Path("training").touch()
        if self.global_step >= 3:
            time.sleep(0.3)
        return super().training_step(batch, batch_idx)


class Paced(Classifier):
    """Takes its time, so that somebody can interfere."""

    def training_step(self, batch, batch_idx):
        time.sleep(0.1)
        return super().training_step(batch, batch_idx)


class Scored(Paced):
    """Logs a score: in both ranks, only in rank zero, or a finite one only there."""

    def __init__(self, *args, score=0.5, who="both", **options):
        super().__init__(*args, **options)
        self.score, self.who = score, who

    def on_validation_epoch_end(self):
        super().on_validation_epoch_end()
        if self.global_rank == 0:
            self.log("score", self.score, rank_zero_only=True)
        elif self.who != "rank zero":
            self.log("score", float("nan") if self.who == "nan in rank 1" else self.score, rank_zero_only=True)
