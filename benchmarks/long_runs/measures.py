"""What the scripts of this folder measure: memory, processor time, and the size of what a run leaves."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_PAGE_SIZE = resource.getpagesize()

# configs name `parts`; an installed program keeps its bytecode
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPATH": str(Path(__file__).parent),
}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that has ended: seconds that passed and of processors, largest memory in MiB, exit code, output."""

    passed_s: float
    processor_s: float
    peak_mib: float
    exit_code: int
    output: str

    def __str__(self) -> str:
        return f"{self.passed_s:8.2f} s  {self.processor_s:8.2f} s of a processor  {self.peak_mib:7.0f} MiB"


def lighter(folder: Path, *words: str, exit_code: int | None = 0, is_shown: bool = False) -> Command:
    """Run ``lighter *words`` in a folder to its end. What it says is kept, or printed at once where it is shown.

    Raises:
        SystemExit: It ended with another exit code than the expected one; ``None`` expects any.
    """
    begin = time.monotonic()
    with tempfile.TemporaryFile() as stream:
        command = (sys.executable, "-m", "lighter_cli", *words)
        output = None if is_shown else stream
        process = subprocess.Popen(command, stdout=output, stderr=stream, cwd=folder, env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stream.seek(0)
        said = stream.read().decode(errors="replace")
    if exit_code is not None and process.returncode != exit_code:
        raise SystemExit(f"lighter {' '.join(words)} ended with exit code {process.returncode}:\n{said[-3000:]}")
    scale = 2**20 if sys.platform == "darwin" else 2**10
    return Command(
        time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, process.returncode, said
    )


def resident_mib(process: int | str = "self") -> float:
    """Memory of a process that is in RAM now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_SIZE / 2**20


def processor_s() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def size_mib(folder: Path) -> float:
    """Return the size of all files in a folder and below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def print_sizes(folder: Path, *, most: int = 8) -> None:
    """Print what takes space in a folder: by name, the largest first."""
    by_name: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            name = file.name if file.suffix != ".partial" else "*.partial"
            by_name[name] += file.stat().st_size
            number[name] += 1
    total = by_name.total()
    print(f"left: {number.total():,} files, {total / 2**20:.1f} MiB")
    for name, size in by_name.most_common(most):
        print(f"  {name:<32} {number[name]:>7,} files  {size / 2**20:9.2f} MiB")
    sys.stdout.flush()


def print_versions() -> None:
    """Print what is measured and where."""
    packages = ("lighter-cli", "torch", "pytorch-lightning")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {versions}, {platform.machine()}, {os.cpu_count()} cores", flush=True)
