"""How lighter-config scales: ratios against the C YAML parser alone and against OmegaConf, in one run.

OmegaConf is no dependency of this project. Give it an environment of its own, with lighter-config beside it::

    uv venv .venv-bench && uv pip install --python .venv-bench omegaconf packages/lighter-config
    .venv-bench/bin/python benchmarks/config_scale.py

Without OmegaConf the row that needs it says so. Every row is the median of several runs, its spread beside it; a row
that misses its mark says so, and the exit code is then 1.
"""

import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

from lighter_config import load, prune

REPEATS = 7


def measured(action: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Return median and spread (max - min) in seconds, after one run to warm up, garbage collection off."""
    action()
    times = []
    for _ in range(repeats):
        gc.collect()
        gc.disable()
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
        gc.enable()
    return statistics.median(times), max(times) - min(times)


def growth_of(small: Callable[[], object], large: Callable[[], object]) -> float:
    """Return how much more processor time ``large`` takes than ``small``, a tenth of its size.

    The two run in turns, ten of the small one against one of the large, so that both last equally long and other work
    on the machine slows both; on the clock a busy machine alone can make 9 x look like 13 x.
    """

    def cpu_seconds(action: Callable[[], object], times: int) -> float:
        gc.collect()
        gc.disable()
        started = time.process_time()
        for _ in range(times):
            action()
        seconds = (time.process_time() - started) / times
        gc.enable()
        return seconds

    small(), large()
    return statistics.median(cpu_seconds(large, 1) / cpu_seconds(small, 10) for _ in range(REPEATS))


def leaves(count: int, offset: int = 0) -> str:
    """Return YAML of ``count`` leaves in sections of ten, half of them shared by files of different ``offset``."""
    sections = range(offset // 10, (offset + count) // 10)
    return "".join(
        f"section_{number}:\n" + "".join(f"  key_{number}_{key}: {number * key * 0.5}\n" for key in range(10))
        for number in sections
    )


def with_references(count: int) -> dict[str, object]:
    """Return ``count`` leaves, a tenth of them references and a tenth expressions."""
    tree: dict[str, object] = {}
    for number in range(count // 10):
        section: dict[str, object] = {f"k{key}": number * key for key in range(8)}
        section["reference"] = f"@s{(number * 7) % (count // 10)}::k1"
        section["expression"] = f"$@::k1 * 2 + @s{(number * 3) % (count // 10)}::k2"
        tree[f"s{number}"] = section
    return tree


def components(count: int) -> dict[str, object]:
    """Return ``count`` components, each of which takes the one before it by reference."""
    tree: dict[str, object] = {"c0": {"_target_": "builtins.dict", "x": 0}}
    for number in range(1, count):
        tree[f"c{number}"] = {"_target_": "builtins.dict", "x": number, "before": f"@c{number - 1}"}
    return tree


EXPERIMENT = """
vars: {batch_size: 64, lr: 1e-3, classes: 10, root: ./data}
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 10
  accelerator: cpu
  precision: 32
  log_every_n_steps: 10
  callbacks:
    - {_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch, patience: 5, mode: min}
    - {_target_: pytorch_lightning.callbacks.ModelCheckpoint, monitor: val/loss/epoch, save_top_k: -1, save_last: true}
  logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs, name: '$f"run_{@vars::lr}"'}
system:
  _target_: lighter.System
  model: {_target_: torchvision.models.resnet18, num_classes: '%vars::classes'}
  criterion: {_target_: torch.nn.CrossEntropyLoss, label_smoothing: 0.1}
  optimizer: {_target_: torch.optim.AdamW, params: $@system::model.parameters(), lr: '@vars::lr', weight_decay: 0.01}
  scheduler: {_target_: torch.optim.lr_scheduler.StepLR, optimizer: '@system::optimizer', step_size: 3, gamma: 0.5}
  metrics:
    train: [{_target_: torchmetrics.Accuracy, task: multiclass, num_classes: '%vars::classes'}]
    val: '%::train'
    test: '%::train'
  dataloaders:
    train:
      _target_: torch.utils.data.DataLoader
      batch_size: '%vars::batch_size'
      shuffle: true
      num_workers: 4
      pin_memory: true
      dataset: {_target_: torchvision.datasets.CIFAR10, root: '%vars::root', train: true, download: true}
    val: '%::train'
    test: '%::train'
  adapters:
    train: {batch: {_target_: lighter.adapters.BatchAdapter, input_accessor: 0, target_accessor: 1}}
