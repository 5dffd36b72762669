"""Run a sweep of 2,000 trials, each a fit of two epochs, and use what it leaves.

Run: python benchmarks/long_runs/trials.py [--trials 2000] [--folder FOLDER]

Prints after every tenth the time of a trial, the memory of the process that chooses the trials, the processor time of
all, and the size of what is left; then what listing, showing, exporting, reporting and continuing cost. Fails when a
trial is missing, failed, or without its value.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from measures import ENVIRONMENT, lighter, print_sizes, print_versions, resident_mib, size_mib

CONFIG = """
seed: 0
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
  accelerator: cpu
  devices: 1
  log_every_n_steps: 1
  enable_progress_bar: false
  enable_model_summary: false
  logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: "%trainer::default_root_dir"}
  default_root_dir: outputs
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 1e-3}
  dataloaders:
    train: {_target_: parts.one_batch, seed: 1}
    val: {_target_: parts.one_batch, seed: 2}
"""
SPACE = ("system::optimizer::lr:=1e-4..1e0:log", "system::optimizer::momentum:=0.0..0.9", "--min", "val/loss/epoch")
NAME = "many"


def words(num_trials: int) -> tuple[str, ...]:
    """Return the words of the sweep."""
    return ("sweep", "config.yaml", *SPACE, "--trials", str(num_trials), "--name", NAME)


def sweep(folder: Path, num_trials: int) -> None:
    """Run the sweep, and print after every tenth what it needs.

    Raises:
        SystemExit: It failed.
    """
    begin, every = time.monotonic(), max(1, num_trials // 10)
    before_s, shown, most_mib = 0.0, 0, 0.0
    with (folder / "said.txt").open("w") as said:
        command = [sys.executable, "-m", "lighter_cli", *words(num_trials)]
        process = psutil.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=said, stderr=subprocess.STDOUT)
        while process.poll() is None:
            time.sleep(0.25)
            if process.status() != psutil.STATUS_ZOMBIE:
                most_mib = resident_mib(process.pid)
            ended = len(list(folder.glob(f"lighter_sweeps/{NAME}/trials/*/result.json"))) if shown < num_trials else 0
            if ended // every > shown // every:
                now_s, shown_before, shown = used_s(process), shown, ended
                print(
                    f"{ended:>6,} trials {time.monotonic() - begin:6.0f} s {most_mib:7.1f} MiB "
                    f"{(now_s - before_s) / (ended - shown_before):7.3f} s of a processor a trial "
                    f"{size_mib(folder):8.1f} MiB left",
                    flush=True,
                )
                before_s = now_s
    if process.returncode:
        raise SystemExit(f"it ended with exit code {process.returncode}:\n{(folder / 'said.txt').read_text()[-3000:]}")
    print(f"sweep: {time.monotonic() - begin:.0f} s, {used_s(psutil.Process()):.0f} s of a processor", flush=True)


def used_s(process: psutil.Process) -> float:
    """Return the processor time of a process, its children, and those that they have waited for."""
    seconds = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return float(seconds)


def check(folder: Path, num_trials: int) -> None:
    """Look for trials that were lost.

    Raises:
        SystemExit: One is missing, failed or has no value.
    """
    results = [
        json.loads(file.read_text()) for file in sorted(folder.glob(f"lighter_sweeps/{NAME}/trials/*/result.json"))
    ]
    wrong = [one for one in results if one["state"] != "finished" or not one["values"]]
    if len(results) != num_trials or wrong:
        raise SystemExit(f"{len(results):,} trials, {len(wrong):,} of them wrong: {wrong[:1]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to leave the sweep")
    options = parser.parse_args()
    print_versions()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(CONFIG)
        sweep(folder, options.trials)
        check(folder, options.trials)
        print_sizes(folder)
        for command in (
            ("sweeps", "list"),
            ("sweeps", "show", NAME),
            ("sweeps", "export", NAME, "--to", "trials.csv"),
            ("runs", "list"),
            ("runs", "best", "--metric", "val/loss/epoch", "--mode", "min"),
            ("report", NAME, "--output", "report.html"),
            words(options.trials),
            words(options.trials + 1),
        ):
            print(f"lighter {' '.join(command[:2]):<20} {lighter(folder, *command)}", flush=True)
        print_sizes(folder)
        check(folder, options.trials + 1)


if __name__ == "__main__":
    main()
