"""A run from a record trains with the seed of the recorded run."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.runs.record import read_records
from lighter_config import load

pytestmark = pytest.mark.slow


def _weights(folder: str) -> torch.Tensor:
    checkpoint = torch.load(f"{folder}/last.ckpt", weights_only=True)
    return checkpoint["state_dict"]["network.weight"]  # type: ignore[no-any-return]


def _again(in_process: Callable[..., Any]) -> list[str]:
    """Return the command that the record offers, without the name of the program."""
    shown = in_process("runs", "show", "last").stdout.splitlines()
    (line,) = [line for line in shown if "to run again" in line]
    return shlex.split(line.partition("lighter ")[2])


def test_the_command_to_run_again_uses_the_seed_of_the_variable(
    system_config: str, monkeypatch: pytest.MonkeyPatch, in_process: Callable[..., Any], lighter: Callable[..., Any]
) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=first"])
    monkeypatch.delenv("PL_GLOBAL_SEED")
    folder = read_records(Path())[-1].folder
    assert load([str(folder)]).get("seed") == 5
    places = json.loads((folder / "provenance.json").read_text())
    assert places["seed"] == ["environment variable PL_GLOBAL_SEED"]
    done = lighter(*_again(in_process), "trainer::callbacks::0::dirpath=again")
    assert done.returncode == 0, done.stderr
    assert read_records(Path())[-1].content["seed"] == 5
    assert torch.equal(_weights("first"), _weights("again"))
    Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=other"])
    assert not torch.equal(_weights("first"), _weights("other"))


def test_a_checkpoint_holds_the_seed(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "5")
    Runner().run("fit", [system_config])
    monkeypatch.setenv("PL_GLOBAL_SEED", "6")
    assert load(["checkpoints/last.ckpt"]).get("seed") == 5
    Runner().run("test", ["checkpoints/last.ckpt"])
    assert read_records(Path())[-1].content["seed"] == 5


def test_the_default_seed_is_recorded_too(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    Runner().run("validate", [system_config])
    folder = read_records(Path())[-1].folder
    assert load([str(folder)]).get("seed") == 0
    assert json.loads((folder / "provenance.json").read_text())["seed"] == ["default"]


def test_a_seed_that_refers_to_a_value_still_follows_it(system_config: str) -> None:
    Runner().run("validate", [system_config, "seed=$@vars::num_samples + 1"])
    folder = str(read_records(Path())[-1].folder)
    assert load([folder]).get("seed") == "$@vars::num_samples + 1"
    Runner().run("validate", [folder, "vars::num_samples=14"])
    assert read_records(Path())[-1].content["seed"] == 15


def test_a_seed_that_is_drawn_is_recorded_as_drawn(system_config: str) -> None:
    Runner().run("validate", [system_config, "seed=$__import__('secrets').randbelow(10 ** 9)"])
    record = read_records(Path())[-1]
    assert load([str(record.folder)]).get("seed") == record.content["seed"]
