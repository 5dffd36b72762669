"""A write that fails leaves the file unchanged; no reader sees a part of it."""

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from lighter_cli.atomic_files import (
    LineFile,
    append_line,
    open_atomically,
    remove_partial_files,
    reserve,
    write_atomically,
)


def test_a_replaced_file_keeps_its_mode() -> None:
    file = Path("a.txt")
    file.write_text("before")
    file.chmod(0o640)
    write_atomically(file, "after\r\n")
    assert file.read_bytes() == b"after\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(Path().iterdir()) == [file]


def test_a_new_file_has_the_default_mode() -> None:
    Path("other").touch()
    write_atomically(Path("new"), "text")
    assert Path("new").stat().st_mode == Path("other").stat().st_mode


def test_a_link_stays_a_link() -> None:
    Path("target").write_text("before")
    Path("link").symlink_to("target")
    write_atomically(Path("link"), "after")
    assert Path("link").is_symlink()
    assert Path("target").read_text() == "after"


def test_a_failed_write_leaves_the_file_unchanged() -> None:
    file = Path("a.txt")
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "a half \udc80")
    assert file.read_text() == "before"
    assert list(Path().iterdir()) == [file]


KILLED = """
import os, signal
from pathlib import Path
from lighter_cli.atomic_files import open_atomically
with open_atomically(Path("last.ckpt")) as stream:
    stream.write(b"part")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def partial() -> Path:
    """The file that a killed process left an hour ago, beside others."""
    for name in ("last.ckpt", ".last.ckpt-keep.partial", ".mine.txt-01234567.partial"):
        Path(name).write_text("kept")
        os.utime(name, (0, 0))
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -9
    (file,) = set(Path().glob(".last.ckpt-*.partial")) - {Path(".last.ckpt-keep.partial")}
    os.utime(file, (0, 0))
    return file


def test_the_partial_file_of_a_killed_process_is_removed(partial: Path) -> None:
    assert remove_partial_files(Path(), ".ckpt") == (1, 4)
    assert {file.name for file in Path().iterdir()} == {
        "last.ckpt", ".last.ckpt-keep.partial", ".mine.txt-01234567.partial"
    }  # fmt: skip


def test_a_partial_file_of_the_last_minute_stays(partial: Path) -> None:
    os.utime(partial)
    assert remove_partial_files(Path(), ".ckpt") == (0, 0)
    assert partial.exists()


def test_a_partial_file_that_is_being_written_stays() -> None:
    with open_atomically(Path("last.ckpt")) as stream:
        (file,) = Path().glob(".last.ckpt-*.partial")
        os.utime(file, (0, 0))
        assert remove_partial_files(Path(), ".ckpt") == (0, 0)
        stream.write(b"whole")
    assert Path("last.ckpt").read_bytes() == b"whole"


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Make longer writes fail with an OSError, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_names_the_file_and_leaves_it_unchanged() -> None:
    file = Path("a.ckpt")
    file.write_text("before")
    with (
        no_file_above(4096),
        pytest.raises(OSError, match=r"File too large: 'a.ckpt'") as caught,
        open_atomically(file) as to,
    ):
        torch.save(torch.zeros(10_000), to)
    assert caught.value.errno == errno.EFBIG
    assert file.read_text() == "before"
    assert list(Path().iterdir()) == [file]


def test_space_that_cannot_be_reserved_is_not_taken() -> None:
    with no_file_above(4096), pytest.raises(OSError, match="File too large"):
        reserve(Path(".reserved"), 10_000)
    assert list(Path().iterdir()) == []
    reserve(Path(".reserved"), 10_000)
    assert Path(".reserved").stat().st_size == 10_000


def test_an_error_handled_before_is_not_the_reason() -> None:
    full = OSError(errno.ENOSPC, "full")
    try:
        raise full
    except OSError:
        with pytest.raises(UnicodeEncodeError):
            write_atomically(Path("a.ckpt"), "a half \udc80")


def test_ctrl_c_that_another_error_hides_is_still_ctrl_c() -> None:
    """Interrupted in the middle of a write, torch.save closes its archive, which raises another error."""
    with pytest.raises(KeyboardInterrupt), open_atomically(Path("a.ckpt")):  # noqa: PT012
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos")
    assert list(Path().iterdir()) == []


def test_a_reader_never_sees_a_part_of_a_file() -> None:
    file = Path("a.txt")
    contents = {"a" * 300_000, "b" * 300_000}
    write_atomically(file, min(contents))

    def write(text: str) -> None:
        write_atomically(file, text)

    with ThreadPoolExecutor(4) as pool:
        writes = [pool.submit(write, text) for text in sorted(contents) * 20]
        while not all(done.done() for done in writes):
            assert file.read_text() in contents


def test_lines_appended_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "lines.jsonl"

    def append(number: int) -> None:
        append_line(file, json.dumps({"number": number, "text": "x" * 500}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(400)))
    lines = file.read_text().splitlines()
    # two appends may both end an incomplete line; readers skip the empty line between them
    assert sorted(json.loads(line)["number"] for line in lines if line) == list(range(400))


def test_a_line_after_an_incomplete_one_is_on_its_own_line() -> None:
    Path("lines.jsonl").write_text('{"folder": "/somewh')
    append_line(Path("lines.jsonl"), "{}")
    assert Path("lines.jsonl").read_text() == '{"folder": "/somewh\n{}\n'


def test_lines_are_appended_whole_and_seen_at_once() -> None:
    file = LineFile(Path("lines"))
    assert not Path("lines").exists()
    for number in range(3):
        file.append(f"{number}\n")
        assert Path("lines").read_text().splitlines() == [str(n) for n in range(number + 1)]
    file.close()
    file.close()
    file.append("3\n")
    assert Path("lines").read_text() == "0\n1\n2\n3\n"


def test_a_line_that_does_not_fit_comes_before_the_next() -> None:
    file = LineFile(Path("lines"))
    file.append("first\n")
    with no_file_above(10), pytest.raises(OSError, match=r"No space|File too large"):
        file.append("second\n")
    assert Path("lines").read_text() == "first\n"
    file.append("third\n")
    assert Path("lines").read_text() == "first\nsecond\nthird\n"
