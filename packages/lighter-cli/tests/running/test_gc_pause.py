"""A command pauses garbage collection while it imports torch and Lightning, and at no other time."""

import gc
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.running.gc_pause import gc_paused

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]

WATCH = """
import gc
from pathlib import Path

from pytorch_lightning import Callback


class Cycle:  # only a collection frees it
    def __del__(self):
        Path("collected").touch()


class Watch(Callback):
    def on_train_start(self, trainer, pl_module):
        import torch

        kept = gc.get_freeze_count()
        known = any(known is torch.nn.Linear for known in gc.get_objects())
        Path("watched").write_text(f"{gc.isenabled()} {kept > 100_000} {known}")

    def on_train_end(self, trainer, pl_module):
        cycle = Cycle()
        cycle.itself = cycle
"""

OVERLAY = """
trainer:
  callbacks:
    - _target_: watch.Watch
"""


@pytest.fixture
def words(system_config: str, tmp_path: Path) -> list[str]:
    (tmp_path / "watch.py").write_text(WATCH)
    (tmp_path / "watch.yaml").write_text(OVERLAY)
    return [system_config, "watch.yaml"]


def test_a_command_keeps_torch_out_of_the_collector(words: list[str], lighter: Command) -> None:
    done = lighter("fit", *words)
    assert done.returncode == 0, done.stderr
    assert Path("watched").read_text() == "True True False"


def test_objects_of_a_run_are_collected_at_its_end(words: list[str], lighter: Command) -> None:
    done = lighter("fit", *words)
    assert done.returncode == 0, done.stderr
    assert Path("collected").is_file()
    assert "leak" not in done.stderr  # what nanobind says of functions that are left


def test_a_run_from_python_leaves_the_collector_alone(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("freeze", "disable"):
        monkeypatch.setattr(gc, name, partial(asked.append, name))
    Runner().run("fit", [system_config])
    assert asked == []


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with gc_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
