"""How soon other config-driven tools name a misspelled argument, and whether they accept a misspelled section.

None of them is a dependency of this project. Give them an environment of their own, with Lighter beside them; a tool
that is missing is left out::

    uv venv .venv-peers
    uv pip install --python .venv-peers packages/* "jsonargparse[signatures,omegaconf]" hydra-core monai fire
    .venv-peers/bin/python benchmarks/peers.py

Each tool gets an optimizer of torch with `lrr` instead of `lr`, as its documentation writes it, in a process of
its own; then a correct config with a section `trainr` that nobody reads. The time is that of the whole process, the
median of several, one after the other.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIGHTER = """
trainer: {_target_: pytorch_lightning.Trainer, max_epochs: 1, logger: false, enable_checkpointing: false}
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 2, out_features: 2}
  criterion: {_target_: torch.nn.MSELoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", LR: 0.1}
  dataloaders: {train: {_target_: torch.utils.data.DataLoader, dataset: [[[1.0, 1.0], [1.0, 1.0]]]}}
"""
CLI_SCRIPT = """
import torch, pytorch_lightning as pl
from pytorch_lightning.cli import LightningCLI
class Model(pl.LightningModule):
    def __init__(self, optimizer: "torch.optim.Optimizer | None" = None, width: int = 2): super().__init__()
LightningCLI(Model, run=False)
"""
CLI_CONFIG = (
    "trainer: {max_epochs: 1}\nmodel: {width: 2}\noptimizer: {class_path: torch.optim.SGD, init_args: {LR: 0.1}}\n"
)
HYDRA_SCRIPT = """
import hydra, torch
@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg): hydra.utils.instantiate(cfg.optimizer, params=[torch.nn.Parameter(torch.ones(1))])
main()
"""
HYDRA_CONFIG = "optimizer: {_target_: torch.optim.SGD, LR: 0.1}\nhydra: {output_subdir: null, run: {dir: .}}\n"
MONAI_CONFIG = """
network: {_target_: torch.nn.Linear, in_features: 2, out_features: 2}
optimizer: {_target_: torch.optim.SGD, params: "$@network.parameters()", LR: 0.1}
run: ["$@optimizer.state_dict()"]
"""


@dataclass(frozen=True)
class Peer:
    """A tool, what it needs, and how it is called with a config; `LR` in the config is the argument to misspell."""

    name: str
    package: str
    config: str
    arguments: tuple[str, ...]
    script: str = ""


PEERS = [
    Peer("lighter check", "lighter-cli", LIGHTER, ("-m", "lighter_cli", "check", "CONFIG")),
    Peer("lighter fit", "lighter-cli", LIGHTER, ("-m", "lighter_cli", "fit", "CONFIG")),
    Peer("LightningCLI", "jsonargparse", CLI_CONFIG, ("SCRIPT", "--config", "CONFIG"), CLI_SCRIPT),
    Peer("Hydra instantiate", "hydra-core", HYDRA_CONFIG, ("SCRIPT",), HYDRA_SCRIPT),
    Peer("MONAI bundle", "monai", MONAI_CONFIG, ("-m", "monai.bundle", "run", "--config_file", "CONFIG")),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{platform.platform()}, Python {platform.python_version()}, torch {version('torch')}")
    print(f"{'':<20}{'version':<10}{'names `lrr` after':>20}{'section `trainr`':>20}")
    for peer in PEERS:
        try:
            installed = version(peer.package)
        except PackageNotFoundError:
            print(f"{peer.name:<20}{'not installed':<10}")
            continue
        runs = [run(peer, peer.config.replace("LR", "lrr")) for _ in range(repeats)]
        seconds = statistics.median(taken for taken, _, _ in runs)
        named = "never" if any(code == 0 or "lrr" not in output for _, code, output in runs) else f"{seconds:.2f} s"
        _, code, output = run(peer, peer.config.replace("LR", "lr") + "trainr: {max_epochs: 3}\n")
        section = "accepted" if code == 0 else "an error" if "trainr" in output else f"fails: {output.strip()[-60:]}"
        print(f"{peer.name:<20}{installed:<10}{named:>20}{section:>20}")


def run(peer: Peer, config: str) -> tuple[float, int, str]:
    """Run a peer in a new folder; return the seconds, the exit code and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.yaml").write_text(config)
        (Path(folder) / "script.py").write_text(peer.script)
        names = {"CONFIG": "config.yaml", "SCRIPT": "script.py"}
        command = [sys.executable, *(names.get(argument, argument) for argument in peer.arguments)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HYDRA_FULL_ERROR": "1"}
        start = time.perf_counter()
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
        return time.perf_counter() - start, done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    main()
