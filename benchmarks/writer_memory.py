"""Show that the memory of `CsvWriter` does not grow with the number of rows.

Run: python benchmarks/writer_memory.py [--rows 1000000] [--shuffle]

Predicts ``rows`` rows of an index, a name and ten logits with a real Trainer and prints the resident memory of the
process after every tenth, at the end of predict, and how far it grew after the first tenth. `--shuffle` draws the
samples in random order, so that the rows are sorted on disk, in chunks of some ten MiB in memory.
"""

import argparse
import logging
import platform
import resource
import tempfile
import time
import warnings
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Dataset

from lighter.callbacks import CsvWriter

PAGE_SIZE = resource.getpagesize()


def resident_mib() -> float:
    """Memory of this process that is in RAM now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_SIZE / 2**20


class Numbers(Dataset):
    """Sample ``i`` is the number ``i``; a batch is read at once, as fast as possible."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitems__(self, indices: list[int]) -> torch.Tensor:
        return torch.tensor(indices)


class Logits(pl.LightningModule):
    def predict_step(self, batch: torch.Tensor, batch_idx: int) -> dict[str, object]:
        return {"identifier": [f"sample.{i}" for i in batch.tolist()], "pred": torch.rand(len(batch), 10)}


class Watch(pl.Callback):
    """Reads the memory after every tenth of the batches."""

    def __init__(self, num_batches: int, batch_size: int) -> None:
        self.every = max(1, num_batches // 10)
        self.batch_size = batch_size
        self.seen: list[float] = []

    def on_predict_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        if (batch_idx + 1) % self.every == 0:
            self.seen.append(resident_mib())
            print(f"{(batch_idx + 1) * self.batch_size:>10,} rows  {self.seen[-1]:8.1f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--shuffle", action="store_true")
    options = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pl.__version__}"
    print(f"{versions}, {platform.machine()}")
    loader = DataLoader(
        Numbers(options.rows), batch_size=options.batch_size, shuffle=options.shuffle, collate_fn=lambda batch: batch
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "predictions.csv"
        watch = Watch(len(loader), options.batch_size)
        trainer = pl.Trainer(
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[CsvWriter(file, ["identifier", "pred"]), watch],
        )
        start = time.perf_counter()
        trainer.predict(Logits(), loader, return_predictions=False)
        seconds = time.perf_counter() - start
        after = resident_mib()
        with file.open() as stream:
            next(stream)
            in_order = all(line.startswith(f"{i},sample.{i},") for i, line in enumerate(stream))
        print(f"{'merged':>15}  {after:8.1f} MiB, {file.stat().st_size / 2**20:.0f} MiB on disk, {seconds:.0f} s")
        print(f"rows in dataset order: {in_order}")
        print(f"grown after the first tenth: {max(*watch.seen, after) - watch.seen[0]:+.1f} MiB")


if __name__ == "__main__":
    main()
