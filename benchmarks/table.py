"""One table: Lighter against what a user would pick instead, on the same work, each in an environment of its own.

Run: uvx nox -s bench                  # prints the table; JSON in .benchmarks/results.json
     uvx nox -s bench -- --write       # also rewrites benchmarks/results.json and docs/explanation/performance.md

The same network trains on the same data with the same batches, written down in each tool's way; that all end with the
same loss is checked. Whole processes run in turns, round after round; a row gives medians, and the ratio of Lighter to
each peer. Then the other scripts of this folder run, and their marks are rows too. The exit code is 1 when the step of
40 ms costs more than 1 % over training alone, or when a whole script misses its mark.
"""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = ROOT / "docs/explanation/performance.md"
TRACKED = HERE / "results.json"
UNTRACKED = ROOT / ".benchmarks/results.json"

WORK = '''
"""What every tool trains: nothing here knows which tool that is."""
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import MulticlassAccuracy


class Net(pl.LightningModule):
    def __init__(self, hidden: int = 64, lr: float = 0.05):
        super().__init__()
        torch.manual_seed(0)  # the tools draw different random numbers before
        self.net = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
        self.accuracy = MulticlassAccuracy(10)
        self.lr = lr

    def training_step(self, batch, batch_idx):
        x, y = batch
        pred = self.net(x)
        loss = nn.functional.cross_entropy(pred, y)
        self.accuracy(pred, y)
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        self.log("train/accuracy", self.accuracy, on_step=True, on_epoch=True)
        return loss

    def on_fit_end(self):
        Path("loss.txt").write_text(repr(self.trainer.callback_metrics["train/loss_epoch"].item()))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class Data(pl.LightningDataModule):
    def __init__(self, batch_size: int = 32):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        x = torch.randn(3200, 64, generator=draw)
        self.data = TensorDataset(x, x[:, :10].argmax(dim=1))
        self.batch_size = batch_size

    def train_dataloader(self):
        draw = torch.Generator().manual_seed(1)
        return DataLoader(self.data, batch_size=self.batch_size, shuffle=True, generator=draw)
'''
TRAINER = (
    "max_epochs: EPOCHS, accelerator: cpu, logger: false, enable_checkpointing: false, enable_progress_bar: false,"
    " enable_model_summary: false"
)
BY_HAND = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=EPOCHS)
epochs = parser.parse_args().epochs
import pytorch_lightning as pl
from work import Data, Net
trainer = pl.Trainer(max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False,
                     enable_progress_bar=False, enable_model_summary=False)
trainer.fit(Net(hidden=64, lr=0.05), datamodule=Data(batch_size=32))
"""
LIGHTNING_CLI = """
from pytorch_lightning.cli import LightningCLI
from work import Data, Net
LightningCLI(Net, Data, save_config_callback=None)
"""
LIGHTNING_CLI_CONFIG = f"trainer: {{{TRAINER}}}\nmodel: {{hidden: 64, lr: 0.05}}\ndata: {{batch_size: 32}}\n"
HYDRA = """
import hydra
@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    from hydra.utils import instantiate
    instantiate(cfg.trainer).fit(instantiate(cfg.model), datamodule=instantiate(cfg.data))
