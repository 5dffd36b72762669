"""A sweep in SLURM jobs: nothing is lost, doubled or begun anew, whatever happens to jobs and nodes."""

import itertools
import json
import re
from pathlib import Path

import pytest
from tests.slurm.conftest import Login

pytestmark = pytest.mark.slow

ENDLESS = ("trainer::max_epochs=10000", "vars::batch_s=0.3")
GRID = ("system::optimizer::lr:=1e-3,1e-2,1e-1", "--sampler", "grid")


def runs_of(login: Login, trial: int) -> list[str]:
    return [record.status for record in login.records(login.sweep / "trials" / f"{trial:04}")]


def check_all_ended(login: Login, num_trials: int) -> None:
    """Each trial ended once, and continued where it had stopped."""
    results = login.results()
    assert sorted(results) == list(range(num_trials))
    assert {result.state for result in results.values()} == {"finished"}
    for number in results:
        records = login.records(login.sweep / "trials" / f"{number:04}")
        assert [record.status for record in records].count("finished") == 1
        epochs = [json.loads(line)["epoch"] for line in (records[-1].folder / "epochs.jsonl").read_text().splitlines()]
        assert epochs == list(range(6))
        for before, after in itertools.pairwise(records):
            assert (
                before.content["checkpoints"].get("last") is None or after.content["options"]["ckpt_path"] is not None
            )


def test_a_sweep_in_jobs_comes_to_what_it_does_here(login: Login) -> None:
    text = login.submit(*GRID, "--workers", "2", "vars::batch_s=0.02")
    assert "jobs      2 (" in text
    login.wait_for_end()
    check_all_ended(login, 3)
    here = login.lighter("sweep", "config.yaml", "--name", "here", *GRID, "vars::batch_s=0.02")
    assert here.returncode == 0, here.stderr
    in_jobs = {number: result.values for number, result in login.results().items()}
    assert in_jobs == values_of(login, "here")
    assert (login.sweep / "best").readlink() == (login.sweep.parent / "here" / "best").readlink()
    record = login.records(login.sweep / "trials" / "0000")[-1]
    shown = login.lighter("runs", "show", record.folder.name).stdout
    job = record.content["process"]["slurm_job"]
    assert re.search(rf"^ +job +{job}, lighter_sweeps/swept/slurm/{job}_0_log.out$", shown, re.MULTILINE)


def test_one_job_asks_the_sampler_as_a_worker_here(login: Login) -> None:
    words = ("--trials", "3", "vars::batch_s=0.02", "trainer::max_epochs=2")
    login.submit(*words)
    login.wait_for_end()
    here = login.lighter("sweep", "config.yaml", "--name", "here", *words)
    assert here.returncode == 0, here.stderr
    assert {number: result.values for number, result in login.results().items()} == values_of(login, "here")


def values_of(login: Login, name: str) -> dict[int, object]:
    from lighter_cli.sweeps.trials import Trials

    trials = Trials(login.sweep.with_name(name))
    trials.refresh()
    return {number: result.values for number, result in trials.results.items()}


def test_a_job_whose_time_is_up_saves_and_continues(login: Login) -> None:
    login.submit("--trials", "1", "vars::batch_s=0.3")
    login.wait_for_epoch(login.sweep)
    (job,) = login.queued()
    login.slurm.say("scancel", "--signal=USR2", job)
    login.wait(lambda: login.queued()[job][0] == "PENDING")
    (first,) = login.records(login.sweep)
    assert first.status == "interrupted"
    assert first.num_steps_after(first.folder / "requeue.ckpt") == 0
    login.wait_for_end()
    check_all_ended(login, 1)
    second = login.records(login.sweep)[-1]
    assert second.content["options"]["ckpt_path"] == str(first.folder / "requeue.ckpt")
    assert login.owner(0)["slurm_restarts"] == 1
    assert "killed by signal" not in (login.sweep / "trials/0000/output.log").read_text()


