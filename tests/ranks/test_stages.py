"""Two ranks run every stage from the command line, and come to the numbers of one process."""

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lighter_cli.runs.epochs import read_epochs
from lighter_cli.runs.record import Record, read_records

Command = Callable[..., subprocess.CompletedProcess[str]]

ON_TWO = ("trainer::devices=2", "trainer::strategy=ddp", "vars::batch_size=2")
IN_ORDER = (
    "trainer::use_distributed_sampler=false",
    "data::train_dataloader::sampler={_target_: project.models.InOrder}",
)
SPAWNED_WORKERS = (
    "data::train_dataloader::num_workers=1",
    "data::train_dataloader::persistent_workers=true",
    "data::train_dataloader::multiprocessing_context=spawn",
)


def run(lighter: Command, folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], Record]:
    """Run a stage that must end well; return what it said and its record, the only new one."""
    before = len(read_records(folder))
    done = lighter(*words)
    assert done.returncode == 0, done.stderr
    records = read_records(folder)
    assert len(records) == before + 1
    assert records[-1].status == "finished"
    return done, records[-1]


@pytest.fixture(scope="module")
def alone(lighter: Command, folder: Path) -> Record:
    """A fit of one process."""
    return run(lighter, folder, "fit", "config.yaml", "trainer::default_root_dir=one")[1]


def test_fit_leaves_one_record_and_weights_of_one_process(lighter: Command, folder: Path, alone: Record) -> None:
    done, record = run(
        lighter, folder, "fit", "config.yaml", "trainer::default_root_dir=two", *ON_TWO, *IN_ORDER, *SPAWNED_WORKERS
    )
    assert list((folder / "two/lighter_runs").iterdir()) == [record.folder]
    assert record.content["devices"]["strategy"] == "DDPStrategy"
    assert record.content["devices"]["num_devices"] == 2
    assert record.content["progress"] == alone.content["progress"] == {"epoch": 3, "step": 12}
    assert record.content["metrics"] == pytest.approx(alone.content["metrics"], rel=1e-12)
    curves = [
        [(epoch.epoch, epoch.step, epoch.metrics) for epoch in read_epochs(one.folder)] for one in (alone, record)
    ]
    assert len(curves[0]) == 3
    assert curves[1] == [(epoch, step, pytest.approx(dict(metrics), rel=1e-12)) for epoch, step, metrics in curves[0]]
    weights = [_weights(one) for one in (alone, record)]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-12, atol=1e-14)
    assert done.stderr.count("best checkpoint") == 1  # one closing table
    assert done.stderr.count("\nrecord ") == 1


@pytest.mark.parametrize("stage", ["validate", "test"])
def test_evaluation_counts_the_samples_of_both_ranks(lighter: Command, folder: Path, alone: Record, stage: str) -> None:
    words = (stage, "config.yaml", "--ckpt-path", str(alone.checkpoint("last")))
    _, expected = run(lighter, folder, *words)
    done, record = run(lighter, folder, *words, *ON_TWO)
    assert len(expected.content["metrics"]) == 2
    assert record.content["metrics"] == pytest.approx(expected.content["metrics"], rel=1e-12)
    assert done.stderr.count(f"{'val' if stage == 'validate' else stage}/loss/epoch") == 1  # rank zero's closing lines


def test_predictions_of_both_ranks_are_in_order_once_each(lighter: Command, folder: Path, alone: Record) -> None:
    words = ("predict", "config.yaml", "--ckpt-path", str(alone.checkpoint("last")))
    run(lighter, folder, *words, "trainer::default_root_dir=one")
    run(lighter, folder, *words, "trainer::default_root_dir=two", *ON_TWO)
    rows = [_rows(folder / name / "predictions.csv") for name in ("one", "two")]
    assert [row["identifier"] for row in rows[1]] == [f"sample {index:02}" for index in range(16)]
    assert rows[0] == rows[1]
    assert [file.name for file in (folder / "two").iterdir() if file.suffix == ".csv"] == ["predictions.csv"]


def test_predictions_are_not_doubled_where_a_sampler_pads(lighter: Command, folder: Path, alone: Record) -> None:
    words = ("--ckpt-path", str(alone.checkpoint("last")), "trainer::default_root_dir=odd")
    fifteen = "data::predict_dataloader::dataset::num_samples=15"
    run(lighter, folder, "predict", "config.yaml", *words, *ON_TWO, fifteen)
    rows = _rows(folder / "odd/predictions.csv")
    assert [row["identifier"] for row in rows] == [f"sample {index:02}" for index in range(15)]


def test_a_resumed_fit_ends_as_an_uninterrupted_one(lighter: Command, folder: Path, alone: Record) -> None:
    words = ("fit", "config.yaml", "trainer::default_root_dir=again", *ON_TWO, *IN_ORDER)
    run(lighter, folder, *words, "trainer::max_epochs=1")
    done, record = run(lighter, folder, *words, "--ckpt-path", "last")
    assert done.stderr.count("last checkpoint of run") == 1  # found once, and handed to the other rank
    for name, value in _weights(alone).items():
        torch.testing.assert_close(_weights(record)[name], value, rtol=1e-12, atol=1e-14)


def test_spawned_ranks_leave_the_same(lighter: Command, folder: Path, alone: Record) -> None:
    done, record = run(
        lighter,
        folder,
        *("fit", "config.yaml", "trainer::default_root_dir=spawned", *ON_TWO, *IN_ORDER),
        "trainer::strategy=ddp_spawn",
    )
    assert record.content["progress"] == {"epoch": 3, "step": 12}
    assert record.content["metrics"] == pytest.approx(alone.content["metrics"], rel=1e-12)
    assert Path(record.content["checkpoints"]["best"]).is_relative_to(folder / "spawned")
    assert done.stderr.count("best checkpoint") == 1
    for name, value in _weights(alone).items():
        torch.testing.assert_close(_weights(record)[name], value, rtol=1e-12, atol=1e-14)


def _weights(record: Record) -> dict[str, torch.Tensor]:
    checkpoint = record.checkpoint("last")
    assert checkpoint is not None
    weights: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return weights


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))
