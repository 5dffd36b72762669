"""Fit 100,000 epochs of one batch each, with validation, a metric, a CSV logger and checkpoints.

Run: python benchmarks/long_runs/epochs.py [--epochs 100000] [--every 1] [--folder FOLDER]

Prints after every tenth the memory of the process, the processor time of an epoch and the size of what is left; then
what `runs show`, `report` and a resumed run cost on such a run. Fails when an epoch is missing from the curve or the
table of the logger, or when memory or the time of an epoch grows.
"""

import argparse
import csv
import json
import sys
import tempfile
from pathlib import Path

from measures import lighter, print_sizes, print_versions

MOST_GROWTH_MIB = 16.0
MOST_SLOWDOWN = 1.3

CONFIG = """
seed: 0
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: {epochs}
  accelerator: cpu
  devices: 1
  log_every_n_steps: 1
  enable_progress_bar: false
  enable_model_summary: false
  logger: {{_target_: pytorch_lightning.loggers.CSVLogger, save_dir: .}}
  callbacks:
    - {{_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: checkpoints, every_n_epochs: {every}}}
    - {{_target_: parts.Watch, epochs: {epochs}}}
system:
  _target_: lighter.System
  model: {{_target_: torch.nn.Linear, in_features: 4, out_features: 2}}
  criterion: {{_target_: torch.nn.CrossEntropyLoss}}
  optimizer: {{_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 1e-3}}
  metrics:
    val: {{_target_: torchmetrics.classification.MulticlassAccuracy, num_classes: 2, validate_args: false}}
  dataloaders:
    train: {{_target_: parts.one_batch, seed: 1}}
    val: {{_target_: parts.one_batch, seed: 2}}
"""


def check(folder: Path, num_epochs: int) -> None:
    """Look for epochs that were lost.

    Raises:
        SystemExit: The curve of the record or the table of the logger lacks one.
    """
    (curve,) = folder.glob("lighter_runs/*/epochs.jsonl")
    with curve.open() as stream:
        if [json.loads(line)["epoch"] for line in stream] != list(range(num_epochs)):
            raise SystemExit(f"{curve} lacks epochs")
    (table,) = folder.glob("lightning_logs/*/metrics.csv")
    with table.open() as stream:
        logged = {int(row["epoch"]) for row in csv.DictReader(stream) if row["val/loss/epoch"]}
    if logged != set(range(num_epochs)):
        raise SystemExit(f"{table} lacks {num_epochs - len(logged):,} epochs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=1, help="epochs between checkpoints")
    parser.add_argument("--folder", type=Path, help="where to leave the run")
    options = parser.parse_args()
    print_versions()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(CONFIG.format(epochs=options.epochs, every=options.every))
        measure(folder, options.epochs)


def measure(folder: Path, num_epochs: int) -> None:
    """Fit, look at what is left, and use it."""
    print(f"fit: {lighter(folder, 'fit', 'config.yaml', is_shown=True)}", flush=True)
    check(folder, num_epochs)
    print_sizes(folder)
    rows = [json.loads(line) for line in (folder / "watched.jsonl").read_text().splitlines()]
    for words in (
        ("runs", "list"),
        ("runs", "show", "last"),
        ("report", "last", "--output", "report.html"),
        ("fit", "config.yaml", "--ckpt-path", "last", f"trainer::max_epochs={num_epochs + 2}"),
    ):
        print(f"lighter {words[0]:<6} {words[1]:<12} {lighter(folder, *words)}", flush=True)
    print_sizes(folder)
    growth_mib = rows[-1]["memory_mib"] - rows[1]["memory_mib"]
    slowdown = rows[-1]["epoch_ms"] / min(row["epoch_ms"] for row in rows[:2])
    print(f"memory grew by {growth_mib:.1f} MiB after the second tenth, an epoch takes {slowdown:.2f} of what it took")
    if growth_mib > MOST_GROWTH_MIB or slowdown > MOST_SLOWDOWN:
        sys.exit(f"more than {MOST_GROWTH_MIB} MiB or {MOST_SLOWDOWN}")


if __name__ == "__main__":
    main()
