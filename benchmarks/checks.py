"""How soon `lighter check` answers, and in how much memory: whole processes, and what a stage pays for checking first.

A run on a cold disk first gives up what the kernel has kept of every file of this environment, and the answers that
earlier checks kept. The kernel keeps what other processes have open, and the names in folders. A row that misses its
mark says so, and the exit code is then 1.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

DIGITS = Path(__file__).parents[1] / "examples/digits/config.yaml"

TARGETS = [
    "torch.nn.Linear",
    "torch.nn.Conv2d",
    "torch.nn.LSTM",
    "torch.nn.TransformerEncoderLayer",
    "torch.nn.CrossEntropyLoss",
    "torch.optim.AdamW",
    "torch.optim.SGD",
    "torch.optim.lr_scheduler.OneCycleLR",
    "torch.utils.data.DataLoader",
    "torch.utils.data.WeightedRandomSampler",
    "pytorch_lightning.Trainer",
    "pytorch_lightning.callbacks.EarlyStopping",
    "pytorch_lightning.callbacks.ModelCheckpoint",
    "pytorch_lightning.loggers.CSVLogger",
    "pytorch_lightning.loggers.TensorBoardLogger",
    "pytorch_lightning.strategies.DDPStrategy",
    "torchmetrics.Accuracy",
    "torchmetrics.F1Score",
    "torchmetrics.MeanSquaredError",
    "torchmetrics.MetricCollection",
    "sklearn.datasets.load_digits",
    "sklearn.datasets.make_blobs",
    "lighter.System",
    "lighter.LighterDataModule",
    "lighter.callbacks.CsvWriter",
]

IS_TORCH_IMPORTED = """
import atexit, os, sys
atexit.register(lambda: os.write(2, b"torch imported" if "torch" in sys.modules else b"torch not imported"))
from lighter_cli.main import main
main()
"""

# What `Runner` does between reading the words and pruning, which needs the reader and some of the answers too.
CHECK_FIRST = f"""
import time
from lighter_config import Stage, load
config = load([{str(DIGITS)!r}])
started = time.perf_counter()
from lighter_config import SignatureReader, check
check(config, Stage.FIT, reader=SignatureReader())
print(time.perf_counter() - started)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds on the clock, largest memory in MiB, and what it printed."""

    seconds: float
    peak_mib: float
    output: str


class Table:
    """Prints one row a mark, and remembers whether all were met."""

    def __init__(self) -> None:
        self.is_met = True

    def row(self, work: str, result: str, mark: str, is_met: bool | None) -> None:
        self.is_met &= is_met is not False
        verdict = {True: "met", False: "MISSED", None: "none"}[is_met]
        print(f"| {work:<54} | {result:<44} | {mark:<13} | {verdict} |", flush=True)

    def seconds(self, work: str, times: list[float], mark: float | None) -> None:
        median = statistics.median(times)
        result = f"{median:.3f} s ({min(times):.3f} to {max(times):.3f})"
        self.row(work, result, "" if mark is None else f"< {mark:g} s", None if mark is None else median < mark)


def run(*words: str, cache: Path) -> Run:
    """Run ``python *words`` to its end, with kept answers in ``cache``."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise SystemExit(f"python {' '.join(words)} failed:\n{text}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return Run(seconds, usage.ru_maxrss / scale, text)


def forget_files() -> int:
    """Ask the kernel to drop what it has kept of every file of this environment; return how many files that are."""
    count = 0
    for file in _files():
        try:
            descriptor = os.open(file, os.O_RDONLY)
        except OSError:
            continue
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
        count += 1
    return count


def _files() -> Iterator[str]:
    own = [str(Path(__file__).parents[1] / "packages")]
    for root in dict.fromkeys([sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), *own]):
        for folder, _, names in os.walk(root):
            yield from (os.path.join(folder, name) for name in names)  # noqa: PTH118 - a hundred thousand files


def checks(table: Table, repeats: int) -> None:
    """Measure whole processes on kept answers, without any, and on a cold disk."""
    check = ("-m", "lighter_cli", "check")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = folder / "many.yaml"
        many.write_text(
            "vars:\n" + "".join(f"  v{i}: {{_target_: {one}, _mode_: partial}}\n" for i, one in enumerate(TARGETS))
        )

        def measure(words: tuple[str, ...], prepare: Callable[[int], Path]) -> list[Run]:
            return [run(*words, cache=prepare(number)) for number in range(repeats + 1)][1:]

        def kept(_: int) -> Path:
            return folder / "kept"

        def new(number: int) -> Path:
            return folder / f"new{time.monotonic_ns()}{number}"

        def cold(number: int) -> Path:
            forget_files()
            return new(number)

        python = measure(("-c", "pass"), kept)
        warm = measure((*check, str(DIGITS)), kept)
        first = measure((*check, str(DIGITS)), new)
        targets = measure((*check, "--each", str(many)), kept)
        first_targets = measure((*check, "--each", str(many)), new)
        if f"targets: {len(TARGETS)} known" not in targets[0].output:
            raise SystemExit(f"not all targets are known, so that their time says little:\n{targets[0].output}")
        table.seconds("python -c pass", [one.seconds for one in python], None)
        table.seconds("lighter check, digits example, warm", [one.seconds for one in warm], 0.5)
        table.seconds("  the same, answers not kept yet", [one.seconds for one in first], None)
        if hasattr(os, "posix_fadvise"):
            times = [one.seconds for one in measure((*check, str(DIGITS)), cold)]
            table.seconds("  the same, cold disk and answers not kept yet", times, 1.5)
        else:
            table.row(
                "  the same, cold disk and answers not kept yet", "this system cannot drop files", "< 1.5 s", None
            )
        table.seconds("lighter check, 25 targets of five packages, warm", [one.seconds for one in targets], 1)
        table.seconds("  the same, answers not kept yet", [one.seconds for one in first_targets], None)
        peak = max(one.peak_mib for one in (*warm, *first, *targets, *first_targets))
        table.row("peak memory of all of these", f"{peak:.0f} MiB", "< 120 MB", peak * 2**20 < 120e6)
        said = run("-c", IS_TORCH_IMPORTED, "check", str(DIGITS), cache=kept(0)).output.splitlines()
        table.row("the digits example", said[-1], "not imported", said[-1] == "torch not imported")
        times = [float(one.output) for one in measure(("-c", CHECK_FIRST), kept)]
        table.seconds("what a stage pays for checking first, warm", times, 0.3)


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    names = ("lighter-cli", "torch", "pytorch-lightning", "torchmetrics", "scikit-learn")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    print(f"{versions}; Python {platform.python_version()}, {os.cpu_count()} cores", end="\n\n")
    print(f"| {'work':<54} | {'measured':<44} | {'mark':<13} | verdict |")
    print(f"|{'-' * 56}|{'-' * 46}|{'-' * 15}|---|")
    table = Table()
    checks(table, parser.parse_args().repeats)
    return 0 if table.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
