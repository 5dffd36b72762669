"""docs/reference/config-language.md, rules 2.2 to 2.7: what text without quotes means."""

import math

import pytest

from lighter_config.tree.scalars import MEANT, is_ordinary, is_suspect, scalar

VALUES = {
    "1e-3": 0.001,
    "1E5": 100_000.0,
    ".5": 0.5,
    "5.": 5.0,
    "-1.5e+2": -150.0,
    ".inf": math.inf,
    "-.inf": -math.inf,
    "010": 10,
    "+7": 7,
    "0x1F": 31,
    "0o17": 15,
    "1_000_000": 1_000_000,
    "1_000.5": 1000.5,
    "null": None,
    "~": None,
    "": None,
    "true": True,
    "FALSE": False,
}
TEXTS = [
    "yes",
    "off",
    "None",
    "nan",
    "12:30",
    "2024-01-01",
    "20_1",
    "1_0000",
    "1e",
    "e3",
    ".",
    "-",
    "0x",
    "tRue",
    "1.2.3",
]


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_numbers_truth_values_and_null_are_typed(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_nan_is_written_with_a_dot() -> None:
    assert math.isnan(scalar(".nan"))


@pytest.mark.parametrize("text", TEXTS)
def test_everything_else_is_text(text: str) -> None:
    assert scalar(text) == text


def test_an_integer_longer_than_python_reads_is_text() -> None:
    assert scalar("9" * 5_000) == "9" * 5_000


@pytest.mark.parametrize("text", [*MEANT, "..."])
def test_words_that_mean_something_elsewhere_are_suspect(text: str) -> None:
    assert is_suspect(text)


@pytest.mark.parametrize("text", [*VALUES, *MEANT, "..."])
def test_what_needs_a_closer_look_is_never_called_ordinary(text: str) -> None:
    assert not is_ordinary(text)
