"""What the configs of this folder name: data, and a callback that looks at the process."""

import json
import time
from pathlib import Path
from typing import Any

import torch
from measures import processor_s, resident_mib, size_mib
from pytorch_lightning import Callback, Trainer
from torch.utils.data import DataLoader, Dataset, TensorDataset

WATCHED = Path("watched.jsonl")


def one_batch(seed: int) -> DataLoader:
    """Make a loader of one batch of 4 samples."""
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = torch.randn(4, 4, generator=generator), torch.randint(2, (4,), generator=generator)
    return DataLoader(TensorDataset(inputs, targets), batch_size=4)


class Watch(Callback):
    """Reads memory, time and size after every tenth of the epochs; prints them, and appends them to ``WATCHED``."""

    def __init__(self, epochs: int) -> None:
        self.every = max(1, epochs // 10)
        self._begin = self._before_s = 0.0

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        self._begin, self._before_s = time.monotonic(), processor_s()

    def on_train_epoch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch % self.every == 0 and trainer.current_epoch:
            self._look(trainer.current_epoch)

    def on_train_end(self, trainer: Trainer, *_: Any) -> None:
        self._look(trainer.current_epoch)

    def _look(self, epoch: int) -> None:
        now_s = processor_s()
        row = {
            "epoch": epoch,
            "passed_s": time.monotonic() - self._begin,
            "memory_mib": resident_mib(),
            "epoch_ms": (now_s - self._before_s) / self.every * 1000,
            "left_mib": size_mib(Path.cwd()),
        }
        with WATCHED.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        print(
            f"{epoch:>9,} epochs {row['passed_s']:6.0f} s {row['memory_mib']:8.1f} MiB "
            f"{row['epoch_ms']:7.3f} ms of a processor an epoch {row['left_mib']:8.1f} MiB left",
            flush=True,
        )
        self._before_s = processor_s()


class Constant(Dataset):
    """Sample ``i`` has the value ``i`` everywhere."""

    def __init__(self, first: int, number: int, values: int) -> None:
        self.first, self.number, self.values = first, number, values

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((self.values,), float(self.first + index))


class Memory(Callback):
    """Writes the memory of the process after every tenth of the predictions to ``memory.txt``."""

    def __init__(self) -> None:
        self._seen: list[float] = []

    def on_predict_batch_end(self, trainer: Trainer, *args: Any) -> None:
        self._seen.append(resident_mib())

    def on_predict_end(self, trainer: Trainer, *args: Any) -> None:
        Path("memory.txt").write_text(" ".join(f"{one:.0f}" for one in self._seen[:: max(1, len(self._seen) // 10)]))
