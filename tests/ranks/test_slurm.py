"""A SLURM job whose time is up resumes where it stopped, with a stand-in for ``sbatch``, ``srun`` and ``scontrol``."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lighter_cli.runs.record import Record, read_records

Command = Callable[..., subprocess.CompletedProcess[str]]

PAGE = Path(__file__).parents[2] / "docs/how-to/clusters.md"
SLOW = """\
trainer:
  use_distributed_sampler: false
  callbacks::0: {dirpath: "$@trainer::default_root_dir + '/checkpoints'"}
model: {_target_: project.models.Slow}
data:
  train_dataloader:
    _target_: lighter.resumable.ResumableDataLoader
    sampler: {_target_: project.models.InOrder}
"""


@pytest.fixture(scope="module")
def sbatch(run: Command, folder: Path, environment: dict[str, str]) -> Command:
    """Submit the script of the documentation, with further words for ``lighter``."""
    for name in ("sbatch", "srun", "scontrol"):
        file = folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!{sys.executable}\n" + Path(__file__).with_name("fake_slurm.py").read_text())
        file.chmod(0o755)
    (folder / "slow.yaml").write_text(SLOW)
    found = re.search(r'```bash title="train.sbatch"\n(.*?)```', PAGE.read_text(), re.DOTALL)
    assert found is not None
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{environment['PATH']}"

    def submit(*options: str, words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (folder / "train.sbatch").write_text(found[1].replace("config.yaml", f"config.yaml slow.yaml {words}"))
        return run("sbatch", *options, "train.sbatch", PATH=path, **variables)

    return submit


@pytest.fixture(scope="module")
def uninterrupted(lighter: Command, folder: Path, sbatch: Command) -> Record:
    """The same fit in one process that nobody stops."""
    done = lighter(
        "fit", "config.yaml", "slow.yaml", "model::_target_=project.models.Classifier", "trainer::default_root_dir=one"
    )
    assert done.returncode == 0, done.stderr
    return read_records(folder)[-1]


@pytest.mark.parametrize(
    ("options", "batch_size"), [(("--nodes=1", "--ntasks-per-node=1"), 4), (("--nodes=2", "--ntasks-per-node=1"), 2)]
)
def test_a_requeued_job_continues_as_if_never_stopped(
    sbatch: Command, folder: Path, uninterrupted: Record, options: tuple[str, ...], batch_size: int
) -> None:
    root = f"root{batch_size}"
    done = sbatch(*options, words=f"trainer::default_root_dir={root} vars::batch_size={batch_size}")
    assert done.returncode == 0, done.stderr
    first, second = read_records(folder)[-2:]
    assert first.status == "interrupted"
    assert first.content["error"] == "SIGUSR1: stopped to be requeued"
    assert first.content["progress"] == {"epoch": 1, "step": 6}  # the step in which the signal came was finished
    assert first.num_steps_after(Path(first.content["checkpoints"]["last"])) == 0
    assert second.status == "finished"
    assert second.content["options"]["ckpt_path"] == str(first.folder / "requeue.ckpt")
    assert first.content["process"]["slurm_job"] == second.content["process"]["slurm_job"] == "4711"
    assert second.content["progress"] == uninterrupted.content["progress"] == {"epoch": 3, "step": 12}
    assert second.content["metrics"] == pytest.approx(uninterrupted.content["metrics"], rel=1e-12)
    for name, value in _weights(uninterrupted).items():
        torch.testing.assert_close(_weights(second)[name], value, rtol=1e-12, atol=1e-14)
    assert (
        f"SLURM restarted job 4711: resuming run {first.folder.name} from {first.folder / 'requeue.ckpt'}\n"
        in done.stderr
    )
    assert done.stderr.count("requeuing job 4711\n") == 1
    assert list((folder / root).glob("**/hpc_ckpt*")) == []
    assert len(list((folder / root / "lighter_runs").iterdir())) == 2


def test_a_failed_requeue_says_how_to_continue(sbatch: Command, folder: Path) -> None:
    words = "trainer::default_root_dir=refused vars::batch_size=4"
    done = sbatch("--nodes=1", "--ntasks-per-node=1", words=words, FAKE_SCONTROL_FAILS="1")
    assert done.returncode == 75
    record = read_records(folder)[-1]
    assert record.status == "interrupted"
    assert "error: job 4711 cannot be requeued: Requested operation is presently disabled\n" in done.stderr
    assert "to resume" in done.stderr
    assert f"lighter fit refused/lighter_runs/{record.folder.name}\n" in done.stderr


def test_another_job_in_the_same_folder_begins_anew(sbatch: Command, folder: Path) -> None:
    words = "trainer::default_root_dir=anew vars::batch_size=4 model::_target_=project.models.Classifier"
    done = sbatch("--nodes=1", "--ntasks-per-node=1", words=words, FAKE_JOB_ID="4712")
    assert done.returncode == 0, done.stderr
    assert read_records(folder)[-1].content["options"]["ckpt_path"] is None
    done = sbatch("--nodes=1", "--ntasks-per-node=1", words=words, FAKE_JOB_ID="4713")
    assert read_records(folder)[-1].content["options"]["ckpt_path"] is None


def _weights(record: Record) -> dict[str, torch.Tensor]:
    checkpoint = record.checkpoint("last")
    assert checkpoint is not None
    weights: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return weights
