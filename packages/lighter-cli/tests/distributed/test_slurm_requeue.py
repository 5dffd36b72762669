"""A SLURM job whose time is up: the stage stops at the end of a batch and the job is requeued. One task, in process."""

import logging
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lighter_cli.distributed.slurm_requeue import Requeued
from lighter_cli.running.runner import Runner
from lighter_cli.runs.record import Record, read_records

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]

SIGNALLED = """

class Signalled(Classifier):
    def training_step(self, batch, batch_idx):
        self.tell()
        return super().training_step(batch, batch_idx)

    def test_step(self, batch, batch_idx):
        self.tell()
        return super().test_step(batch, batch_idx)

    def predict_step(self, batch, batch_idx):
        self.tell()
        return super().predict_step(batch, batch_idx)

    def tell(self):
        import os, signal
        if "SLURM_RESTART_COUNT" not in os.environ and (not self.trainer.training or self.global_step == 1):
            os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.fixture
def job(module_config: str, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A config whose job is told in the middle of its second step that its time is up."""
    write("code/models.py", Path("code/models.py").read_text() + SIGNALLED)
    write("bin/scontrol", '#!/bin/sh\necho "$@" >> asked\nexit ${SCONTROL_EXITS:-0}\n').chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    for name, value in {
        "JOB_ID": "12",
        "JOB_NAME": "train",
        "NTASKS": "1",
        "PROCID": "0",
        "LOCALID": "0",
        "NODEID": "0",
    }.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    return module_config


def run(stage: str, *words: str) -> Record:
    Runner().run(stage, [*words, "model::_target_=project.models.Signalled"])
    return read_records(Path())[-1]


def test_a_fit_ends_batch_and_record_before_the_requeue(job: str) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with pytest.raises(Requeued) as stopped:
        run("fit", job)
    assert stopped.value.code == 75
    assert signal.getsignal(signal.SIGUSR1) == before
    (record,) = read_records(Path())
    assert (record.status, record.content["error"]) == ("interrupted", "SIGUSR1: stopped to be requeued")
    assert record.content["progress"]["step"] == record.content["checkpoints"]["last_step"] == 2
    assert record.checkpoint("last") == record.folder / "requeue.ckpt"
    assert Path("asked").read_text() == "requeue 12\n"


def test_only_the_next_start_of_the_job_continues_there(
    job: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Requeued):
        run("fit", job)
    (first,) = read_records(Path())
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with caplog.at_level(logging.INFO), pytest.warns(UserWarning, match="resum"):
        second = run("fit", job)
    assert f"SLURM restarted job 12: resuming run {first.folder.name} from" in caplog.text
    assert (second.status, second.content["progress"]["step"]) == ("finished", 6)
    assert second.content["options"]["ckpt_path"] == str(first.folder / "requeue.ckpt")
    caplog.clear()
    other = run("fit", job, "trainer::default_root_dir=other")  # another fit of the same job
    assert "SLURM restarted job 12, which left no checkpoint" in caplog.text
    assert other.content["options"]["ckpt_path"] is None
    monkeypatch.setenv("SLURM_JOB_ID", "13")
    assert run("fit", job, "trainer::default_root_dir=third").content["options"]["ckpt_path"] is None


def test_a_restarted_job_continues_despite_its_ckpt_path(job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Requeued):
        run("fit", job)
    (first,) = read_records(Path())
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    with pytest.warns(UserWarning, match="resum"):
        Runner().run("fit", [job, "model::_target_=project.models.Signalled"], ckpt_path="gone.ckpt")
    assert read_records(Path())[-1].content["options"]["ckpt_path"] == str(first.folder / "requeue.ckpt")


TERMINATED = """

class Terminated(Classifier):
    def training_step(self, batch, batch_idx):
        if self.global_step == 1:
            import os, signal, subprocess
            from multiprocessing import active_children
            pids = [str(os.getpid()), *(str(child.pid) for child in active_children())]
            assert len(pids) > 1
            subprocess.run(["kill", "-TERM", *pids], check=True)
        return super().training_step(batch, batch_idx)
"""


def test_a_sigterm_to_all_processes_of_the_job_saves_after_a_batch(job: str, write: Write) -> None:
    write("code/models.py", Path("code/models.py").read_text() + TERMINATED)
    words = ["model::_target_=project.models.Terminated", "data::train_dataloader::num_workers=1"]
    with pytest.raises(SIGTERMException):
        Runner().run("fit", [job, *words])
    (record,) = read_records(Path())
    assert record.status == "interrupted"
    assert record.checkpoint("last") == record.folder / "requeue.ckpt"
    assert record.content["checkpoints"]["last_step"] == 2


@pytest.mark.parametrize("stage", ["test", "predict"])
def test_an_evaluation_stops_and_saves_nothing(job: str, stage: str) -> None:
    with pytest.raises(Requeued):
        run(stage, job)
    (record,) = read_records(Path())
    assert record.status == "interrupted"
    assert list(record.folder.glob("*.ckpt")) == []
    assert Path("asked").read_text() == "requeue 12\n"


@pytest.mark.parametrize("problem", ["it refuses", "it is not there"])
def test_a_job_that_cannot_be_requeued_says_so(
    job: str, problem: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCONTROL_EXITS", "3")
    if problem == "it is not there":
        Path("bin/scontrol").unlink()
        monkeypatch.setenv("PATH", str(Path("bin").absolute()))  # SLURM may be installed here
    with pytest.raises(Requeued):
        run("fit", job)
    reason = {"it refuses": "exit code 3", "it is not there": "No such file or directory: 'scontrol'"}[problem]
    assert "job 12 cannot be requeued: " in caplog.text
    assert reason in caplog.text


def test_lightning_s_environment_among_the_plugins_declines(job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: told.append(number))
    plugin = {"_target_": f"{SLURMEnvironment.__module__}.SLURMEnvironment", "auto_requeue": False}
    try:
        Runner().run("fit", [job, {"trainer": {"plugins": [plugin]}}, "model::_target_=project.models.Signalled"])
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert told == [signal.SIGUSR1]
    assert read_records(Path())[-1].status == "finished"
