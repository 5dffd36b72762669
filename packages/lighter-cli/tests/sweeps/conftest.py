"""Sweeps of a tiny experiment, whose trials are forked from one server for all tests of a module."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lighter_cli.sweeps.process import Starter

PARTS = """
    import os, time
    import torch
    from pytorch_lightning import Callback

    class Act(Callback):
        '''Does what the config says: fails, waits, logs a value.'''

        def __init__(self, fail="", epoch_s=0.0, value=None):
            self.fail, self.epoch_s, self.value = fail, epoch_s, value

        def on_fit_start(self, trainer, module):
            if self.fail == "raise":
                raise ValueError(f"no layer has {trainer.max_epochs} units")
            if self.fail == "memory":
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            if self.fail == "once" and not os.path.exists("failed-once"):
                open("failed-once", "w").close()
                raise ValueError("only once")

        def on_validation_epoch_end(self, trainer, module):
            if self.value is not None:
                value = self.value + 0.01 * trainer.current_epoch
                module.log("val/value", float("nan") if self.fail == "nan" else value)
            time.sleep(self.epoch_s)
"""


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    """What starts the trials of the tests of a module."""
    made = Starter(environment={"OMP_NUM_THREADS": "1"})
    yield made
    made.close()


@pytest.fixture
def config(system_config: str, tmp_path: Path) -> str:
    """The tiny experiment with a callback that acts; ``vars::value`` is what it logs as ``val/value``."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "parts.py").write_text(textwrap.dedent(PARTS))
    (tmp_path / "sweep.yaml").write_text(
        textwrap.dedent("""
        _base_: config.yaml
        project: own
        vars: {fail: "", epoch_s: 0.0, value: 0.5}
        trainer:
          max_epochs: 2
          callbacks:
            - _target_: pytorch_lightning.callbacks.ModelCheckpoint
              save_last: true
            - {_target_: project.parts.Act, fail: "%vars::fail", epoch_s: "%vars::epoch_s", value: "%vars::value"}
        """)
    )
    return "sweep.yaml"


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., list[str]]:
    """Return the command that runs ``lighter`` with words."""

    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "lighter_cli", *words]

    return command
