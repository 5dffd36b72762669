"""Kill one run 500 times at random moments, resume it each time, and compare it with one that nothing happened to.

Run: python benchmarks/long_runs/resumes.py [--kills 500] [--seed 0] [--folder FOLDER]

The experiment is that of `tests/faults`, with more epochs. Prints after every tenth how long a start takes until the
run is recorded, the memory of the process, and what all kills have left. Fails when weights, optimizer or a logged
value differ from those of the uninterrupted run, or the curve of the last run lacks an epoch.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # also for all that is forked: torch must have no threads by then
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "faults"))

from attempts import Attempts, Outcome, wait_until
from measures import lighter, print_sizes, print_versions, resident_mib, size_mib

from lighter_cli.sweeps.process import Process


def kill_and_resume(attempts: Attempts, num_kills: int) -> Iterator[tuple[float, float]]:
    """Kill it again and again; yield how long each start took until it was recorded, and the memory at its end.

    Raises:
        SystemExit: It ended before it was killed.
    """
    index = attempts.folder / ".lighter" / "runs.jsonl"
    for number in range(num_kills):
        begin = time.monotonic()
        process = attempts.fit()
        wait_until(lambda: len(index.read_bytes().splitlines()) > number if index.exists() else False)  # noqa: B023
        start_s = time.monotonic() - begin
        time.sleep(random.uniform(0, 0.5))
        memory_mib = resident_mib(process.pid) if process.poll() is None else 0.0
        kill(attempts, process, number)
        yield start_s, memory_mib


def kill(attempts: Attempts, process: Process, number: int) -> None:
    """Kill it.

    Raises:
        SystemExit: It has ended by itself.
    """
    if process.poll() is not None:
        raise SystemExit(f"start {number} ended by itself with exit code {process.exitcode}:\n{attempts.said()}")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    attempts.check_after("SIGKILL", "lost")


def epochs_reached(attempts: Attempts) -> int:
    """Return in how many epochs a value was logged."""
    file = attempts.folder / "rows.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return int(max((json.loads(line)["values"]["epoch"] for line in lines[-1:]), default=-1)) + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--folder", type=Path, help="where to leave the runs")
    options = parser.parse_args()
    random.seed(options.seed)
    print_versions()
    with tempfile.TemporaryDirectory() as temporary:
        measure(options.folder or Path(temporary), options.kills)


def measure(folder: Path, num_kills: int) -> None:
    """Strike, look, compare."""
    num_epochs = 4 * num_kills
    words = ("config.yaml", f"trainer::max_epochs={num_epochs}")
    attempts = Attempts(folder / "struck", words)
    begin, every = time.monotonic(), max(1, num_kills // 10)
    seen: list[tuple[float, float]] = []
    for start in kill_and_resume(attempts, num_kills):
        seen.append(start)
        if len(seen) % every == 0:
            start_s, memory_mib = (statistics.median(one[i] for one in seen[-every:]) for i in (0, 1))
            print(
                f"{len(seen):>5} kills {time.monotonic() - begin:6.0f} s, start {start_s:6.3f} s, {memory_mib:.1f} MiB,"
                f" {epochs_reached(attempts):>5} epochs, {size_mib(attempts.folder):8.1f} MiB left,"
                f" {len(list(attempts.folder.rglob('*.partial')))} partial files",
                flush=True,
            )
    print_sizes(attempts.folder)
    attempts.finish()
    print(f"finished: {time.monotonic() - begin:.0f} s", flush=True)
    print_sizes(attempts.folder)
    for command in (("runs", "list"), ("runs", "show", "last"), ("report", "last", "--output", "report.html")):
        print(f"lighter {' '.join(command[:2]):<12} {lighter(attempts.folder, *command)}", flush=True)
    whole = Attempts(folder / "whole", words)
    whole.finish()
    attempts.compare(Outcome.of(whole))
    curve = attempts.records()[-1].folder / "epochs.jsonl"
    if [json.loads(line)["epoch"] for line in curve.read_text().splitlines()] != list(range(num_epochs)):
        raise SystemExit(f"{curve} lacks epochs")
    print(f"the same as an uninterrupted run; {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