args: {fit: {ckpt_path: null}, test: {ckpt_path: null, verbose: true}}
"""
OVERRIDES = [
    "trainer::max_epochs=3",
    "trainer::callbacks::0::patience=10",
    "vars::lr=1e-4",
    "system::dataloaders::val::shuffle=false",
    "~trainer::callbacks::1",
]


class Table:
    """Prints one row a mark, and remembers whether all were met."""

    def __init__(self) -> None:
        self.is_met = True

    def row(self, work: str, result: str, mark: str, is_met: bool | None) -> None:
        self.is_met &= is_met is not False
        verdict = {True: "met", False: "MISSED", None: "not measured"}[is_met]
        print(f"| {work:<52} | {result:<44} | {mark:<26} | {verdict} |")


def loading(table: Table, folder: Path) -> None:
    texts = [leaves(10_000), leaves(10_000, offset=5_000)]
    files = [folder / "first.yaml", folder / "second.yaml"]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    ours, spread = measured(lambda: load(files))
    parser, _ = measured(lambda: [yaml.load(text, Loader=yaml.CSafeLoader) for text in texts])
    events, _ = measured(lambda: [list(yaml.parse(text, Loader=yaml.CSafeLoader)) for text in texts])
    result = f"{ours / parser:.2f} x ({ours * 1e3:.0f} ±{spread * 1e3:.0f} ms, {parser * 1e3:.0f} ms)"
    table.row("load + merge 2 x 10,000 leaves / C YAML loader", result, "<= 3 x", ours / parser <= 3)
    table.row("  the same / events of the C parser, nothing built", f"{ours / events:.2f} x", "none", None)
    try:
        os.environ["OMEGACONF_MAX_YAML_EXPANDED_NODES"] = "none"  # by default it refuses files of this size
        from omegaconf import OmegaConf
    except ImportError:
        table.row("  the same / OmegaConf", "OmegaConf is not installed", "<= 0.5 x", None)
        return
    theirs, _ = measured(lambda: OmegaConf.merge(*(OmegaConf.load(file) for file in files)), repeats=3)
    result = f"{ours / theirs:.3f} x ({theirs * 1e3:.0f} ms, {version('omegaconf')})"
    table.row("  the same / OmegaConf load + merge", result, "<= 0.5 x", ours / theirs <= 0.5)


def resolving(table: Table) -> None:
    for make, count, work in (
        (with_references, 10_000, "resolve 10,000 leaves, 1,000 @, 1,000 $"),
        (components, 3_000, "resolve 3,000 components, each refers to another"),
    ):
        few, many = make(count // 10), make(count)
        seconds, _ = measured(lambda many=many: load(many).resolve())  # type: ignore[misc]
        growth = growth_of(lambda few=few: load(few).resolve(), lambda many=many: load(many).resolve())  # type: ignore[misc]
        result = f"{seconds:.3f} s, 10 x the size costs {growth:.1f} x"
        table.row(work, result, "< 1 s, <= 12 x", seconds < 1 and growth <= 12)


def overriding(table: Table, folder: Path) -> None:
    file = folder / "first.yaml"
    words = [f"section_{number * 9}::key_{number * 9}_{number % 10}={number}" for number in range(100)]
    alone, _ = measured(lambda: load(file))
    together, _ = measured(lambda: load([file, *words]))
    result = f"{(together - alone) * 1e3:.1f} ms more than the {alone * 1e3:.0f} ms of loading"
    table.row("100 overrides on 10,000 leaves", result, "< 0.2 s", together - alone < 0.2)


def importing(table: Table) -> None:
    def cpu_seconds(code: str) -> list[float]:
        """Return the processor time of fresh interpreters, which other work on the machine hardly changes."""
        times = []
        for _ in range(REPEATS + 1):
            process = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", code])
            usage = os.wait4(process, 0)[2]
            times.append(usage.ru_utime + usage.ru_stime)
        return times[1:]

    python = statistics.median(cpu_seconds("pass"))
    times = cpu_seconds("import lighter_config")
    ours, spread = statistics.median(times), max(times) - min(times)
    check = "import sys, lighter_config; sys.exit(bool({'torch', 'sparkwheel'} & set(sys.modules)))"
    is_light = subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
    result = f"{ours - python:.3f} ±{spread:.3f} s, torch and sparkwheel {'not ' if is_light else ''}imported"
    table.row(
        "import lighter_config, beyond Python (CPU time)",
        result,
        "< 0.15 s, neither",
        ours - python < 0.15 and is_light,
    )


def realistic(table: Table, folder: Path) -> None:
    file = folder / "experiment.yaml"
    file.write_text(EXPERIMENT)
    seconds, spread = measured(lambda: prune(load([file, *OVERRIDES]), "fit"), repeats=30)
    result = f"{seconds * 1e3:.2f} ±{spread * 1e3:.2f} ms"
    table.row("a realistic experiment: load, 5 overrides, prune", result, "< 5 ms", seconds < 0.005)


def versions() -> str:
    found = []
    for name in ("lighter-config", "pyyaml", "sparkwheel", "omegaconf"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return f"{', '.join(found)}; Python {platform.python_version()} on {platform.machine()}, {platform.system()}"


def main() -> int:
    """Measure everything and print the table."""
    print(versions(), end="\n\n")
    print(f"| {'work':<52} | {'measured':<44} | {'mark':<26} | verdict |")
    print(f"|{'-' * 54}|{'-' * 46}|{'-' * 28}|---|")
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loading(table, folder)
        resolving(table)
        overriding(table, folder)
        importing(table)
        realistic(table, folder)
    return 0 if table.is_met else 1


if __name__ == "__main__":
    sys.exit(main())
