"""Work that is shared among processes gives what one process gives."""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from lighter_cli.checking import processes
from lighter_cli.checking.checker import Checker
from lighter_cli.checking.processes import shared

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="work is shared on Linux alone")

PARENT = os.getpid()


def squares(numbers: Sequence[int]) -> list[int]:
    return [number**2 for number in numbers]


@pytest.mark.parametrize("num_processes", [1, 2, 3, 7])
def test_results_come_in_the_order_of_the_items(num_processes: int) -> None:
    assert shared(squares, range(10), num_processes=num_processes) == squares(range(10))


def test_several_processes_do_the_work() -> None:
    pids = shared(lambda items: [os.getpid() for _ in items], range(4), num_processes=2)
    assert pids[:2] == [PARENT] * 2
    assert pids[2] == pids[3] != PARENT


def test_what_a_killed_process_leaves_is_done_again() -> None:
    def work(numbers: Sequence[int]) -> list[int]:
        if os.getpid() != PARENT:
            os.kill(os.getpid(), signal.SIGKILL)
        return squares(numbers)

    assert shared(work, range(10), num_processes=3) == squares(range(10))


def test_an_error_is_raised_as_in_one_process() -> None:
    with pytest.raises(ZeroDivisionError):
        shared(lambda numbers: [1 // (number - 8) for number in numbers], range(10), num_processes=2)


def test_no_process_is_left_after_an_error() -> None:
    before = psutil.Process().children()  # of earlier tests: a library may keep some
    with pytest.raises(ZeroDivisionError):
        shared(lambda numbers: [1 // number for number in numbers], range(10), num_processes=3)
    assert psutil.Process().children() == before


def test_what_the_work_prints_is_printed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    def work(numbers: Sequence[int]) -> list[int]:
        if 7 in numbers:
            print("working on", *numbers, flush=True)
        return squares(numbers)

    assert shared(work, range(9), num_processes=3) == squares(range(9))
    assert capsys.readouterr().out == "working on 6 7 8\n"


def test_many_experiments_are_checked_as_a_few_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(7)]
    for number, file in enumerate(files):
        file.write_text(f"trainer: {{_target_: pytorch_lightning.Trainer, max_epochs: {number}, oops{number}: 1}}\n")
    files[3].write_text("trainer: [\n")
    few = list(Checker().check_each([*files, tmp_path / "missing.yaml", "trainer::max_epochs=3"]))
    monkeypatch.setattr(processes, "_suitable", lambda _: 3)
    many = list(Checker().check_each([*files, tmp_path / "missing.yaml", "trainer::max_epochs=3"]))
    assert many == few
    assert [len(result.findings) > 0 for result in few] == [True] * 8


def test_few_items_are_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # libraries of earlier tests may keep threads
    assert processes._suitable(199) == 1
    assert processes._suitable(10**6) == len(os.sched_getaffinity(0))


def test_work_is_not_shared_beside_another_thread() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    assert processes._suitable(10**6) == 1
    ended.set()
    thread.join()
