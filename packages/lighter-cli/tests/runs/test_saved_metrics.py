"""The record has the metrics at the best checkpoint, not only the last ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.runs.epochs import read_epochs
from lighter_cli.runs.record import Record, read_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
]

BACKWARDS = "trainer::callbacks::0::mode=max"  # the first epoch is the best


def newest() -> Record:
    return read_records(Path())[-1]


def test_the_metrics_are_those_of_the_best_epoch(system_config: str, in_process: Callable[..., Any]) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=4", BACKWARDS])
    record, epochs = newest(), read_epochs(newest().folder)
    best = max(epochs, key=lambda epoch: epoch.metrics["val/loss/epoch"])
    assert best is not epochs[-1]
    assert record.content["at_best"] == {"epoch": best.epoch, "step": best.step, "metrics": best.metrics}
    assert record.content["at_best"]["metrics"]["val/loss/epoch"] == record.content["checkpoints"]["best_score"]
    assert record.content["metrics"] == epochs[-1].metrics
    shown = in_process("runs", "show", "last").stdout
    assert f"metrics at the best checkpoint, step {best.step}\n" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("trainer::callbacks::0::save_weights_only=true", "trainer::callbacks::0::save_last=false"),
        ("trainer::callbacks::0::save_on_train_epoch_end=false", "trainer::val_check_interval=1"),
        ("trainer::check_val_every_n_epoch=2",),
    ],
    ids=["weights", "validations", "every-second"],
)
def test_the_best_score_is_among_the_metrics(system_config: str, words: tuple[str, ...]) -> None:
    Runner().run("fit", [system_config, "trainer::max_epochs=4", BACKWARDS, *words])
    content = newest().content
    assert content["at_best"]["metrics"]["val/loss/epoch"] == content["checkpoints"]["best_score"]
    assert f"step={content['at_best']['step']}" in content["checkpoints"]["best"]


def test_a_resumed_run_knows_the_metrics_of_an_earlier_best(system_config: str) -> None:
    words = [system_config, BACKWARDS]
    Runner().run("fit", [*words, "trainer::max_epochs=1"])
    first = newest().content
    Runner().run("fit", [*words, "trainer::max_epochs=3"], ckpt_path="last")
    assert newest().content["at_best"] == first["at_best"] is not None
    assert newest().content["at_best"]["step"] == 3


def test_a_fit_without_checkpoints_has_no_best(system_config: str) -> None:
    Runner().run("fit", [system_config, "~trainer::callbacks", "trainer::enable_checkpointing=false"])
    assert "at_best" not in newest().content
