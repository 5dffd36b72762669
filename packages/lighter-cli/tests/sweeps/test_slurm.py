"""Which owners of trials SLURM has ended is known for sure, or they count as running."""

import json
import os
from pathlib import Path

import pytest

from lighter_cli.sweeps.owners import claim, read_owner, take_over_claim

pytest.importorskip("optuna", minversion="5")
pytest.importorskip("submitit")

from lighter_cli.sweeps.slurm import LostJobs


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep whose jobs 17_0, 17_1 and 17_2 were submitted; a stand-in for squeue lists what ``queue`` holds."""
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\ncat queue\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{squeue.parent}:{os.environ['PATH']}")
    for name, value in {"SLURM_CLUSTER_NAME": "one", "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "0"}.items():
        monkeypatch.setenv(name, value)
    jobs = [{"job": f"17_{index}", "cluster": "one", "uid": os.getuid()} for index in range(3)]
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm" / "jobs.json").write_text(json.dumps({"jobs": jobs}))
    (tmp_path / "queue").write_text("17_0|RUNNING|n1|None\n17_1|PENDING||BeginTime\n")
    return tmp_path


def test_a_trial_of_the_restarted_job_itself_still_runs(slurm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    name = claim(slurm)
    monkeypatch.delenv("SLURM_RESTART_COUNT")  # a trial does not inherit it
    assert take_over_claim(slurm, name)
    owner = read_owner(slurm)
    assert owner is not None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert not LostJobs(slurm)(owner)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    assert LostJobs(slurm)(owner)


def test_jobs_that_ended_or_wait_again_run_no_trial(slurm: Path) -> None:
    is_lost = LostJobs(slurm)
    assert is_lost({"slurm_job": "17_1"})
    assert is_lost({"slurm_job": "17_2"})


def test_owners_that_squeue_knows_nothing_about_count_as_running(slurm: Path) -> None:
    assert not LostJobs(slurm)({"slurm_job": "4711"})
    assert not LostJobs(slurm)({"slurm_job": None})
    (slurm / "queue").unlink()
    assert not LostJobs(slurm)({"slurm_job": "17_2"})