main()
"""
TARGETS = f"""
trainer: {{_target_: pytorch_lightning.Trainer, {TRAINER}}}
model: {{_target_: work.Net, hidden: 64, lr: 0.05}}
data: {{_target_: work.Data, batch_size: 32}}
"""
HYDRA_CONFIG = TARGETS + "hydra: {output_subdir: null, run: {dir: .}}\n"


@dataclass(frozen=True)
class Tool:
    """A way to run the work: what is called for help and to train, and the package that has its version."""

    name: str
    package: str
    python: str
    help: tuple[str, ...]
    fit: tuple[str, ...]
    script: str = ""
    config: str = ""


@dataclass(frozen=True)
class Run:
    """One process, from its start to its end."""

    seconds: float
    peak_mib: float
    code: int
    output: str
    loss: str


def tools(pythons: dict[str, str]) -> list[Tool]:
    """Return Lighter and its peers, each with the Python that it is installed for."""
    console = str(Path(pythons["earlier_lighter"]).with_name("lighter"))
    cli = ("script.py", "fit", "--config=config.yaml")
    return [
        Tool("Lighter", "lighter-cli", pythons["lighter"], ("-m", "lighter_cli", "--help"),
             ("-m", "lighter_cli", "fit", "config.yaml"), config=TARGETS),
        Tool("by hand", "pytorch-lightning", pythons["by_hand"], ("script.py", "--help"), ("script.py",),
             script=BY_HAND),
        Tool("LightningCLI", "jsonargparse", pythons["lightning_cli"], ("script.py", "--help"), cli,
             script=LIGHTNING_CLI, config=LIGHTNING_CLI_CONFIG),
        Tool("Hydra", "hydra-core", pythons["hydra"], ("script.py", "--help"), ("script.py",),
             script=HYDRA, config=HYDRA_CONFIG),
        Tool("Lighter 0.1.0", "lighter", pythons["earlier_lighter"], (console, "--help"),
             (console, "fit", "config.yaml"), config=TARGETS),
    ]  # fmt: skip


def run(tool: Tool, words: tuple[str, ...], *, epochs: int, mistake: bool = False) -> Run:
    """Run a tool in a folder of its own, to the end of the process."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as output:
        folder = Path(name)
        (folder / "work.py").write_text(WORK)
        for file, text in (("script.py", tool.script), ("config.yaml", tool.config)):
            written = text.replace("EPOCHS", str(epochs))
            (folder / file).write_text(re.sub(r"hidden(?=[:=])", "hiden", written) if mistake else written)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": name, "HYDRA_FULL_ERROR": "1"}
        started = time.perf_counter()
        process = subprocess.Popen(
            [tool.python, *words], cwd=name, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        loss = folder / "loss.txt"
        return Run(
            seconds,
            usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
            process.returncode,
            output.read().decode(),
            loss.read_text() if loss.exists() else "",
        )


def in_turns(contestants: list[Tool], once: Callable[[Tool], Run], repeats: int) -> dict[str, list[Run]]:
    """Let each tool run once a round; the first round only warms the caches."""
    runs: dict[str, list[Run]] = {tool.name: [] for tool in contestants}
    for number in range(repeats + 1):
        for tool in contestants:
            done = once(tool)
            if number:
                runs[tool.name].append(done)
    return runs


def against_peers(contestants: list[Tool], repeats: int, epochs: int) -> list[dict[str, Any]]:
    """Measure start-up, the way to a mistake, a whole fit and its memory."""
    rows = []

    def row(work: str, unit: str, runs: dict[str, list[Run]], value: Callable[[Run], float]) -> None:
        medians = {name: statistics.median(map(value, of_tool)) for name, of_tool in runs.items()}
        spread = {name: [min(map(value, of_tool)), max(map(value, of_tool))] for name, of_tool in runs.items()}
        rows.append({"work": work, "unit": unit, "median": medians, "range": spread})

    def demand(is_right: bool, tool: str, done: Run) -> None:
        if not is_right:
            raise SystemExit(f"{tool} did not do the work (exit code {done.code}):\n{done.output[-3000:]}")

    helped = in_turns(contestants, lambda tool: run(tool, tool.help, epochs=1), repeats)
    for name, runs in helped.items():
        demand(all(done.code == 0 for done in runs), name, runs[0])
    row("`--help`", "s", helped, lambda done: done.seconds)

    told = in_turns(contestants, lambda tool: run(tool, tool.fit, epochs=1, mistake=True), repeats)
    for name, runs in told.items():
        demand(all(done.code != 0 and "hiden" in done.output for done in runs), name, runs[0])
    row("until a misspelled argument is named", "s", told, lambda done: done.seconds)

    fits = in_turns(contestants, lambda tool: run(tool, tool.fit, epochs=epochs), repeats)
    losses = {name: {done.loss for done in runs} for name, runs in fits.items()}
    for name, runs in fits.items():
        demand(all(done.code == 0 for done in runs) and losses[name] == losses["by hand"], name, runs[0])
    row(f"a whole fit, {epochs} epochs of 100 steps", "s", fits, lambda done: done.seconds)
    row("  its memory at most", "MiB", fits, lambda done: done.peak_mib)
    return rows


def other_scripts(pythons: dict[str, str], *, quick: bool) -> dict[str, dict[str, Any]]:
    """Run the other benchmarks; return what each printed, and its exit code."""
    peer, mlflow = f"--peer-python={pythons['earlier_lighter']}", f"--mlflow={pythons['mlflow']}"
    steps = ["--steps=400"] if quick else []
    commands: dict[str, list[str]] = {
        "startup": [],
        "config_scale": [],
        "checks": ["--repeats=2"] if quick else [],
        "step_overhead": [peer, *steps],
        "step_overhead --evaluation": ["--evaluation", *steps],
        "step_overhead --resnet": ["--resnet"],
        "epoch_overhead": ["--epochs=400"] if quick else [],
        "whole_fit": ["--repeats=1", "--epochs=2"] if quick else [],
        "training_memory": ["--steps=2000"] if quick else [],
        "writer_memory": ["--rows=100000"] if quick else [],
        "runs": [mlflow, *(["--records=500", "--repeats=1"] if quick else [])],
        "recorder_cost": ["--fits=4", "--steps=400", "--epochs=400"] if quick else [],
    }
    found = {}
    for name, words in commands.items():
        script = HERE / f"{name.split()[0]}.py"
        shown = [word for word in words if word not in (peer, mlflow)]
        print(f"\n$ python benchmarks/{script.name} {' '.join(shown)}", flush=True)
        done = subprocess.run(
            [sys.executable, str(script), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(done.stdout, end="", flush=True)
        found[name] = {"exit_code": done.returncode, "output": done.stdout.splitlines()}
    return found


_STEP = re.compile(
    r"^(?P<what>.+?)\s+p25 (?P<p25>[\d.]+)\s+mean (?P<mean>[\d.]+)\s+mark (?P<mark>[\d./]+) (?P<verdict>\w+)"
)


def step_rows(scripts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Read the ratios of steps and epochs from what the scripts printed."""
    rows = []
    for name in ("step_overhead", "step_overhead --evaluation", "step_overhead --resnet", "epoch_overhead"):
        for line in scripts[name]["output"]:
            if match := _STEP.match(line):
                numbers = {key: float(match[key]) for key in ("p25", "mean")}
                rows.append({"work": match["what"], **numbers, "mark": match["mark"], "met": match["verdict"] == "met"})
    return rows


def run_rows(scripts: dict[str, dict[str, Any]]) -> list[dict[str, str]]:
    """Read what runs and their records cost from the tables that the scripts printed."""
    rows = []
    for name in ("runs", "recorder_cost"):
        for line in scripts[name]["output"]:
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if line.startswith("|") and len(cells) == 4 and cells[1] != "measured":
                rows.append(dict(zip(("work", "measured", "mark", "verdict"), cells, strict=True)))
    return rows


def as_markdown(results: dict[str, Any]) -> str:
    """Write the tables of the page."""
    names = list(results["peers"][0]["median"])
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines = [f"{results['date']}, {results['machine']}, medians of {results['repeats']}. {versions}.", ""]
    lines += [f"| work | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for row in results["peers"]:
        ours = row["median"]["Lighter"]
        digits = 0 if row["unit"] == "MiB" else 2
        cells = [f"**{ours:.{digits}f} {row['unit']}**"]
        cells += [
            f"{row['median'][name]:.{digits}f} {row['unit']} (x {ours / row['median'][name]:.2f})" for name in names[1:]
        ]
        lines.append(f"| {row['work'].strip()} | {' | '.join(cells)} |")
    lines += ["", "| a step or an epoch | ratio, p25 | ratio, mean | mark |", "|---|--:|--:|--:|"]
    for row in results["steps"]:
        verdict = "" if row["met"] else " (missed)"
        lines.append(f"| {row['work']} | {row['p25']:.3f} | {row['mean']:.3f} | {row['mark']}{verdict} |")
    lines += ["", "| runs and their records | measured | mark |", "|---|---|---|"]
    for row in results["runs"]:
        verdict = " (missed)" if row["verdict"] == "MISSED" else ""
        lines.append(f"| {row['work']} | {row['measured']} | {row['mark']}{verdict} |")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and write the results down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for tool in ("lighter", "by-hand", "lightning-cli", "hydra", "earlier-lighter", "mlflow"):
        parser.add_argument(f"--{tool}", required=True, metavar="PYTHON", help="the Python that has this tool alone")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that all works, not how fast it is")
    parser.add_argument("--write", action="store_true", help="rewrite the tracked results and the page")
    options = parser.parse_args()
    pythons = {name: value for name, value in vars(options).items() if isinstance(value, str)}
    contestants = tools(pythons)
    if options.quick:
        options.repeats, options.epochs = 1, 2
    results: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": {
            "Python": platform.python_version(),
            "torch": version_in(sys.executable, "torch"),
            "pytorch-lightning": version_in(sys.executable, "pytorch-lightning"),
            **{tool.package: version_in(tool.python, tool.package) for tool in contestants},
        },
        "repeats": options.repeats,
        "peers": against_peers(contestants, options.repeats, options.epochs),
    }
    results["scripts"] = other_scripts(pythons, quick=options.quick)
    results["steps"] = step_rows(results["scripts"])
    results["runs"] = run_rows(results["scripts"])
    table = as_markdown(results)
    print(f"\n{table}")
    for file in [UNTRACKED, *([TRACKED] if options.write else [])]:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(results, indent=1) + "\n")
    if options.write:
        before, after = (re.escape(mark) for mark in ("<!-- table -->", "<!-- end of the table -->"))
        page = re.sub(f"({before}\n).*?({after})", lambda parts: f"{parts[1]}\n{table}\n\n{parts[2]}",
                      PAGE.read_text(), flags=re.DOTALL)  # fmt: skip
        PAGE.write_text(page)
    missed = [f"{name} failed" for name, script in results["scripts"].items() if script["exit_code"]]
    missed += [f"a training step costs {row['p25']:.4f}: {row['work']}"
               for row in results["steps"] if not row["met"] and "ResNet" in row["work"]]  # fmt: skip
    print(*missed, sep="\n", end="\n" if missed else "")
    return 1 if missed else 0


def machine() -> str:
    """Say what the work ran on."""
    cores = os.cpu_count()
    try:
        named = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        named = None
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores{f' of {named[1]}' if named else ''}, one torch thread"
    )


def version_in(python: str, package: str) -> str:
    """Return the version of a package in another environment."""
    program = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
