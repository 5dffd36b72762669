"""torchrun starts the ranks: two on one machine, or one each on two, which are two agents here."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lighter_cli.runs.record import read_records

Command = Callable[..., subprocess.CompletedProcess[str]]

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--local-addr=127.0.0.1")
FIT = ("-m", "lighter_cli", "fit", "config.yaml", "trainer::strategy=ddp", "vars::batch_size=2")
FAILING = "model::_target_=project.models.Failing"


def test_torchrun_starts_two_ranks_that_leave_one_record(run: Command, folder: Path) -> None:
    done = run(*TORCHRUN, "--standalone", "--nproc-per-node=2", *FIT, "trainer::devices=2")
    assert done.returncode == 0, done.stderr
    (record,) = read_records(folder)
    assert list((folder / "lighter_runs").iterdir()) == [record.folder]
    assert record.status == "finished"
    assert record.content["progress"] == {"epoch": 3, "step": 12}
    assert done.stderr.count("best checkpoint") == 1  # one closing table


@pytest.mark.parametrize(
    ("how", "error"), [("raise", "RankError: rank 1 failed: ValueError: "), ("die", "RuntimeError: ")]
)
def test_the_record_is_true_when_a_rank_of_torchrun_fails(run: Command, folder: Path, how: str, error: str) -> None:
    words = ("--standalone", "--nproc-per-node=2", *FIT, "trainer::devices=2", FAILING, f"model::how={how}")
    done = run(*TORCHRUN, *words)
    assert done.returncode == 1
    record = read_records(folder)[-1]
    assert record.status == "failed"
    assert record.content["error"].startswith(error)
    if how == "raise":
        assert done.stderr.count("\nValueError: this rank does not like this batch\n") == 1


def test_ranks_with_different_checkpoints_do_not_start(run: Command, folder: Path) -> None:
    for name in ("0.ckpt", "1.ckpt"):  # as where two machines do not see the same disk
        torch.save({}, folder / name)
    lighter = f"{sys.executable} -m lighter_cli {' '.join(FIT[2:])} trainer::devices=2 --ckpt-path $RANK.ckpt"
    before = len(read_records(folder))
    done = run(*TORCHRUN, "--standalone", "--nproc-per-node=2", "--no-python", "bash", "-c", lighter)
    assert done.returncode == 1
    assert "rank 1 starts from '1.ckpt', rank 0 from '0.ckpt'\n" in done.stderr
    assert [record.status for record in read_records(folder)[before:]] in ([], ["failed"])


def test_two_agents_of_torchrun_leave_one_record(folder: Path, environment: dict[str, str]) -> None:
    before = len(read_records(folder))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = (
        "--nnodes=2",
        "--nproc-per-node=1",
        "--rdzv-backend=c10d",
        "--rdzv-id=two",
        f"--rdzv-endpoint=127.0.0.1:{port}",
    )
    command = [*TORCHRUN, *meeting, *FIT, "trainer::num_nodes=2"]
    agents = [
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        said = [agent.communicate()[1] for agent in agents]
    finally:
        for agent in agents:
            agent.kill()
    assert [agent.returncode for agent in agents] == [0, 0], said
    records = read_records(folder)
    assert len(records) == before + 1
    assert records[-1].status == "finished"
    assert records[-1].content["devices"]["num_nodes"] == 2
    assert "".join(said).count("best checkpoint") == 1
    checkpoint = records[-1].checkpoint("last")
    assert checkpoint is not None
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 12
