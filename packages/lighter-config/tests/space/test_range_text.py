"""Ranges as they are written, and those that cannot be used."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lighter_config.space import Range
from lighter_config.space.range_text import RangeError, is_range, read_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4..1e-1:log", Range(1e-4, 0.1, log=True)),
        ("5..20", Range(5, 20)),
        ("-2..2", Range(-2, 2)),
        ("0.0..0.6", Range(0.0, 0.6)),
        ("0..0.6", Range(0, 0.6)),
        ("0..1:0.25", Range(0, 1, 0.25)),
        ("16..256:16", Range(16, 256, 16)),
        ("16..256:log", Range(16, 256, log=True)),
        (".5..1.", Range(0.5, 1.0)),
        ("1_000..10_000", Range(1000, 10000)),
    ],
)
def test_a_range_is_read(text: str, expected: Range) -> None:
    assert read_range(text) == expected
    assert type(read_range(text).low) is type(expected.low)


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("1e-1..1e-4", "goes down", "write 1e-4..1e-1"),
        ("1e-1..1e-4:log", "goes down", "write 1e-4..1e-1:log"),
        ("0..1:log", "cannot begin at 0", "write 1e-6..1:log, or leave :log out"),
        ("0..256:log", "cannot begin at 0", "write 1..256:log, or leave :log out"),
        ("-3..-1:log", "cannot begin at -3", "leave :log out"),
        ("3..3", "has one value", "write a larger range, or the value 3 in every trial"),
        ("1..9:0", "not above 0", "write 1..9:1"),
        ("1..9:-2", "not above 0", "write 1..9:2"),
        ("1..3:4", "larger than the range", "write 1..3, or a smaller step"),
        ("1..9:lg", "not the step", "write 1..9:log, or a number"),
        ("1..9:2:log", "both steps and a logarithmic scale", "write 1..9:log, or list the values"),
        ("1..20_1", "not a range", ""),
        ("1..x", "not a range", ""),
    ],
)
def test_a_range_that_cannot_be_used_says_what_to_write(text: str, message: str, fix: str) -> None:
    with pytest.raises(RangeError, match=message) as caught:
        read_range(text)
    assert caught.value.fix == fix


@pytest.mark.parametrize("text", ["../data", "v1..v2", "a..b", "1.5", "1..", "..", 3, None, "runs/1..2"])
def test_other_values_are_not_ranges(text: object) -> None:
    assert not is_range(text)


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 9))
def test_the_values_of_steps_are_in_the_range(low: int, span: int, step: int) -> None:
    for scale in (1, 10):
        found = Range(low / scale if scale > 1 else low, (low + span) / scale if scale > 1 else low + span,
                      step / scale if scale > 1 else step)  # fmt: skip
        values = found.values()
        assert len(values) == len(found) == span // step + 1
        assert all(value in found for value in values)
        assert values == tuple(sorted(set(values)))
        assert values[-1] == found.largest <= found.high
        assert all(abs(value - (low + index * step) / scale) < 1e-12 for index, value in enumerate(values))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.floats(0.001, 1e6))
def test_a_range_reads_back_what_it_writes(low: float, span: float) -> None:
    found = Range(low, low + span)
    if found.low < found.high:
        assert read_range(str(found)) == found
