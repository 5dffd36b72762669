"""Run a recipe as a user does, each command in a process of its own, and read what it leaves."""

import csv
import multiprocessing
import runpy
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tests.works_with.libraries import LIBRARIES

RECIPES = Path(__file__).parent / "recipes"
PROGRAM = Path(__file__).parent / "program.py"
_AUTHOR = ("-c", "user.name=user", "-c", "user.email=user@example.org")
LAST = "outputs/checkpoints/last.ckpt"

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["lighter_cli.main", "pytorch_lightning", "torchmetrics"])  # imported once


@dataclass(frozen=True, slots=True)
class Crossing:
    """A recipe that was trained, resumed, validated, tested and used for predictions, in `folder`."""

    library: str
    folder: Path

    @property
    def inputs(self) -> list[str]:
        return ["trainer.yaml", *LIBRARIES[self.library].beside, f"{self.library}.yaml"]

    def lighter(self, command: str, *words: str) -> str:
        """Run a command; return what it prints."""
        log = self.folder / f"{command}.log"
        environment = {"HOME": str(self.folder), **LIBRARIES[self.library].environment}
        given = {
            "environment": environment,
            "words": [command, *self.inputs, *words],
            "folder": self.folder,
            "log": log,
        }
        process = PROCESSES.Process(target=runpy.run_path, args=(str(PROGRAM), given))
        process.start()
        process.join()
        printed = log.read_text(encoding="utf-8")
        assert process.exitcode == 0, printed
        return printed

    def checkpoint(self, output: str) -> dict[str, Any]:
        """Return the last checkpoint of a fit."""
        file, safely = self.folder / output / "checkpoints/last.ckpt", not LIBRARIES[self.library].options
        content: dict[str, Any] = torch.load(file, weights_only=safely)
        return content

    def logged(self, output: str) -> dict[str, list[float]]:
        """Return the values of each name in the order in which they were logged."""
        file = self.folder / output / "csv/version_0/metrics.csv"
        if not file.is_file():  # a test without metrics logs nothing
            return {}
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        names = [name for name in rows[0] if name not in ("epoch", "step")]
        return {name: [float(row[name]) for row in rows if row[name]] for name in names}

    def of_epoch(self, output: str) -> dict[str, float]:
        """Return the values of the last epoch."""
        return {name: values[-1] for name, values in self.logged(output).items() if not name.endswith("step")}

    def predictions(self) -> list[Any]:
        """Return what was written for each sample, in the order of the data."""
        files = sorted((self.folder / "predict/predictions").glob("*.pt"), key=lambda file: int(file.stem))
        return [torch.load(file, weights_only=True) for file in files]


def cross(library: str, folder: Path) -> Crossing:
    """Check, train, resume, validate, test and predict."""
    shutil.copytree(RECIPES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for words in (
        "init --quiet",
        "commit --quiet --allow-empty --message=begin",
    ):  # trackers write into the nearest one
        subprocess.run(["git", *_AUTHOR, *words.split()], cwd=folder, check=True)
    crossing = Crossing(library, folder)
    found = crossing.lighter("check")
    assert "nothing wrong" in found, found
    crossing.lighter("fit")
    options = LIBRARIES[library].options
    crossing.lighter("fit", "vars::output=resumed", "--ckpt-path", "outputs/checkpoints/epoch=0.ckpt", *options)
    for stage in ("validate", "test", "predict"):
        crossing.lighter(stage, f"vars::output={stage}", "--ckpt-path", LAST, *options)
    return crossing
