"""Which files are noted while a rehearsal runs, and who wrote them."""

import os
import sqlite3
import tempfile
from pathlib import Path
from types import FrameType

import pytest

from lighter_cli.preflight.written_files import WrittenFile, watching


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rehearsal").mkdir()
    return tmp_path / "rehearsal"


def nobody(_: FrameType | None) -> str:
    return ""


def caller(frame: FrameType | None) -> str:
    while frame is not None and not frame.f_code.co_name.startswith("writes_"):
        frame = frame.f_back
    return "" if frame is None else frame.f_code.co_name


def writes_a_file(file: Path) -> None:
    file.write_text("a")


def test_files_elsewhere_are_noted_with_who_wrote_them(folder: Path, tmp_path: Path) -> None:
    with watching(folder, caller) as written:
        writes_a_file(tmp_path / "a.txt")
        writes_a_file(folder / "b.txt")
    assert written == [WrittenFile(str(tmp_path / "a.txt"), "written", "writes_a_file")]


def test_after_the_block_nothing_is_noted(folder: Path, tmp_path: Path) -> None:
    with watching(folder, nobody) as written:
        pass
    (tmp_path / "a.txt").write_text("a")
    assert written == []


def test_reading_is_not_noted(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with watching(folder, nobody) as written:
        (tmp_path / "a.txt").read_text()
        list(tmp_path.iterdir())
    assert written == []


def test_every_way_to_write_is_noted(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.txt").write_text("a")
    with watching(folder, nobody) as written:
        os.close(os.open("low.txt", os.O_WRONLY | os.O_CREAT))
        sqlite3.connect("base.db").close()
        os.symlink("low.txt", "link.txt")  # noqa: PTH211
        Path("empty").mkdir()
        Path("full").mkdir()
        Path("full/a.txt").touch()
        Path("old.txt").unlink()
        (folder / "new.txt").write_text("a")
        (folder / "new.txt").rename("moved.txt")
    found = {os.path.relpath(one.path): one.what for one in written}
    assert found == {
        "low.txt": "written",
        "base.db": "written",
        "link.txt": "written",
        "empty": "made",
        "full/a.txt": "written",
        "old.txt": "removed",
        "moved.txt": "written",
    }


def test_what_is_written_and_removed_again_is_not_noted(folder: Path, tmp_path: Path) -> None:
    with watching(folder, nobody) as written:
        (tmp_path / "a.lock").touch()
        (tmp_path / "a.lock").unlink()
        (tmp_path / "never.txt").unlink(missing_ok=True)
    assert written == []


def test_caches_and_temporary_files_do_not_count(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    (tmp_path / "hub").mkdir()
    with watching(folder, nobody) as written, tempfile.TemporaryDirectory(dir=tmp_path) as temporary:
        Path(temporary, "a.txt").touch()
        (tmp_path / "hub" / "model.bin").touch()
        Path(os.devnull).write_text("a")
        with tempfile.TemporaryFile(dir=tmp_path) as nameless:
            nameless.write(b"a")
    assert [one for one in written if one.what != "removed"] == []


def test_a_forked_worker_is_seen_too(folder: Path, tmp_path: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    with watching(folder, caller) as written:
        child = os.fork()
        if child == 0:
            writes_a_file(tmp_path / "worker.txt")
            os._exit(0)
        os.waitpid(child, 0)
    assert written == [WrittenFile(str(tmp_path / "worker.txt"), "written", "writes_a_file")]
