"""Work in a project of 100,000 files: Python, configs and data; outside git, untracked, and committed.

Run: python benchmarks/long_runs/files.py [--files 100000] [--checked 2000] [--folder FOLDER]

A fifth of the files is Python, a fifth configs, the rest data; the whole folder is the config's project. Prints what
each command needs there, beside the same command in a project of 10 files, and the size of what a run records. Fails
when a command fails, or takes more than `MOST_TIMES` the processor time of the small project and more than `MOST_S`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measures import Command, lighter, print_sizes, print_versions

MOST_TIMES = 3.0
MOST_S = 3.0
GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "gc.auto=0")

CONFIG = """
seed: 0
project: .
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
  accelerator: cpu
  devices: 1
  log_every_n_steps: 1
  enable_progress_bar: false
  enable_model_summary: false
  logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: outputs}
  default_root_dir: outputs
system:
  _target_: lighter.System
  model: {_target_: project.package_0.module_0.Network}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 1e-3}
  dataloaders:
    train: {_target_: parts.one_batch, seed: 1}
    val: {_target_: parts.one_batch, seed: 2}
"""
MODULE = '''"""Module {number}."""

from torch import nn


class Network(nn.Linear):
    """A network."""

    def __init__(self, in_features: int = 4, out_features: int = 2) -> None:
        super().__init__(in_features, out_features)
'''
IN_A_FOLDER = 200
STATES = {
    "without git": (),
    "untracked in git": (("init", "--quiet"),),
    "committed": (("add", "--all"), ("commit", "--quiet", "--message", "all")),
}
"""What git does for each state, after the one before."""


def make_project(folder: Path, num_files: int) -> None:
    """Write the files of a project."""
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG)
    for number in range(num_files):
        kind, place = number % 5, number // 5
        group = place // IN_A_FOLDER
        if kind == 0:
            file, text = folder / f"package_{group}" / f"module_{place}.py", MODULE.format(number=number)
        elif kind == 1:
            file = folder / f"configs_{group}" / f"config_{place}.yaml"
            text = f"_base_: ../config.yaml\nseed: {place}\n"
        else:
            suffix = ("npy", "txt", "json")[kind - 2]
            file, text = folder / "data" / f"part_{group}" / f"sample_{place}.{suffix}", f"{number}\n"
        if place % IN_A_FOLDER == 0:
            file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / ".gitignore").write_text("outputs/\n.lighter/\n__pycache__/\n")


def git(folder: Path, *words: str) -> None:
    subprocess.run([*GIT, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def commands(folder: Path, num_checked: int) -> dict[str, tuple[str, ...]]:
    """Return what is measured, by name."""
    configs = sorted(str(file.relative_to(folder)) for file in folder.glob("configs_*/*.yaml"))[:num_checked]
    return {
        "check": ("check", "config.yaml"),
        "show": ("show", "config.yaml"),
        "complete a file": ("--complete", "bash", " =:", "lighter fit conf", ""),
        "complete a target": (
            "--complete",
            "bash",
            " =:",
            "lighter fit config.yaml system::model::_target_=project.",
            "",
        ),
        "fit": ("fit", "config.yaml"),
        "fit again": ("fit", "config.yaml"),
        "fit, resumed": ("fit", "config.yaml", "--ckpt-path", "last", "trainer::max_epochs=3"),
        "runs list": ("runs", "list"),
        "runs show": ("runs", "show", "last"),
        "pack": ("pack", "last", "packed.zip"),
        f"check --each of {len(configs):,}": ("check", "--each", *configs),
    }


def compare(name: str, small: Command, large: Command) -> bool:
    """Print what a command needs in both projects; return whether it is much more in the large one."""
    print(f"{name:<24} {large}   in 10 files {small}", flush=True)
    return large.processor_s > MOST_S and large.processor_s > MOST_TIMES * small.processor_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--checked", type=int, default=2000, help="how many configs `check --each` gets")
    parser.add_argument("--state", choices=STATES, action="append", help="by default all three in turn")
    parser.add_argument("--folder", type=Path, help="where to leave the projects")
    options = parser.parse_args()
    print_versions()
    slow: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        begin = time.monotonic()
        make_project(folder / "small", 10)
        make_project(folder / "large", options.files)
        print(f"made in {time.monotonic() - begin:.0f} s", flush=True)
        for state, words in STATES.items():
            for project in (folder / "small", folder / "large"):
                for command in words:
                    git(project, *command)
            if options.state and state not in options.state:
                continue
            print(f"\n{state}", flush=True)
            few, many = (commands(folder / name, options.checked) for name in ("small", "large"))
            for (name, in_many), in_few in zip(many.items(), few.values(), strict=True):
                # `pack` ends with 1 where the record lacks code; `check --each` has more to check
                expected = None if name == "pack" else 0
                small, large = (
                    lighter(folder / project, *command, exit_code=expected)
                    for project, command in (("small", in_few), ("large", in_many))
                )
                if compare(name, small, large) and not name.startswith("check --each"):
                    slow.append(f"{name}, {state}")
            print_sizes(folder / "large" / "outputs", most=5)
    if slow:
        sys.exit("much slower than in a small project: " + "; ".join(slow))


if __name__ == "__main__":
    main()
