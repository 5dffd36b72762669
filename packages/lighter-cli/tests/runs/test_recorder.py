"""What a run leaves behind."""

import errno
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from pytorch_lightning import Trainer

from lighter_cli import Runner
from lighter_cli.runs import record_writer
from lighter_cli.runs.environment import gpu_driver
from lighter_cli.runs.record import read_record, read_records
from lighter_cli.runs.recorder import RunRecorder
from lighter_cli.runs.recorder_errors import note_not_writable
from lighter_config import load

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]


def _record(folder: Path = Path()) -> dict[str, Any]:
    return dict(read_records(folder)[-1].content)


def test_a_run_leaves_one_folder_and_one_line(system_config: str) -> None:
    Runner().run("fit", [system_config])
    (folder,) = Path("lighter_runs").iterdir()
    (line,) = Path(".lighter/runs.jsonl").read_text().splitlines()
    assert json.loads(line)["folder"] == str(folder)  # relative: the project may be moved
    assert {file.name for file in folder.iterdir()} == {
        "config.yaml", "provenance.json", "record.json", "epochs.jsonl", "code.json", "code.patch"
    }  # fmt: skip


def test_a_list_that_cannot_be_written_leaves_a_complete_record(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path(".lighter").write_text("a file, where the folder of the list would be", encoding="utf-8")
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    (warning,) = [text for text in caplog.messages if "will not find it" in text]
    assert warning.startswith("this run is not in the list of runs")
    (folder,) = Path("lighter_runs").iterdir()
    assert read_record(folder).status == "finished"
    assert len((folder / "epochs.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "has_note"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "results/logs"), True),
        (OSError(errno.EROFS, "Read-only file system", "results"), True),
        (PermissionError(errno.EACCES, "Permission denied", "data/train.csv"), False),
        (OSError(errno.ENOSPC, "No space left on device", "results/logs"), False),
        (PermissionError("of a user's own code"), False),
    ],
)
def test_a_folder_that_cannot_be_written_is_named(error: OSError, has_note: bool) -> None:
    note_not_writable(error, "results")
    note = "to write the results to another folder than results: trainer::default_root_dir=FOLDER"
    assert getattr(error, "__notes__", []) == [note] * has_note


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only here")
def test_a_run_in_a_read_only_folder_says_how_to_write_elsewhere(system_config: str) -> None:
    Path("results").mkdir(mode=0o500)
    logger = "trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, save_dir: results}"
    with pytest.raises(PermissionError) as raised:
        Runner().run("fit", [system_config, "trainer::default_root_dir=results", logger])
    assert any(note.endswith("trainer::default_root_dir=FOLDER") for note in raised.value.__notes__)


def test_every_field_says_what_ran(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1", "seed=7"])
    record = _record()
    assert record["stage"] == "fit"
    assert record["status"] == "finished"
    assert record["format"] == 1
    assert record["id"] == read_records(Path())[-1].folder.name
    assert record["words"] == [system_config, "trainer::max_epochs=1", "seed=7"]
    assert record["overrides"] == ["trainer::max_epochs=1", "seed=7"]
    assert record["files"] == [str(Path(system_config).resolve())]
    assert record["seed"] == 7
    assert record["project"] is None
    assert record["working_directory"] == str(Path.cwd())
    assert record["options"] == {"weights_only": True, "ckpt_path": None}
    assert record["git"] is None or record["git"].keys() == {"commit", "dirty"}
    assert record["versions"]["torch"] == torch.__version__
    assert record["versions"]["python"] == platform.python_version()
    assert record["versions"].keys() - {"lightning"} == {
        "python", "torch", "pytorch-lightning", "torchmetrics", "sparkwheel", "lighter-cli", "lighter-core",
        "lighter-config",
    }  # fmt: skip
    assert record["process"]["pid"] == os.getpid()
    assert record["process"]["host"] == socket.gethostname()
    assert abs(record["process"]["created"] - psutil.Process().create_time()) < 1
    assert record["devices"] == {
        "accelerator": "CPUAccelerator",
        "strategy": "SingleDeviceStrategy",
        "num_devices": 1,
        "num_nodes": 1,
        "gpu_driver": gpu_driver(),
        "names": [platform.processor() or platform.machine()],
    }
    assert datetime.fromisoformat(record["start"]) < datetime.fromisoformat(record["end"]) <= datetime.now(UTC)
    assert record["progress"] == {"epoch": 1, "step": 3}
    assert record["checkpoints"] == {
        "last": str(Path("checkpoints/last.ckpt").resolve()),
        "best": str(Path("checkpoints/epoch=0-step=3.ckpt").resolve()),
        "monitor": "val/loss/epoch",
        "best_score": pytest.approx(record["metrics"]["val/loss/epoch"]),
        "last_step": 3,
    }
    assert record["error"] is None
    assert record["metrics"].keys() >= {"train/loss/epoch", "val/loss/epoch", "val/metrics/Accuracy/epoch"}


def test_the_recorded_config_runs_again_and_gives_the_same(system_config: str) -> None:
    Runner().run("fit", [system_config, "vars::num_samples=14"])
    saved = read_records(Path())[-1].folder / "config.yaml"
    assert load([str(saved)]).tree == load([system_config, "vars::num_samples=14", "seed=0"]).tree
    Path(system_config).unlink()
    Runner().run("fit", [str(saved), "trainer::callbacks::0::dirpath=again"])
    first, again = (torch.load(f"{folder}/last.ckpt", weights_only=True) for folder in ("checkpoints", "again"))
    assert torch.equal(first["state_dict"]["network.weight"], again["state_dict"]["network.weight"])


def test_the_recorded_config_still_follows_its_references(system_config: str) -> None:
    """References were frozen to their values when a config was saved."""
    Runner().run("fit", [system_config])
    saved = read_records(Path())[-1].folder / "config.yaml"
    config = load([str(saved), "system::dataloaders::train::batch_size=3"]).expanded()
    assert config.get("system::dataloaders::val::batch_size") == 3


def test_provenance_names_the_place_of_every_value(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    places = json.loads((read_records(Path())[-1].folder / "provenance.json").read_text())
    assert places["trainer::max_epochs"][0].endswith(", argument 2")
    assert places["trainer::max_epochs"][1].startswith("config.yaml:")
    assert places["system::optimizer::lr"][0].startswith("config.yaml:")


def test_run_or_checkpoint_knows_the_places_of_its_values(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    folder = read_records(Path())[-1].folder
    for word in (str(folder), "checkpoints/last.ckpt"):
        config = load([word, "system::optimizer::lr=0.3"])
        stored, *original = [str(place) for place in config.chain("trainer::max_epochs")]
        assert stored.startswith(word)
        assert original[0].startswith(f"{__file__}:")
        assert original[0].endswith(", argument 2")
        assert original[1:] == ["config.yaml:4:15"]
        assert str(config.place("system::optimizer::lr")).endswith(", argument 2")
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
    assert load(["checkpoints/last.ckpt"]).tree == load([system_config, "seed=0"]).tree
    record = json.loads(checkpoint["lighter_record"])
    assert record["stage"] == "fit"
    assert record["provenance"]["system::optimizer::lr"][0].startswith("config.yaml")


def test_loggers_get_the_config_as_hyperparameters(system_config: str, write: Write) -> None:
    write("csv.yaml", "trainer:\n  logger:\n    _target_: pytorch_lightning.loggers.CSVLogger\n    save_dir: logs\n")
    Runner().run("fit", [system_config, "csv.yaml"])
    (hparams,) = Path("logs").rglob("hparams.yaml")
    assert "lighter.System" in hparams.read_text()


def test_the_end_of_a_fit_writes_the_record_once(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, str | None]] = []
    write = record_writer._write

    def writing(folder: Path, record: dict[str, Any]) -> None:
        written.append((record["status"], record["checkpoints"].get("last")))
        write(folder, record)

    monkeypatch.setattr(record_writer, "_write", writing)
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    checkpoint = str(Path("checkpoints/last.ckpt").absolute())
    assert written[0] == ("running", None)
    assert written[-1] == ("finished", checkpoint)
    assert [status for status, _ in written].count("finished") == 1
    assert len(written) == 3  # the start, the checkpoint of the epoch, the end


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
        _wait_for(process, lambda: Path("checkpoints/last.ckpt").exists())
        _wait_for(process, lambda: _record()["checkpoints"].get("last") is not None)
        assert read_records(Path())[-1].status == "running"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert read_records(Path())[-1].status == "lost"
    Runner().run("test", [system_config], ckpt_path="last")


def test_removed_checkpoints_are_forgotten(system_config: str) -> None:
    """What was known of each one stayed in memory: some hundred bytes a checkpoint."""
    runner = Runner()
    saving = "trainer::callbacks=[{_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: saved}]"
    runner.run("fit", [system_config, "trainer::max_epochs=6", saving])
    assert runner.experiment is not None
    callbacks = runner.experiment.trainer.callbacks  # type: ignore[attr-defined]
    (recorder,) = [callback for callback in callbacks if isinstance(callback, RunRecorder)]
    (file,) = Path("saved").glob("*.ckpt")
    assert list(recorder._steps) == [file.absolute()]
    assert list(recorder._nan_weights._files) == [file.absolute()]
    assert list(recorder._nan_weights._steps) == [runner.experiment.trainer.global_step]


def test_ctrl_c_is_interrupted_and_exit_code_130(system_config: str) -> None:
    command = [sys.executable, "-m", "lighter_cli", "fit", system_config, "trainer::max_epochs=-1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        _wait_for(process, lambda: Path("checkpoints/last.ckpt").exists())
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].endswith(f"lighter fit lighter_runs/{_record()['id']}")
    assert _record()["status"] == "interrupted"
    assert Path(_record()["checkpoints"]["last"]).exists()


def test_a_fast_dev_run_leaves_no_record(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::fast_dev_run=true"])
    assert not Path("lighter_runs").exists()
    assert not Path(".lighter").exists()


def test_the_project_is_recorded(module_config: str) -> None:
    Runner().run("fit", [module_config, "trainer::max_epochs=1"])
    assert _record()["project"] == str(Path("code").resolve())


def test_a_run_from_a_mapping_alone_is_recorded(module_config: str) -> None:
    tree = dict(load([module_config]).tree)
    Runner().run("fit", [tree, {"trainer": {"max_epochs": 1}}])
    assert _record()["files"] == []
    assert _record()["words"] == [str(tree), "{'trainer': {'max_epochs': 1}}"]


@pytest.mark.parametrize("blocked", [".lighter", "lighter_runs"])
def test_where_nothing_can_be_written_the_run_goes_on_and_says_so(
    system_config: str, blocked: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path(blocked).write_text("in the place of a folder")
    Runner().run("fit", [system_config])
    assert Path("checkpoints/last.ckpt").exists()
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "`last` and `best` will not find it" in warning
    assert "lighter_record" in torch.load("checkpoints/last.ckpt", weights_only=True)


def test_record_that_cannot_be_kept_up_to_date_does_not_end_run(
    module_config: str, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    code = Path("code/models.py").read_text()
    remove = "    def on_train_start(self):\n        import shutil\n        shutil.rmtree('lighter_runs')\n\n"
    write("code/models.py", code.replace("    def training_step", remove + "    def training_step"))
    Runner().run("fit", [module_config])
    assert Path("checkpoints/last.ckpt").exists()
    assert "could not be updated" in caplog.text


def test_a_line_that_broke_off_does_not_take_the_next_with_it(system_config: str) -> None:
    Path(".lighter").mkdir()
    Path(".lighter/runs.jsonl").write_text('{"folder": "/somewh')
    Runner().run("validate", [system_config])
    assert [record.content["stage"] for record in read_records(Path())] == ["validate"]


def test_remote_root_dir_leaves_the_record_in_the_folder() -> None:
    recorder = RunRecorder.__new__(RunRecorder)
    recorder._name = "one"
    trainer = Trainer(default_root_dir="memory://bucket", accelerator="cpu", logger=False)
    assert recorder.folder(trainer) == Path.cwd() / "lighter_runs" / "one"


# Lightning says so to everybody who uses OnExceptionCheckpoint
@pytest.mark.filterwarnings("ignore:.*was called without a model", "ignore:.*there is no last checkpoint available")
@pytest.mark.parametrize(
    ("callback", "name"),
    [
        ("trainer::callbacks::0::save_on_exception=true", "checkpoints/epoch=1-step=4.ckpt"),
        (
            "trainer::callbacks+=[{_target_: pytorch_lightning.callbacks.OnExceptionCheckpoint, dirpath: .}]",
            "on_exception.ckpt",
        ),
    ],
)
def test_checkpoint_of_an_interrupted_run_is_the_last(
    module_config: str, write: Write, callback: str, name: str
) -> None:
    code = Path("code/models.py").read_text()
    stop = "        if self.global_step == 4: raise KeyboardInterrupt\n"
    at = "    def training_step(self, batch, batch_idx):\n"
    write("code/models.py", code.replace(at, at + stop))
    last = "trainer::callbacks::0::save_last=false"
    with pytest.raises(KeyboardInterrupt):
        Runner().run("fit", [module_config, callback, last])
    assert _record()["status"] == "interrupted"
    assert _record()["checkpoints"]["last"] == str(Path(name).resolve())
    assert torch.load(name, weights_only=True)["global_step"] == 4


def _wait_for(process: "subprocess.Popen[Any]", condition: Callable[[], bool]) -> None:
    while not condition():
        assert process.poll() is None, "it ended before"
        time.sleep(0.05)
