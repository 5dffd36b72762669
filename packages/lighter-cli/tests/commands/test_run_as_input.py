"""Commands take a run by its name or id, as ``runs show`` does."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner, read_runs
from lighter_cli.inspecting import merged_inputs

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


def test_commands_that_read_take_names_and_ids(in_process: Command, system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"], name="strong")
    (run,) = read_runs()
    for name in (run.id, "strong", "last", run.id[-6:]):
        assert in_process("show", name).stdout == in_process("show", os.fspath(run)).stdout
    assert "max_epochs: 3" in in_process("show", "strong", "trainer::max_epochs=3").stdout
    assert in_process("check", "strong").returncode == 0
    assert "trainer::max_epochs" in in_process("diff", "strong", "--against", system_config).stdout
    failed = in_process("check", "stronk")
    assert failed.returncode == 1
    assert "'stronk' is neither a file, a run nor an override" in failed.stdout
    assert "command line, word 1" in failed.stdout
    assert "strong" in failed.stdout


def test_several_runs_of_a_name_are_listed(in_process: Command, system_config: str) -> None:
    for _ in range(2):
        Runner().run("fit", [system_config, "trainer::max_epochs=1"], name="strong")
    failed = in_process("show", "strong")
    assert failed.returncode == 1
    assert "'strong' is the name of 2 runs" in failed.stderr
    assert all(run.id in failed.stderr for run in read_runs())
    assert "command line, word 1 strong" in failed.stderr


def test_runs_are_not_looked_up_for_other_words(
    in_process: Command, system_config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    monkeypatch.setattr(merged_inputs, "look_up_run", looked_up.append)
    Path("folder").mkdir()
    in_process("show", system_config, "trainer::max_epochs=3", "~trainer::callbacks")
    for word in ("nothing.yaml", "nothing.ckpt", "some/where", "folder", "trainer::max_epochs"):
        in_process("show", system_config, word)
    assert looked_up == []


def test_stages_and_export_take_a_name(lighter: Command, system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"], name="strong")
    (run,) = read_runs()
    tested = lighter("test", run.id, "trainer::limit_test_batches=1")
    assert tested.returncode == 0, tested.stderr
    assert f"best checkpoint of run lighter_runs/{run.id}" in tested.stderr
    assert read_runs()[-1].words == (f"lighter_runs/{run.id}", "trainer::limit_test_batches=1")
    exported = lighter("export", "strong")
    assert exported.returncode == 0, exported.stderr
    assert list(Path().glob(f"{run.id}*"))
