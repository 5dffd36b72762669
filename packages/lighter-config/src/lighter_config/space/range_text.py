"""Ranges as text: ``LOW..HIGH``, ``LOW..HIGH:log``, ``LOW..HIGH:STEP``."""

import re

from lighter_config.space.domains import Range
from lighter_config.tree.scalars import scalar

EXPECTED = "LOW..HIGH, LOW..HIGH:log or LOW..HIGH:STEP"
_LOG = "log"
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(.*))?")
_LIKE_A_RANGE = re.compile(r"[^/\\]*\d[^/\\]*\.\.[^/\\]*|\.\.\d[^/\\]*")


class RangeError(Exception):
    """A range that cannot be used.

    Attributes:
        message: What is wrong with it.
        fix: What to write.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message, self.fix = message, fix


def is_range(text: object) -> bool:
    """Return whether a value is text with a number on both sides of ``..``.

    >>> is_range("1e-4..1e-1:log"), is_range("../data"), is_range("v1..v2")
    (True, False, False)
    """
    return isinstance(text, str) and ".." in text and _RANGE.fullmatch(text) is not None


def is_like_a_range(text: object) -> bool:
    """Return whether a value may be meant as a range."""
    return isinstance(text, str) and ".." in text and _LIKE_A_RANGE.fullmatch(text) is not None


def read_range(text: str) -> Range:
    """Read a range.

    Raises:
        RangeError: It is none, or it cannot be used.

    >>> read_range("1e-4..1e-1:log"), read_range("16..256:16").is_integer
    (Range(low=0.0001, high=0.1, step=None, log=True), True)
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        raise RangeError(f"{text!r} is not a range")
    low, high = scalar(match[1]), scalar(match[2])
    if isinstance(low, str) or isinstance(high, str):  # 20_1 is text
        raise RangeError(f"{text!r} is not a range")
    scale = "" if match[3] is None else f":{match[3]}"
    if low > high:
        raise RangeError(f"the range {text} goes down", f"write {match[2]}..{match[1]}{scale}")
    if low == high:
        raise RangeError(
            f"the range {text} has one value", f"write a larger range, or the value {match[1]} in every trial"
        )
    if match[3] is None:
        return Range(low, high)
    if match[3] == _LOG:
        if low <= 0:
            start = "1" if isinstance(low, int) and isinstance(high, int) and high > 1 else "1e-6"
            near = f"{start}..{match[2]}:log" if high > float(start) else ""
            fix = f"write {near}, or leave :log out" if near else "leave :log out"
            raise RangeError(f"a logarithmic range cannot begin at {match[1]}", fix)
        return Range(low, high, log=True)
    return Range(low, high, _step(match[3], text, low, high))


def _step(text: str, whole: str, low: float, high: float) -> int | float:
    plain = whole.removesuffix(f":{text}")
    if ":" in text and _LOG in text.split(":"):
        raise RangeError(
            f"the range {whole} has both steps and a logarithmic scale", f"write {plain}:log, or list the values"
        )
    step = scalar(text)
    if isinstance(step, bool) or not isinstance(step, int | float):
        raise RangeError(f"{text!r} is not the step of a range", f"write {plain}:log, or a number")
    if step <= 0:
        raise RangeError(f"the step of {whole} is not above 0", f"write {plain}:{abs(step) or 1}")
    if step > high - low:
        raise RangeError(f"the step of {whole} is larger than the range", f"write {plain}, or a smaller step")
    return step
