"""What a run leaves behind."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.records import read_records
from lighter_config import load

Write = Callable[[str, str], Path]


def _record(folder: Path = Path()) -> dict[str, Any]:
    return dict(read_records(folder)[-1].content)


def test_a_run_leaves_one_folder_and_one_line(system_config: str) -> None:
    Runner().run("fit", [system_config])
    (folder,) = Path("lighter_runs").iterdir()
    (line,) = Path(".lighter/runs.jsonl").read_text().splitlines()
    assert json.loads(line)["folder"] == str(folder.resolve())
    assert {file.name for file in folder.iterdir()} == {"config.yaml", "provenance.json", "record.json"}


def test_every_field_says_what_ran(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1", "seed=7"])
    record = _record()
    assert record["stage"] == "fit"
    assert record["status"] == "finished"
    assert record["words"] == [system_config, "trainer::max_epochs=1", "seed=7"]
    assert record["overrides"] == ["trainer::max_epochs=1", "seed=7"]
    assert record["files"] == [str(Path(system_config).resolve())]
    assert record["seed"] == 7
    assert record["project"] is None
    assert record["working_directory"] == str(Path.cwd())
    assert record["options"]["ckpt_path"] is None
    assert record["versions"]["torch"] == torch.__version__
    assert record["versions"]["python"] == platform.python_version()
    assert record["process"]["pid"] == os.getpid()
    assert record["devices"]["accelerator"] == "CPUAccelerator"
    assert record["start"] < record["end"]
    assert record["error"] is None
    assert record["metrics"].keys() >= {"train/loss/epoch", "val/loss/epoch", "val/metrics/Accuracy/epoch"}


def test_the_recorded_config_runs_again_and_gives_the_same(system_config: str) -> None:
    Runner().run("fit", [system_config, "vars::num_samples=14"])
    saved = read_records(Path())[-1].folder / "config.yaml"
    assert load([str(saved)]).tree == load([system_config, "vars::num_samples=14"]).tree
    Path(system_config).unlink()
    Runner().run("fit", [str(saved), "trainer::callbacks::0::dirpath=again"])
    first, again = (torch.load(f"{folder}/last.ckpt", weights_only=True) for folder in ("checkpoints", "again"))
    assert torch.equal(first["state_dict"]["network.weight"], again["state_dict"]["network.weight"])


def test_the_recorded_config_still_follows_its_references(system_config: str) -> None:
    """D4: references were frozen to their values when a config was saved."""
    Runner().run("fit", [system_config])
    saved = read_records(Path())[-1].folder / "config.yaml"
    config = load([str(saved), "system::dataloaders::train::batch_size=3"]).expanded()
    assert config.get("system::dataloaders::val::batch_size") == 3


def test_provenance_names_the_place_of_every_value(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    places = json.loads((read_records(Path())[-1].folder / "provenance.json").read_text())
    assert places["trainer::max_epochs"][0] == "command line, word 2"
    assert places["trainer::max_epochs"][1].startswith("config.yaml:")
    assert places["system::optimizer::lr"][0].startswith("config.yaml:")


def test_a_run_or_checkpoint_as_a_word_still_knows_the_places_that_set_its_values(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    folder = read_records(Path())[-1].folder
    for word in (str(folder), "checkpoints/last.ckpt"):
        config = load([word, "system::optimizer::lr=0.3"])
        stored, *original = [str(place) for place in config.chain("trainer::max_epochs")]
        assert stored.startswith(word)
        assert original == ["command line, word 2", "config.yaml:4:15"]
        assert str(config.place("system::optimizer::lr")) == "command line, word 2"
        assert str(config.chain("system::optimizer::lr")[-1]).startswith("config.yaml:")


def test_the_commit_and_whether_the_tree_is_dirty_are_recorded(system_config: str) -> None:
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Start"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    assert _record()["git"] == {"commit": commit, "dirty": False}  # what the run itself left behind does not count
    Path("new_model.py").touch()
    Runner().run("fit", [system_config, "trainer::max_epochs=1", "trainer::callbacks::0::dirpath=first"])
    assert _record()["git"] == {"commit": commit, "dirty": True}
    Path("new_model.py").unlink()
    Path(system_config).write_text(Path(system_config).read_text() + "\n")
    Runner().run("fit", [system_config, "trainer::max_epochs=1", "trainer::callbacks::0::dirpath=second"])
    assert _record()["git"] == {"commit": commit, "dirty": True}


def test_checkpoints_carry_config_and_record_as_text(system_config: str) -> None:
    Runner().run("fit", [system_config])
    checkpoint = torch.load("checkpoints/last.ckpt", weights_only=True)
    assert load(["checkpoints/last.ckpt"]).tree == load([system_config]).tree
    record = json.loads(checkpoint["lighter_record"])
    assert record["stage"] == "fit"
    assert record["provenance"]["system::optimizer::lr"][0].startswith("config.yaml")


def test_loggers_get_the_config_as_hyperparameters(system_config: str, write: Write) -> None:
    write("csv.yaml", "trainer:\n  logger:\n    _target_: pytorch_lightning.loggers.CSVLogger\n    save_dir: logs\n")
    Runner().run("fit", [system_config, "csv.yaml"])
    (hparams,) = Path("logs").rglob("hparams.yaml")
    assert "lighter.System" in hparams.read_text()


def test_a_failed_run_says_why(module_config: str, write: Write) -> None:
    code = Path("code/models.py").read_text()
    write("code/models.py", code.replace("return self.criterion(self(batch[0]), batch[1])", "raise OSError('disk')"))
    with pytest.raises(OSError, match="disk"):
        Runner().run("fit", [module_config])
    record = _record()
    assert record["status"] == "failed"
    assert record["error"] == "OSError: disk"


def test_a_killed_run_is_lost_and_its_checkpoint_is_found(system_config: str) -> None:
    command = [sys.executable, "-m", "lighter_cli", "fit", system_config, "trainer::max_epochs=-1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait_for(lambda: Path("checkpoints/last.ckpt").exists())
        _wait_for(lambda: _record()["checkpoints"].get("last") is not None)
        assert read_records(Path())[-1].status == "running"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert read_records(Path())[-1].status == "lost"
    Runner().run("test", [system_config], ckpt_path="last")


def test_ctrl_c_is_interrupted_and_exit_code_130(system_config: str) -> None:
    command = [sys.executable, "-m", "lighter_cli", "fit", system_config, "trainer::max_epochs=-1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    _wait_for(lambda: Path("checkpoints/last.ckpt").exists())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].endswith(f"lighter fit lighter_runs/{_record()['id']}")
    assert _record()["status"] == "interrupted"
    assert Path(_record()["checkpoints"]["last"]).exists()


def test_a_fast_dev_run_leaves_no_record(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::fast_dev_run=true"])
    assert not Path("lighter_runs").exists()
    assert not Path(".lighter").exists()


def _wait_for(condition: Callable[[], bool], timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
