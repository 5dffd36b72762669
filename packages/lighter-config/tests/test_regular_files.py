"""Only regular files are opened, without waiting for anything."""

import os
from pathlib import Path

import pytest

from lighter_config import SourceError, load
from lighter_config.regular_files import is_regular, open_regular, read_regular

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")

SPECIAL = ("fifo", "link", "/dev/zero", "folder", "missing", "a\0b", "\ud800", "x" * 300)


def test_a_file_and_a_link_to_it_are_read() -> None:
    Path("file").write_bytes(b"x")
    Path("link").symlink_to("file")
    assert (read_regular("file"), read_regular(Path("link")), is_regular("link")) == (b"x", b"x", True)


@pytest.mark.parametrize("name", SPECIAL)
def test_anything_else_is_refused(name: str) -> None:
    os.mkfifo("fifo")
    Path("link").symlink_to("fifo")
    Path("folder").mkdir()
    assert not is_regular(name)
    with pytest.raises(OSError):  # noqa: PT011 - its text depends on the kind
        open_regular(name)


def test_a_file_that_would_fill_the_memory_is_not_read() -> None:
    with Path("huge.yaml").open("wb") as file:
        file.truncate(2**40)  # takes no space on the disk
    assert is_regular("huge.yaml")
    with pytest.raises(OSError, match="larger than 64 MiB"):
        read_regular("huge.yaml")
    with pytest.raises(SourceError, match=r"huge.yaml cannot be read: larger than 64 MiB"):
        load("huge.yaml")


def test_a_fifo_that_appears_after_the_look_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo("fifo")
    Path("file").touch()
    status = Path("file").stat()
    monkeypatch.setattr(Path, "stat", lambda self, **_: status)
    with pytest.raises(OSError, match="not a regular file"):
        open_regular("fifo")
