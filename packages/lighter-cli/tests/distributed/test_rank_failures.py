"""Ranks end together. What two whole processes do is tried in the workspace's tests of ranks; one of these is here."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pytorch_lightning import Callback, Trainer
from torch.distributed import DistStoreError, HashStore

from lighter_cli.distributed.rank_failures import ending_together
from lighter_cli.errors import RankError
from lighter_cli.runs.record import read_records

Write = Callable[[str, str], Path]
FAILING = """

class Failing(Classifier):
    def training_step(self, batch, batch_idx):
        if self.global_rank == 1:
            raise ValueError("not this batch")
        return super().training_step(batch, batch_idx)
"""


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    """A trainer of two ranks that does not run; the ranks are what the tests start."""
    before = signal.getsignal(signal.SIGTERM)
    trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp", logger=False, enable_progress_bar=False)
    yield trainer
    signal.signal(signal.SIGTERM, before)
    for process in trainer.strategy.launcher.procs:
        process.kill()
        process.wait()


def start_rank(trainer: Trainer, script: str) -> "subprocess.Popen[bytes]":
    rank = subprocess.Popen(["sh", "-c", script])
    trainer.strategy.launcher.procs.append(rank)
    return rank


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def meet(trainer: Trainer) -> HashStore:
    """Let the ranks have met at a store."""
    store = HashStore()
    trainer.callbacks[0]._store = store
    return store


def what_ends(trainer: Trainer, run: Callable[[], None]) -> BaseException:
    """Return what is raised where this rank runs something that fails."""

    def abandon(error: Exception) -> None:
        pytest.fail(f"it was ended by force: {error}")

    try:
        with ending_together(trainer, None, abandon=abandon):
            run()
    except BaseException as error:
        return error
    pytest.fail("nothing was raised")


def fail(trainer: Trainer, error: BaseException) -> None:
    """Fail as Lightning does."""
    trainer.callbacks[0].on_exception(trainer, None, error)
    raise error


@pytest.mark.slow
def test_a_failing_rank_ends_a_real_run_with_its_own_error(module_config: str, write: Write, tmp_path: Path) -> None:
    write("code/models.py", Path("code/models.py").read_text() + FAILING)
    words = (module_config, "model::_target_=project.models.Failing", "trainer::num_sanity_val_steps=0")
    ranks = ("trainer::devices=2", "trainer::strategy=ddp")
    command = [sys.executable, "-m", "lighter_cli", "fit", *words, *ranks]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\nValueError: not this batch\n") == 1
    assert "error: rank 1 failed: ValueError: not this batch\n" in done.stderr
    (record,) = read_records(tmp_path)
    assert (record.status, record.content["error"]) == (
        "failed",
        "RankError: rank 1 failed: ValueError: not this batch",
    )


def test_what_another_rank_told_first_is_the_error(trainer: Trainer) -> None:
    def run() -> None:
        meet(trainer).set("lighter/first_failure", "5 ValueError: bad")
        fail(trainer, RuntimeError("Connection closed by peer"))

    raised = what_ends(trainer, run)
    assert isinstance(raised, RankError)
    assert str(raised) == "rank 5 failed: ValueError: bad"
    assert str(raised.__cause__) == "Connection closed by peer"


def test_an_own_error_is_told_to_the_others_unchanged(trainer: Trainer) -> None:
    error, stores = ValueError("bad"), []

    def run() -> None:
        stores.append(meet(trainer))
        fail(trainer, error)

    assert what_ends(trainer, run) is error
    assert stores[0].get("lighter/first_failure") == b"0 ValueError: bad"


def test_a_store_that_fails_does_not_hide_the_error(trainer: Trainer) -> None:
    class Broken(HashStore):
        def check(self, *_: object) -> bool:
            raise DistStoreError("timed out")

        def compare_set(self, *_: object) -> bytes:
            raise DistStoreError("timed out")

    error = ValueError("bad")

    def run() -> None:
        trainer.callbacks[0]._store = Broken()
        fail(trainer, error)

    assert what_ends(trainer, run) is error


def test_an_interruption_is_no_failure(trainer: Trainer) -> None:
    error, stores = KeyboardInterrupt(), []

    def run() -> None:
        stores.append(meet(trainer))
        fail(trainer, error)

    assert what_ends(trainer, run) is error
    assert not stores[0].check(["lighter/first_failure"])


@pytest.mark.parametrize(
    ("script", "message"),
    [("exit 3", "rank 1 failed: it ended with exit code 3"), ("kill -9 $$", "rank 1 was ended by SIGKILL\n  to fix ")],
)
def test_a_rank_that_told_nothing_is_known_by_how_it_ended(trainer: Trainer, script: str, message: str) -> None:
    stores = []

    def run() -> None:
        stores.append(meet(trainer))
        start_rank(trainer, script).wait()
        observed = trainer.strategy.launcher.procs
        wait_for(lambda: trainer.strategy.launcher.procs is not observed)
        assert observed == []  # Lightning's observer has nothing left to look at
        fail(trainer, RuntimeError("Connection closed by peer"))

    assert str(what_ends(trainer, run)).startswith(message)
    assert not stores[0].check(["lighter/first_failure"])


@pytest.mark.slow
def test_a_failure_ends_stuck_ranks_with_their_children(trainer: Trainer) -> None:
    ranks = []

    def run() -> None:
        meet(trainer)
        ranks.append(start_rank(trainer, "sleep 100 & echo $! > worker; wait; sleep 100"))
        observed = trainer.strategy.launcher.procs
        wait_for(lambda: trainer.strategy.launcher.procs is not observed and Path("worker").exists())
        fail(trainer, ValueError("bad"))

    assert str(what_ends(trainer, run)) == "bad"
    assert ranks[0].wait() == -signal.SIGKILL
    worker = Path("worker").read_text().strip()
    wait_for(lambda: not psutil.pid_exists(int(worker)))


def test_a_run_of_one_process_is_left_alone() -> None:
    trainer = Trainer(accelerator="cpu", devices=1, logger=False, enable_progress_bar=False)
    before = list(trainer.callbacks)
    assert str(what_ends(trainer, lambda: fail_alone(trainer, before))) == "alone"


def fail_alone(trainer: Trainer, callbacks: list[Callback]) -> None:
    assert trainer.callbacks == callbacks
    raise ValueError("alone")
