import os
import subprocess
import sys

import pytest

from lighter.callbacks.writers.staging import (
    check_writable,
    create_staging,
    discard,
    publish,
    remove,
    remove_abandoned,
    staging_of,
)
from lighter.errors import WriterError

KILLED = """
import os, signal
from pathlib import Path
from lighter.callbacks.writers.staging import create_staging
lock = create_staging(Path(".out.01234567.partial"), Path("out"))
Path(".out.01234567.partial/rank0.part").write_text("rows")
os.kill(os.getpid(), signal.SIGKILL)
"""


def created(target):
    staging = staging_of(target)
    create_staging(staging, target).close()
    return staging


def make_old(folder):
    for path in (*folder.iterdir(), folder):
        os.utime(path, (0, 0))


@pytest.fixture
def abandoned(tmp_path):
    """The folder that a killed process has left."""
    assert subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, check=False).returncode == -9
    folder = tmp_path / ".out.01234567.partial"
    make_old(folder)
    return folder


def test_content_appears_in_the_place_of_what_was_there(tmp_path):
    target = tmp_path / "out"
    for generation in ("a", "b", "c"):
        folder = created(target)
        (folder / "content").write_text(generation)
        publish(folder / "content", target, keep_previous=True)
        remove(folder)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out": "c", "out.previous": "b"}


@pytest.mark.parametrize("keep_previous", [True, False])
def test_content_that_does_not_move_leaves_what_was_there(tmp_path, keep_previous):
    target = tmp_path / "out"
    target.write_text("earlier")
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "nothing", target, keep_previous=keep_previous)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert target.read_text() == "earlier"


def test_two_runs_never_share_a_folder(tmp_path):
    folders = {created(tmp_path / "deep" / "out") for _ in range(20)}
    assert len(folders) == 20
    assert {folder.parent for folder in folders} == {tmp_path / "deep"}
    for folder in folders:
        remove(folder)
        remove(folder)  # one that is gone is fine
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_discarded_folder_is_gone_for_every_rank(tmp_path):
    folder = created(tmp_path / "out")
    (folder / "content").mkdir()
    (folder / "content" / "sample").write_text("")
    discard(folder)
    discard(folder)  # the next rank
    assert list(tmp_path.iterdir()) == []


def test_a_path_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriterError, match="is a file"):
        check_writable(tmp_path / "file" / "a" / "b", where="here")
    with pytest.raises(WriterError, match="cannot be written"):
        created(tmp_path / "file" / "a")
    check_writable(tmp_path / "new" / "a" / "b", where="here")
    assert not (tmp_path / "new").exists()


def test_a_directory_without_permission_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # who runs the tests may be allowed everything
    with pytest.raises(WriterError, match="no permission"):
        check_writable(tmp_path / "out", where="here")


def test_the_folder_of_a_killed_run_is_removed(abandoned, tmp_path):
    other = tmp_path / ".other.01234567.partial"
    create_staging(other, tmp_path / "other").close()
    make_old(other)
    remove_abandoned(tmp_path / "out")
    assert list(tmp_path.iterdir()) == [other]


def test_a_folder_of_the_last_minute_stays(abandoned, tmp_path):
    os.utime(abandoned / "rank0.part")
    remove_abandoned(tmp_path / "out")
    assert (abandoned / "rank0.part").exists()


def test_a_folder_of_a_process_that_writes_stays(tmp_path):
    folder = tmp_path / ".out.01234567.partial"
    with create_staging(folder, tmp_path / "out"):
        make_old(folder)
        remove_abandoned(tmp_path / "out")
        assert folder.exists()
    remove_abandoned(tmp_path / "out")
    assert not folder.exists()
