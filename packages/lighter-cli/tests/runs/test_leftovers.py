"""What a killed run leaves and nothing reads is removed by the run that continues it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.runs.leftovers import release_reserve
from lighter_cli.runs.record import read_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
]

STEP = "    def training_step(self, batch, batch_idx):\n"
KILLED_WHILE_SAVING = """\
        if self.current_epoch == 1:
            import os, signal, torch
            torch.save = lambda _, stream: (stream.write(b"part"), stream.flush(), os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.fixture
def killed(module_config: str, lighter: Callable[..., Any]) -> Path:
    """A folder of checkpoints: the fit was killed while it wrote the one of its second epoch."""
    file = Path("code/models.py")
    code = file.read_text()
    file.write_text(code.replace(STEP, STEP + KILLED_WHILE_SAVING))
    assert lighter("fit", module_config, "trainer::max_epochs=3").returncode == -9
    file.write_text(code)
    (record,) = read_records(Path())
    assert (record.status, (record.folder / ".reserved").exists()) == ("lost", True)
    (folder,) = record.content["checkpoint_folders"]
    (partial,) = Path(folder).glob(".*.partial")
    os.utime(partial, (0, 0))
    return Path(folder)


def test_a_resumed_run_removes_partial_checkpoints(
    killed: Path, module_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = set(killed.glob("*.ckpt"))
    caplog.set_level("INFO")
    Runner().run("fit", [module_config, "trainer::max_epochs=3"], ckpt_path="last")
    assert whole
    assert list(killed.glob(".*.partial")) == []
    assert f"removed 1 partial checkpoint(s) of killed runs from {killed}: 0.0 MiB" in caplog.messages


def test_a_resumed_run_releases_the_reserve_of_the_lost_one(killed: Path, module_config: str) -> None:
    Runner().run("fit", [module_config, "trainer::max_epochs=3"], ckpt_path="last")
    assert list(Path().rglob(".reserved")) == []


def test_a_running_run_keeps_its_reserve(module_config: str) -> None:
    Runner().run("fit", [module_config])
    (record,) = read_records(Path())
    (record.folder / ".reserved").write_bytes(b"space")
    release_reserve(record.folder)
    assert (record.folder / ".reserved").exists()  # only that of a lost run is released
