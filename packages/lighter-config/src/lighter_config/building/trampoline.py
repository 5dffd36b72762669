"""Calls that go as deep as the input says, without Python's stack."""

from collections.abc import Generator
from typing import Any, TypeAlias

Steps: TypeAlias = Generator["Steps", Any, Any]
"""A function that yields the calls it depends on, and receives their results."""


def run(steps: Steps) -> Any:
    """Run a generator that yields other generators, whose results it is sent; return what it returns.

    A chain of ten thousand references is ten thousand entries of a list here, not frames of the interpreter.

    >>> def countdown(n):
    ...     return n if n == 0 else (yield countdown(n - 1))
    >>> run(countdown(100_000))
    0
    """
    stack = [steps]
    value: Any = None
    error: Exception | None = None
    while stack:
        try:
            request = stack[-1].send(value) if error is None else stack[-1].throw(error)
        except StopIteration as stop:
            stack.pop()
            value, error = stop.value, None
        except Exception as raised:  # passed on to the caller below, as a call would
            stack.pop()
            value, error = None, raised
        else:
            stack.append(request)
            value, error = None, None
    if error is not None:
        raise error
    return value
