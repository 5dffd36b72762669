"""What `lighter fit` costs against a plain Lightning script of the same work: whole processes, in turns.

Both train examples/plain_lightning, whose module and data know nothing of Lighter, with the same seed, logger and
checkpoints. Besides, `lighter fit` checks the config and records the run. Marks: the first training batch at most
0.5 s later; a whole fit at most 1.05 times as long. Processor time, which other work on the machine changes less,
stands beside it.

    python benchmarks/whole_fit.py                  # 8 epochs
    python benchmarks/whole_fit.py --epochs 30
    python benchmarks/whole_fit.py --workers 2      # of each loader, started as this Python does by default
"""

import argparse
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "plain_lightning"

CLOCK = """
import time
from pathlib import Path

from pytorch_lightning import Callback


class Clock(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == 0:
            Path("first_batch").write_text(repr(time.time()))

    def on_fit_end(self, trainer, pl_module):
        Path("val_loss").write_text(repr(trainer.callback_metrics["val_loss"].item()))
"""

LOADERS = f"""
import sys

sys.path.append({str(EXAMPLE)!r})

from models import DigitsData
from torch.utils.data import DataLoader


class Data(DigitsData):
    def __init__(self, batch_size, num_workers):
        super().__init__(batch_size)
        self.num_workers = num_workers

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=self.batch_size, shuffle=True, num_workers=self.num_workers)

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=100, num_workers=self.num_workers)
"""

OVERLAY = """
trainer:
  callbacks:
    - _target_: clock.Clock
data:
  _target_: loaders.Data
"""

PLAIN = f"""
import sys

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger

sys.path.append({str(EXAMPLE)!r})
from clock import Clock
from loaders import Data
from models import LitDigits

if __name__ == "__main__":
    pl.seed_everything(42, workers=True, verbose=False)
    trainer = pl.Trainer(
        max_epochs=int(sys.argv[1]),
        devices=1,
        log_every_n_steps=10,
        default_root_dir="outputs/plain_lightning",
        logger=CSVLogger("outputs/plain_lightning"),
        callbacks=[ModelCheckpoint("outputs/plain_lightning/checkpoints", monitor="val_loss"), Clock()],
    )
    trainer.fit(LitDigits(hidden=64, lr=2e-3), datamodule=Data(batch_size=32, num_workers=int(sys.argv[2])))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    config = str(EXAMPLE / "config.yaml")
    words = [config, "clock.yaml", f"project={EXAMPLE}", f"trainer::max_epochs={arguments.epochs}"]
    words += [f"data::num_workers={arguments.workers}"]
    commands = {
        "plain Lightning": [sys.executable, "plain.py", str(arguments.epochs), str(arguments.workers)],
        "lighter fit": [sys.executable, "-m", "lighter_cli", "fit", *words],
    }
    first_s: dict[str, list[float]] = {name: [] for name in commands}
    whole_s: dict[str, list[float]] = {name: [] for name in commands}
    processor_s: dict[str, list[float]] = {name: [] for name in commands}
    losses: set[str] = set()
    # one folder for all repeats, as a user has: what the check learnt about the targets is kept between runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {"clock.py": CLOCK, "loaders.py": LOADERS, "clock.yaml": OVERLAY, "plain.py": PLAIN}
        for file, text in files.items():
            (folder / file).write_text(text)
        for repeat in range(arguments.repeats + 1):
            # who goes first changes, as the second finds the disk warmer and the processor hotter
            for name in sorted(commands, reverse=bool(repeat % 2)):
                first, whole, processor, loss = timed(commands[name], folder)
                losses.add(loss)
                if repeat:  # the first round only warms the caches of the disk, and of the check
                    first_s[name].append(first)
                    whole_s[name].append(whole)
                    processor_s[name].append(processor)
    versions = " ".join(f"{name} {version(name)}" for name in ("lighter-cli", "pytorch-lightning", "torch"))
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores, {arguments.repeats} repeats")
    started = multiprocessing.get_start_method()
    print(f"{arguments.workers} workers for each loader, started by {started}")
    print(f"{arguments.epochs} epochs of 47 steps; final val_loss of all runs: {', '.join(sorted(losses))}")
    print(f"{'':36} {'median s':>9} {'min':>6} {'max':>6}")
    tables = {"to the first batch": first_s, "whole fit": whole_s, "processor time": processor_s}
    for title, times in tables.items():
        for name, values in times.items():
            label = f"{name}, {title}"
            print(f"{label:36} {statistics.median(values):9.2f} {min(values):6.2f} {max(values):6.2f}")
    for title, times in tables.items():
        pairs = list(zip(*times.values(), strict=True))
        later = [lighter - plain for plain, lighter in pairs]
        ratios = [lighter / plain for plain, lighter in pairs]
        print(
            f"{title:20} {statistics.median(later):+.2f} s ({min(later):+.2f} to {max(later):+.2f}), "
            f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )


def timed(command: list[str], folder: Path) -> tuple[float, float, float, str]:
    """Run a fit in a folder; return the seconds to its first batch, to its end, and of processors; its loss."""
    shutil.rmtree(folder / "outputs", ignore_errors=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.time()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=compiled_once(folder))
    end = time.time()
    if done.returncode:
        raise SystemExit(done.stderr)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    first = float((folder / "first_batch").read_text()) - start
    return first, end - start, processor, (folder / "val_loss").read_text()


def compiled_once(folder: Path) -> dict[str, str]:
    """Return an environment in which Python keeps what it compiles, whatever this one says: imports take a third."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


if __name__ == "__main__":
    main()
