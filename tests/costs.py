"""Count what Lighter costs without a clock: its Python calls in a training step, the modules that its commands import.

After a change on purpose: python tests/costs.py
"""

import collections
import cProfile
import itertools
import json
import logging
import os
import pstats
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

RECORD_FILE = Path(__file__).with_name("costs.json")
EXPERIMENT = Path(__file__).parents[1] / "packages/lighter-cli/tests/experiments/config.yaml"
IMPORTED = (
    "import sys; before = set(sys.modules); sys.argv = ['lighter', *sys.argv[1:]]\n"
    "from lighter_cli.main import main\n"
    "try: main()\n"
    "except SystemExit: pass\n"
    "print(*sorted(set(sys.modules) - before))"
)


def calls_per_step() -> dict[str, float]:
    """Count calls of functions of lighter-core in a training step, off the written steps and over fifty.

    Those of torch and Lightning are left out: they differ from version to version.
    """
    import torch
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers.logger import DummyLogger
    from torch import nn
    from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

    import lighter

    own = str(Path(lighter.__file__).parent)
    batch = (torch.randn(4, 8), torch.randint(3, (4,)))

    class Module(lighter.LighterModule):
        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            x, y = batch
            pred = self(x)
            self.update_metrics(pred, y)
            return {"loss": self.criterion(pred, y), "pred": pred, "target": y}

    class Same(torch.utils.data.IterableDataset[Any]):
        def __init__(self, num_steps: int) -> None:
            self.num_steps = num_steps

        def __iter__(self) -> Any:
            return itertools.repeat(batch, self.num_steps)

    def make(name: str) -> Any:
        network = nn.Linear(8, 3)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        metrics = [MulticlassAccuracy(3, validate_args=False), MulticlassF1Score(3, validate_args=False)]
        if name == "System":
            return lighter.System(
                network, optimizer=optimizer, criterion=nn.CrossEntropyLoss(), metrics={"train": metrics}
            )
        return Module(network, nn.CrossEntropyLoss(), optimizer, train_metrics=metrics)

    def count(name: str, num_steps: int, log_every_n_steps: int) -> int:
        trainer = Trainer(
            max_epochs=1,
            accelerator="cpu",
            logger=DummyLogger(),  # takes rows and drops them; without one, nothing is written
            log_every_n_steps=log_every_n_steps,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        module = make(name)
        loader = torch.utils.data.DataLoader(Same(num_steps), batch_size=None)
        profile = cProfile.Profile()
        profile.runcall(trainer.fit, module, loader)
        stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
        return sum(calls for (file, _, _), (_, calls, _, _, _) in stats.items() if file.startswith(own))

    return {
        f"{name}, {steps}": (count(name, 30, every) - count(name, 10, every)) / 20
        for name in ("System", "LighterModule")
        for steps, every in (("a step that is not written", 1000), ("a step that is written", 1))
    }


def modules_of(*words: str, repeats: int = 1) -> dict[str, int]:
    """Count the modules that a command imports, by package; those of Python itself together.

    Args:
        words: The command.
        repeats: How often it runs; what it keeps for the next time is kept between them.
    """
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        for _ in range(repeats):
            command = [sys.executable, "-c", IMPORTED, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    names = done.stdout.splitlines()[-1].split()
    counted = collections.Counter(name.split(".")[0] for name in names)
    counted = collections.Counter({name: count for name, count in counted.items() if "cython" not in name})
    of_python = sum(counted.pop(name) for name in list(counted) if name in sys.stdlib_module_names)
    return {"Python itself": of_python, **dict(sorted(counted.items()))}


def measure() -> dict[str, dict[str, float]]:
    """Return both counts."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calls = calls_per_step()
    return {
        "Python calls of lighter-core in": calls,
        "modules imported by lighter --help": dict(modules_of("--help")),
        "modules imported by lighter --help, again": dict(modules_of("--help", repeats=2)),
        "modules imported by lighter check": dict(modules_of("check", str(EXPERIMENT))),
        "modules imported by lighter check, again": dict(modules_of("check", str(EXPERIMENT), repeats=2)),
    }


if __name__ == "__main__":
    RECORD_FILE.write_text(json.dumps(measure(), indent=2) + "\n")
