"""A stage as a SLURM job: with the config and code of when it was submitted, and saved when its time is up."""

import pytest
import torch
from tests.slurm.conftest import Login

from lighter_cli.runs.record import Record

pytestmark = pytest.mark.slow


def weights(record: Record) -> dict[str, torch.Tensor]:
    checkpoint = record.checkpoint("last")
    assert checkpoint is not None
    state: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return state


def test_two_processes_that_are_requeued_end_as_if_never_stopped(login: Login) -> None:
    both = ("config.yaml", "trainer::strategy=ddp", "trainer::devices=2", "--slurm")
    done = login.lighter("fit", *both, "vars::batch_s=0.4", "--name", "two")
    assert done.returncode == 0, done.stderr
    (job,) = login.queued()
    assert f"job       {job}\n" in done.stdout
    login.wait_for_epoch(login.folder / "root")
    login.slurm.say("scancel", "--signal=USR1", job)
    login.wait(lambda: login.queued()[job][0] == "PENDING")
    (first,) = login.records(login.folder)
    assert first.content["error"] == "SIGUSR1: stopped to be requeued"
    assert first.num_steps_after(first.folder / "requeue.ckpt") == 0
    login.wait_for_end()
    second = login.records(login.folder)[-1]
    assert second.status == "finished"
    assert second.content["options"]["ckpt_path"] == str(first.folder / "requeue.ckpt")
    assert second.content["name"] == "two"
    assert second.content["devices"]["num_devices"] == 2
    (log,) = login.folder.glob("lighter_jobs/*/*_0_log.out")
    assert log.read_text().count(f"requeuing job {job}\n") == 1
    again = login.lighter("fit", *both, "vars::batch_s=0.0", "trainer::default_root_dir=whole")
    assert again.returncode == 0, again.stderr
    login.wait_for_end()
    whole = login.records(login.folder / "whole")[-1]
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(second)[name], value, rtol=0, atol=0)


def test_edits_after_the_submission_do_not_reach_the_job(login: Login) -> None:
    done = login.lighter("fit", "config.yaml", "--slurm", "vars::batch_s=0.0", "trainer::max_epochs=2")
    assert done.returncode == 0, done.stderr
    (login.folder / "config.yaml").write_text("nothing: left\n")
    (login.folder / "code/parts.py").write_text("raise RuntimeError('edited')\n")
    login.wait_for_end()
    (log,) = login.folder.glob("lighter_jobs/*/*_0_log.out")
    assert "to test" in log.read_text()
    (record,) = login.records(login.folder)
    assert record.status == "finished"
    shown = login.lighter("runs", "show", record.folder.name).stdout
    assert f"{record.content['process']['slurm_job']}, lighter_jobs/" in shown


def test_mistakes_are_found_before_the_job_is_queued(login: Login) -> None:
    done = login.lighter("fit", "config.yaml", "--slurm", "system::optimizer::lrr=1")
    assert done.returncode == 1
    assert "lrr is not an argument of Adam" in done.stderr
    assert login.queued() == {}
    assert not (login.folder / "lighter_jobs").exists()
