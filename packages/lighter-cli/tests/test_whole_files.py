"""A file is there whole, or as it was before."""

from pathlib import Path

import pytest

from lighter_cli.whole_files import write_whole


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
