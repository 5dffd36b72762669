"""The journal of a sweep survives killed writers and a full disk, and Optuna reads it."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", minversion="5")

from lighter_cli.sweeps import locks  # noqa: E402
from lighter_cli.sweeps.journal import JOURNAL_FILE, Journal, open_journal  # noqa: E402
from lighter_cli.sweeps.locks import locked  # noqa: E402


def study(folder: Path) -> "optuna.Study":
    return optuna.create_study(storage=open_journal(folder), study_name="digits", load_if_exists=True)


def run_trial(folder: Path, value: float) -> int:
    found = study(folder)
    trial = found.ask()
    trial.suggest_float("lr", 0, 1)
    found.tell(trial, value)
    return trial.number


def test_optuna_itself_reads_what_was_written(tmp_path: Path) -> None:
    for value in (0.1, 0.2):
        run_trial(tmp_path, value)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / JOURNAL_FILE))
    loaded = optuna.load_study(study_name="digits", storage=optuna.storages.JournalStorage(backend))
    assert [trial.value for trial in loaded.trials] == [0.1, 0.2]


@pytest.mark.parametrize("num_bytes", [1, 20, 60])
def test_an_incomplete_last_line_is_passed_over_and_removed(tmp_path: Path, num_bytes: int) -> None:
    run_trial(tmp_path, 0.1)
    file = tmp_path / JOURNAL_FILE
    with file.open("ab") as stream:
        stream.write(b'{"op_code":6,"worker_id":"1-2","trial_id":0,"state":1,"values":[0.1]}'[:num_bytes])
    assert len(study(tmp_path).trials) == 1
    assert [run_trial(tmp_path, 0.2), run_trial(tmp_path, 0.3)] == [1, 2]
    assert [trial.value for trial in study(tmp_path).trials] == [0.1, 0.2, 0.3]
    for line in file.read_text().splitlines():
        json.loads(line)


def test_a_damaged_line_inside_is_passed_over(tmp_path: Path) -> None:
    run_trial(tmp_path, 0.1)
    with (tmp_path / JOURNAL_FILE).open("a") as stream:
        stream.write("{damaged\n")
    before = study(tmp_path)
    run_trial(tmp_path, 0.2)
    assert [trial.value for trial in before.trials] == [0.1, 0.2]


def test_entries_are_read_from_any_number(tmp_path: Path) -> None:
    writer, reader = Journal(tmp_path / "log"), Journal(tmp_path / "log")
    entries = [{"op_code": 8, "n": number} for number in range(5)]
    writer.append_logs(entries[:3])
    assert list(reader.read_logs(1)) == entries[1:3]
    writer.append_logs(entries[3:])
    assert list(reader.read_logs(3)) == entries[3:]
    assert list(reader.read_logs(0)) == entries
    assert list(Journal(tmp_path / "log").read_logs(4)) == entries[4:]
    assert list(reader.read_logs(5)) == []


def test_a_write_that_does_not_fit_adds_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    journal.append_logs([{"op_code": 8}])
    size = (tmp_path / "log").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="No space left") as error:
            journal.append_logs([{"op_code": 8, "text": "x" * 100}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert error.value.errno == errno.ENOSPC
    assert list(journal.read_logs(0)) == [{"op_code": 8}]
    assert (tmp_path / "log").stat().st_size == size


@pytest.mark.slow
def test_killed_writers_leave_a_journal_that_others_use(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from lighter_cli.sweeps.journal import Journal
        journal = Journal(Path({str(tmp_path / "log")!r}))
        number = 0
        while True:
            journal.append_logs([{{"op_code": 8, "writer": int(sys.argv[1]), "n": number, "text": "x" * 3000}}])
            number += 1
    """)
    writers = [subprocess.Popen([sys.executable, "-c", program, str(number)]) for number in range(2)]
    journal = Journal(tmp_path / "log")
    while sum(1 for _ in journal.read_logs(0)) < 20:
        time.sleep(0.01)
    for writer in writers:
        writer.kill()
        writer.wait()
    journal.append_logs([{"op_code": 8, "writer": 2, "n": 0}])
    entries = list(journal.read_logs(0))
    assert entries[-1]["writer"] == 2
    for number in range(2):
        numbers = [entry["n"] for entry in entries if entry["writer"] == number]
        assert numbers == list(range(len(numbers)))


def test_a_lock_without_flock_is_held_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.fcntl, "flock", _refuse)
    monkeypatch.setattr(locks, "_STALE_S", 0.05)
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock.link").is_symlink()
    assert not (tmp_path / "lock.link").is_symlink()
    (tmp_path / "lock.link").symlink_to("a killed process")
    with locked(tmp_path / "lock"):
        assert str((tmp_path / "lock.link").readlink()) != "a killed process"
    assert list(tmp_path.iterdir()) == [tmp_path / "lock"]


def _refuse(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_optunas_dashboard_opens_the_journal(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard")
    from optuna_dashboard._storage_url import get_storage  # its command opens a file in this way

    run_trial(tmp_path, 0.1)
    storage = get_storage(str(tmp_path / JOURNAL_FILE), storage_class=None)
    assert [found.study_name for found in storage.get_all_studies()] == ["digits"]
