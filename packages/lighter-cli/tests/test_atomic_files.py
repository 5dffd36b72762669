"""A file is there whole, or as it was before."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from lighter_cli.atomic_files import whole_file, write_whole


def test_a_file_is_replaced_and_keeps_its_mode() -> None:
    file = Path("a.txt")
    file.write_text("before")
    file.chmod(0o640)
    write_whole(file, "after\r\n")
    assert file.read_bytes() == b"after\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(Path().iterdir()) == [file]


def test_a_new_file_has_the_mode_that_other_new_files_have() -> None:
    Path("other").touch()
    write_whole(Path("new"), "text")
    assert Path("new").stat().st_mode == Path("other").stat().st_mode


def test_a_link_stays_a_link() -> None:
    Path("target").write_text("before")
    Path("link").symlink_to("target")
    write_whole(Path("link"), "after")
    assert Path("link").is_symlink()
    assert Path("target").read_text() == "after"


def test_what_cannot_be_written_leaves_the_file_as_it_was() -> None:
    file = Path("a.txt")
    file.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "a half \udc80")
    assert file.read_text() == "before"
    assert list(Path().iterdir()) == [file]


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """Answer longer writes with an error of the system, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_it_as_it_was() -> None:
    file = Path("a.ckpt")
    file.write_text("before")
    with (
        no_file_above(4096),
        pytest.raises(OSError, match=r"File too large: 'a.ckpt'") as caught,
        whole_file(file) as to,
    ):
        torch.save(torch.zeros(10_000), to)
    assert caught.value.errno == errno.EFBIG
    assert file.read_text() == "before"
    assert list(Path().iterdir()) == [file]


def test_an_error_that_was_being_handled_before_is_not_taken_for_the_reason() -> None:
    full = OSError(errno.ENOSPC, "full")
    try:
        raise full
    except OSError:
        with pytest.raises(UnicodeEncodeError):
            write_whole(Path("a.ckpt"), "a half \udc80")


def test_ctrl_c_that_ends_in_another_error_is_still_ctrl_c() -> None:
    """torch.save closes its archive on the way out, which fails when it was interrupted in the middle of a record."""
    with pytest.raises(KeyboardInterrupt), whole_file(Path("a.ckpt")):  # noqa: PT012
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos")
    assert list(Path().iterdir()) == []