def test_a_second_command_submits_what_is_missing(login: Login) -> None:
    login.submit("--workers", "2", *ENDLESS)
    first = list(login.queued())
    text = login.submit("--workers", "3", *ENDLESS)
    assert len(login.queued()) == 3
    assert "jobs      1 (" in text
    assert f"2 ({', '.join(sorted(first))}) queued or running" in text
    assert "submitted" not in login.submit("--workers", "3", *ENDLESS)
    assert len(login.queued()) == 3


def test_waiting_jobs_are_cancelled_and_running_ones_save(login: Login) -> None:
    login.submit("--workers", "3", "sweep::slurm::array_parallelism=1", *ENDLESS)
    login.wait_for_epoch(login.sweep)
    states = {job: facts["state"] for job, facts in login.jobs().items()}
    assert sorted(states.values()) == ["pending", "pending", "running"]
    (running,) = (job for job, facts in login.jobs().items() if facts["state"] == "running")
    assert login.jobs()[running]["where"] in ("n1", "n2")
    assert Path(login.jobs()[running]["log"]).read_text().count("sweep swept: 4 trials") == 1
    done = login.lighter("sweeps", "stop", "swept")
    assert done.returncode == 0, done.stderr
    assert "cancelled: " + ", ".join(sorted(set(states) - {running})) in done.stdout
    assert login.wait_for_end() < 60
    (record,) = login.records(login.sweep)
    assert record.status == "interrupted"
    assert record.num_steps_after(record.folder / "requeue.ckpt") == 0


def test_stop_now_cancels_every_job(login: Login) -> None:
    login.submit("--workers", "2", *ENDLESS)
    login.wait_for_epoch(login.sweep)
    done = login.lighter("sweeps", "stop", "swept", "--now")
    assert done.returncode == 0, done.stderr
    assert login.wait_for_end() < 60
    assert login.results() == {}


def test_a_trial_of_a_cancelled_job_is_taken_over_in_seconds(login: Login) -> None:
    login.submit("--workers", "2", "--trials", "2", "vars::batch_s=0.6")
    login.wait(lambda: {login.owner(0).get("slurm_job"), login.owner(1).get("slurm_job")} == set(login.queued()))
    for trial in ("0000", "0001"):
        login.wait_for_epoch(login.sweep / "trials" / trial)
    job = login.owner(0)["slurm_job"]
    login.slurm.say("scancel", job)
    login.wait_for_end()
    check_all_ended(login, 2)
    assert login.owner(0)["slurm_job"] != job
    first, *_ = login.records(login.sweep / "trials" / "0000")
    assert first.status == "interrupted"
    assert first.num_steps_after(first.folder / "requeue.ckpt") == 0  # its loader's worker outlived the SIGTERM


def test_nothing_is_lost_when_a_node_dies(login: Login) -> None:
    login.submit("--workers", "1", "--trials", "2", "vars::batch_s=0.2")
    login.wait_for_epoch(login.sweep)
    ((job, (_, node)),) = login.queued().items()
    login.slurm.kill_node(node)
    try:
        took = login.wait(lambda: login.owner(0).get("slurm_restarts") == 1)
        assert took < 60
        assert login.queued()[job][0] == "RUNNING"
        login.wait_for_end()
    finally:
        login.slurm.start_node(node)
    check_all_ended(login, 2)


def test_a_refused_job_leaves_nothing(login: Login) -> None:
    words = ("sweep", "config.yaml", "--slurm", "--name", "swept", "sweep::slurm::partition=gone")
    done = login.lighter(*words)
    assert done.returncode == 1
    assert done.stderr.startswith("error: SLURM refuses the job: ")
    assert "partition" in done.stderr
    assert not (login.folder / "lighter_sweeps").exists()
    login.submit("vars::batch_s=0.02", "--trials", "1")
    before = set(login.sweep.glob("slurm/*"))
    done = login.lighter(*words, "vars::batch_s=0.02", "--trials", "1", "--workers", "2")
    assert done.returncode == 1
    new = set(login.sweep.glob("slurm/*")) - before
    assert [file for file in new if not file.name.endswith("_log.out")] == []
