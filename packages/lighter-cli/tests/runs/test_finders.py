"""Lightning's finders tune a fit only, and the record has what they found."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.runs.epochs import read_epochs
from lighter_cli.runs.record import read_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),  # Lightning, of its own checkpoint
]

SIZE = "trainer::callbacks+={_target_: pytorch_lightning.callbacks.BatchSizeFinder, max_trials: 2, steps_per_trial: 1}"
RATE = "trainer::callbacks+={_target_: pytorch_lightning.callbacks.LearningRateFinder, num_training_steps: 20}"


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_finders_do_nothing_outside_fit(system_config: str, stage: str) -> None:
    runner = Runner()
    runner.run(stage, [system_config, SIZE, RATE])
    assert runner.experiment is not None
    assert len(runner.experiment.trainer.callbacks) == 3  # checkpoints, notes of failures and the record


def test_fit_says_and_records_what_the_finders_found(
    system_config: str, caplog: pytest.LogCaptureFixture, in_process: Callable[..., Any]
) -> None:
    runner = Runner()
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        runner.run("fit", [system_config, SIZE, RATE, "vars::num_samples=400", "trainer::max_epochs=1"])
    assert runner.experiment is not None
    found = read_records(Path())[-1].content["found"]
    assert found["batch_size"] == runner.experiment.model.batch_size != 5
    assert found["learning_rate"] == pytest.approx(runner.experiment.model.learning_rate)
    assert "resumed" not in read_records(Path())[-1].content  # a finder loads a checkpoint of its own
    assert [epoch.epoch for epoch in read_epochs(read_records(Path())[-1].folder)] == [0]
    said = [" ".join(line.split()) for line in caplog.messages]
    assert f"found batch_size {found['batch_size']}" in said
    assert f"found learning_rate {found['learning_rate']:.6g}" in said
    shown = [" ".join(line.split()) for line in in_process("runs", "show", "last").stdout.splitlines()]
    start = shown.index("found")
    assert shown[start + 1 : start + 3] == [
        f"batch_size {found['batch_size']}",
        f"learning_rate {found['learning_rate']:.6g}",
    ]


def test_finder_that_finds_nothing_says_so_once(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    few = RATE.replace("20", "3")
    Runner().run("fit", [system_config, few, "vars::num_samples=400", "trainer::max_epochs=1"])
    assert len([message for message in caplog.messages if "there are not enough points" in message]) == 1
    assert "found" not in read_records(Path())[-1].content
