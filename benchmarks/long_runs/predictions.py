"""Predict 50 GB onto a disk of 2 GB, in parts that another process takes away while the next one is predicted.

Run as root: python benchmarks/long_runs/predictions.py [--gb 50] [--disk-gb 2] [--part-gb 0.5]

Each part is one `lighter predict` with a `FileWriter` and a `CsvWriter` on a small file system. A second process checks
each file of a part that is there, and removes the part. Once it takes a pause, so that the disk is full for a while:
the predict must fail with one clear error and leave nothing, and succeed again afterwards. At first, all is predicted
at once, which cannot fit. Fails when a file is half-written, differs or is missing.
"""

import argparse
import csv
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measures import Command, lighter, print_versions

VALUES = 2**20
FILE_MB = VALUES * 4 / 1e6

CONFIG = """
trainer:
  _target_: pytorch_lightning.Trainer
  accelerator: cpu
  devices: 1
  logger: false
  enable_progress_bar: false
  default_root_dir: records
  callbacks:
    - {_target_: lighter.callbacks.FileWriter, directory: "$@vars::folder + '/files'"}
    - _target_: lighter.callbacks.CsvWriter
      path: "$@vars::folder + '/table.csv'"
      keys: {mean: "$lambda output: output['pred'].mean(dim=1)"}
    - {_target_: parts.Memory}
vars: {first: 0, number: 1, folder: disk/0}
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Identity}
  dataloaders:
    predict:
      _target_: torch.utils.data.DataLoader
      dataset: {_target_: parts.Constant, first: "%vars::first", number: "%vars::number", values: VALUES}
      batch_size: 8
""".replace("VALUES", str(VALUES))


@contextmanager
def small_disk(folder: Path, gb: float) -> Iterator[None]:
    """Mount a file system in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={int(gb * 1e9)}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def take_away(disk: Path, pause: Path, taken: "multiprocessing.Queue[tuple[int, int, str]]") -> None:
    """Check and remove each part that appears, until the process is ended; wait while the file `pause` exists."""
    import torch

    while True:
        time.sleep(0.1)
        for table in disk.glob("*/table.csv"):
            files = table.with_name("files")
            if pause.exists() or not files.is_dir():
                continue
            wrong, num_bytes = "", 0
            with table.open() as stream:
                expected = {int(row["index"]): float(row["mean"]) for row in csv.DictReader(stream)}
            found = sorted(files.glob("*.pt"))
            if len(found) != len(expected):
                wrong = f"{len(found)} files for {len(expected)} rows"
            for file in found:
                value = torch.load(file)
                num_bytes += file.stat().st_size
                if value.shape != (VALUES,) or not bool((value == expected[int(file.stem)]).all()):
                    wrong = f"{file} differs"
            shutil.rmtree(table.parent)
            taken.put((int(table.parent.name), num_bytes, wrong))


def predict(folder: Path, part: int, number: int, *, exit_code: int = 0) -> Command:
    """Predict one part.

    Raises:
        SystemExit: It ended in another way.
    """
    values = (f"vars::first={part * number}", f"vars::number={number}", f"vars::folder=disk/{part}")
    return lighter(folder, "predict", "config.yaml", *values, exit_code=exit_code)


def fail_on_full_disk(folder: Path, number: int) -> None:
    """Predict more than the disk holds.

    Raises:
        SystemExit: It does not fail, or leaves something.
    """
    done = predict(folder, 0, number, exit_code=1)
    print("more than fits:", done, flush=True)
    print("  " + "\n  ".join(line for line in done.output.splitlines() if line.strip())[-800:], flush=True)
    if "No space left on device" not in done.output:
        raise SystemExit("the error does not say that the disk is full")
    if left := [file for file in (folder / "disk").rglob("*") if file.is_file()]:
        raise SystemExit(f"it left {len(left)} files, such as {left[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=50.0)
    parser.add_argument("--disk-gb", type=float, default=2.0)
    parser.add_argument("--part-gb", type=float, default=0.5)
    options = parser.parse_args()
    print_versions()
    num_parts, number = round(options.gb / options.part_gb), round(options.part_gb * 1000 / FILE_MB)
    with tempfile.TemporaryDirectory() as temporary, small_disk(Path(temporary) / "disk", options.disk_gb):
        folder = Path(temporary)
        (folder / "config.yaml").write_text(CONFIG)
        fail_on_full_disk(folder, num_parts * number)
        rotate(folder, num_parts, number, in_disk=int(options.disk_gb / options.part_gb))


def rotate(folder: Path, num_parts: int, number: int, *, in_disk: int) -> None:
    """Predict all parts while another process takes them away.

    Raises:
        SystemExit: Something was lost or is wrong.
    """
    pause, taken = folder / "pause", multiprocessing.get_context("spawn").Queue()
    taker = multiprocessing.get_context("spawn").Process(target=take_away, args=(folder / "disk", pause, taken))
    taker.start()
    begin, processor_s, num_bytes, num_failed = time.monotonic(), 0.0, 0, 0
    try:
        for part in range(num_parts):
            if part == num_parts // 2:
                pause.touch()
            done = predict(folder, part, number, exit_code=None)
            if done.exit_code:
                num_failed += 1
                if not pause.exists() or "No space left on device" not in done.output:
                    raise SystemExit(f"part {part} failed:\n{done.output[-2000:]}")
                print(f"part {part}: the disk was full, exit code {done.exit_code}", flush=True)
                pause.unlink()
                while any((folder / "disk").rglob("*.csv")):
                    time.sleep(0.1)
                done = predict(folder, part, number)
            processor_s += done.processor_s
            if (part + 1) % max(1, num_parts // 10) == 0:
                memory = (folder / "memory.txt").read_text().split()
                print(
                    f"{part + 1:>4} parts {time.monotonic() - begin:6.0f} s {processor_s:6.0f} s of a processor, "
                    f"memory at a part's begin {memory[0]}, its end {memory[-1]}, and peak {done.peak_mib:.0f} MiB",
                    flush=True,
                )
        pause.unlink(missing_ok=True)
        seen = {}
        while len(seen) < num_parts:
            part, size, wrong = taken.get(timeout=60)
            if wrong or part in seen:
                raise SystemExit(f"part {part}: {wrong or 'seen twice'}")
            seen[part] = size
            num_bytes += size
    finally:
        taker.kill()
        taker.join()
    print(f"{num_bytes / 1e9:.1f} GB in {num_parts} parts, whole and right; {num_failed} failed on the full disk")
    print(f"{time.monotonic() - begin:.0f} s, {processor_s:.0f} s of a processor", flush=True)
    if num_parts > 2 * in_disk and not num_failed:
        sys.exit("the disk was never full")


if __name__ == "__main__":
    main()
