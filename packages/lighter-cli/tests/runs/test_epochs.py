"""Reading the curve of a run never fails, whatever the file holds."""

import json
import logging
import math
import os
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.runs.epochs import EPOCHS_FILE, Epoch, line_of, read_epochs

FIRST = Epoch(0, 3, 1.25, "2026-01-02T03:04:05+00:00", {"val/loss": 0.5})
SECOND = Epoch(1, 6, 2.5, "2026-01-02T03:04:06+00:00", {"val/loss": 0.25, "n": 2.0}, run="earlier")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / EPOCHS_FILE


def read(file: Path, caplog: pytest.LogCaptureFixture) -> tuple[list[Epoch], list[str]]:
    """Read the epochs beside a file; return them and the warnings."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        return read_epochs(file.parent), caplog.messages


def test_what_is_written_is_read(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text(line_of(FIRST) + line_of(SECOND))
    assert read(file, caplog) == ([FIRST, SECOND], [])


def test_a_record_without_a_curve_has_no_epochs(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read(file, caplog) == ([], [])


def test_values_that_are_not_finite_are_texts(file: Path) -> None:
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1e308}
    file.write_text(line_of(FIRST._replace(metrics=values)))

    def refuse(word: str) -> Any:
        raise AssertionError(word)

    written = json.loads(file.read_text(), parse_constant=refuse)["metrics"]
    assert written == {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1e308}
    (epoch,) = read_epochs(file.parent)
    assert math.isnan(epoch.metrics["a"])
    assert [epoch.metrics[name] for name in "bcd"] == [math.inf, -math.inf, 1e308]


@pytest.mark.parametrize("length", range(1, len(line_of(SECOND)) - 1, 7))
def test_an_incomplete_last_line_is_skipped(file: Path, caplog: pytest.LogCaptureFixture, length: int) -> None:
    file.write_text(line_of(FIRST) + line_of(SECOND)[:length])
    assert read(file, caplog) == ([FIRST], [])


def with_field(**fields: Any) -> str:
    return json.dumps({**json.loads(line_of(FIRST)), **fields})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        '"text"',
        "7",
        "{}",
        "{",
        line_of(FIRST)[:40],
        "[" * 100_000,
        '{"epoch": ' + "9" * 5000 + "}",
        with_field(epoch=True),
        with_field(epoch=-1),
        with_field(epoch=2**63),
        with_field(epoch="0"),
        with_field(step=1.5),
        with_field(time_s="1"),
        with_field(time_s=None),
        with_field(at="yesterday"),
        with_field(at="2026-01-02T03:04:05"),
        with_field(at=5),
        with_field(metrics=[]),
        with_field(metrics={"loss": "low"}),
        with_field(metrics={"loss": None}),
        with_field(metrics={"loss": True}),
        with_field(metrics={"loss": [1.0]}),
        with_field(metrics={"loss": 10**400}),
        with_field(run=7),
    ],
    ids=lambda line: line[:60] or "empty",
)
def test_a_damaged_line_is_skipped_with_a_warning(file: Path, caplog: pytest.LogCaptureFixture, line: str) -> None:
    file.write_text(line_of(FIRST) + line + "\n" + line_of(SECOND))
    assert read(file, caplog) == ([FIRST, SECOND], [f"line 2 of {file} is damaged and is skipped"])


def test_many_damaged_lines_give_one_warning(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_bytes(b"\xff\xfe\n" * 3 + line_of(FIRST).encode() + b"\0\n" * 1200)
    assert read(file, caplog) == ([FIRST], [f"line 1 of {file} is damaged and is skipped, and 1,202 more"])


def test_integers_are_read_as_numbers(file: Path) -> None:
    file.write_text(with_field(time_s=4, metrics={"count": 12}) + "\n")
    (epoch,) = read_epochs(file.parent)
    assert epoch.time_s == 4
    assert type(epoch.metrics["count"]) is float


@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "huge"])
def test_what_is_no_readable_file_gives_one_warning(file: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    match kind:
        case "folder":
            file.mkdir()
        case "fifo":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "huge":
            with file.open("wb") as stream:
                stream.truncate(2**34)  # a sparse file
    epochs, (warning,) = read(file, caplog)
    assert epochs == []
    assert str(file) in warning
