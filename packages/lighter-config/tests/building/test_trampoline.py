"""Calls that go deeper than Python's stack."""

import sys

import pytest

from lighter_config.building.trampoline import Steps, run


def _depth(count: int) -> Steps:
    return 0 if count == 0 else 1 + (yield _depth(count - 1))


def test_calls_go_deeper_than_the_stack_of_the_interpreter() -> None:
    count = 10 * sys.getrecursionlimit()
    assert run(_depth(count)) == count


def test_error_passes_through_every_caller_and_may_be_caught_by_one() -> None:
    cleaned = []

    def fails() -> Steps:
        raise ValueError("deep")
        yield  # what makes it a generator

    def between() -> Steps:
        try:
            return (yield fails())
        finally:
            cleaned.append("between")

    def catches() -> Steps:
        try:
            return (yield between())
        except ValueError as error:
            return str(error)

    assert run(catches()) == "deep"
    assert cleaned == ["between"]


def test_an_error_that_nobody_catches_keeps_its_type() -> None:
    def fails() -> Steps:
        yield _depth(3)
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        run(fails())
