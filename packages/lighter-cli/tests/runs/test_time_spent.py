"""The record says where the time of a fit went; the closing lines say when it waits for its train loader."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.runs.record import read_records
from lighter_cli.runs.summary import summary_lines
from lighter_cli.runs.time_spent import TimeSpent

pytestmark = pytest.mark.slow

SLOW = """
import time
import torch

class Slow(torch.utils.data.Dataset):
    def __init__(self, seconds):
        self.seconds = seconds

    def __len__(self):
        return 12

    def __getitem__(self, index):
        time.sleep(self.seconds)
        return torch.full((4,), float(index)), index % 2
"""


def test_a_fit_that_waits_says_so(
    module_config: str, write: Callable[[str, str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    write("code/slow.py", SLOW)
    datasets = [
        f"=data::{mode}_dataloader::dataset={{_target_: project.slow.Slow, seconds: {seconds}}}"
        for mode, seconds in (("train", 0.05), ("val", 0.0))
    ]
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [module_config, *datasets])
    measured = read_records(Path())[-1].content["train_loader"]
    assert 2 * 12 * 0.05 <= measured["waited_s"] <= measured["training_s"]
    said = [" ".join(line.split()) for line in caplog.messages if line.startswith("waited")]
    times = f"waited {measured['waited_s']:.1f} of {measured['training_s']:.1f} s"
    # a machine that is busy with other things may take three times as long for the rest
    assert said in ([f"{times} for the train loader: num_workers is 0"], [])
    assert bool(said) == (measured["waited_s"] >= 0.3 * measured["training_s"])


def test_the_times_of_the_parts_add_up_to_that_of_the_fit(
    module_config: str, write: Callable[[str, str], Path], in_process: Callable[..., Any]
) -> None:
    write("code/slow.py", SLOW)
    words = [
        f"=data::{mode}_dataloader::dataset={{_target_: project.slow.Slow, seconds: {seconds}}}"
        for mode, seconds in (("train", 0.001), ("val", 0.02))
    ]
    Runner().run("fit", [module_config, *words, "trainer::num_sanity_val_steps=1"])
    spent = read_records(Path())[-1].content["time_spent"]
    total = spent.pop("total_s")
    assert sum(spent.values()) == pytest.approx(total, abs=0.01)
    assert spent["validation_s"] >= 2 * 12 * 0.02
    assert spent["sanity_check_s"] >= 5 * 0.02
    assert min(spent.values()) > 0
    shown = " ".join(in_process("runs", "show", "last").stdout.split())
    assert f"validation {spent['validation_s'] / total:.0%}" in shown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, as the only item."""
    now = [100.0]
    monkeypatch.setattr("lighter_cli.runs.time_spent.time.perf_counter", lambda: now[0])
    return now


@pytest.fixture
def trainer() -> Any:
    """What is read of a trainer; the test runs the validations and announces the fetches."""
    loop = SimpleNamespace(_combined_loader=None, epoch_loop=SimpleNamespace(val_loop=SimpleNamespace(run=None)))
    return SimpleNamespace(fit_loop=loop, strategy=SimpleNamespace(root_device=torch.device("cpu")))


def test_each_second_counts_once(clock: list[float], trainer: Any) -> None:
    spent = TimeSpent()
    assert spent.measured() is spent.train_loader(trainer) is None
    spent.start(trainer)
    clock[0] += 7
    with spent._spent_on("sanity_check"):
        clock[0] += 50
    spent.start_training(trainer)
    spent._start_fetch()
    clock[0] += 3
    spent._end_fetch()
    clock[0] += 2
    with spent._spent_on("validation"):
        clock[0] += 70
        with spent.saving():
            clock[0] += 11
    with spent.saving():
        clock[0] += 1
    spent.end_training()
    clock[0] += 5
    assert spent.measured() == {
        "total_s": 149.0,
        "data_s": 3.0,
        "sanity_check_s": 50.0,
        "validation_s": 70.0,
        "checkpoints_s": 12.0,
        "training_s": 2.0,
        "rest_s": 12.0,
    }
    assert spent.train_loader(trainer) == {"waited_s": 3.0, "training_s": 17.0, "num_workers": []}


def test_a_fetch_beside_a_busy_device_is_not_waiting(clock: list[float], trainer: Any) -> None:
    spent = TimeSpent()
    spent.start(trainer)
    spent.start_training(trainer)
    for is_idle in (False, True):
        spent._is_idle = lambda is_idle=is_idle: is_idle
        spent._start_fetch()
        clock[0] += 4
        spent._end_fetch()
    assert spent.train_loader(trainer) == {"waited_s": 4.0, "training_s": 8.0, "num_workers": []}


@pytest.mark.parametrize(("waited", "is_said"), [(2.9, False), (3.1, True)])
def test_waiting_is_said_from_a_third_of_the_time_on(waited: float, is_said: bool) -> None:
    measured = {"waited_s": waited, "training_s": 10.0, "num_workers": [2, 4]}
    record = {"stage": "fit", "status": "finished", "metrics": {}, "checkpoints": {}, "train_loader": measured}
    lines = [line for line in summary_lines(record, None) if line.startswith("waited")]
    assert lines == ["waited  3.1 of 10.0 s for the train loader: num_workers is 2, 4"] * is_said
