"""Sentences about fits follow from plain rules, and effects from an analysis of variance."""

from collections.abc import Sequence

import pytest

from lighter_cli.reports.curves import curve_of, thinned, training_times
from lighter_cli.reports.verdicts import overfitting
from lighter_cli.runs.epochs import Epoch

AT = "2026-03-01T09:00:00+00:00"


def epochs_of(val: Sequence[float], train: Sequence[float]) -> list[Epoch]:
    return [
        Epoch(number, number, float(number), AT, {"val/loss": one, "train/loss": other})
        for number, (one, other) in enumerate(zip(val, train, strict=True))
    ]


@pytest.mark.parametrize(
    ("val", "train", "said"),
    [
        ([3, 2, 1, 1.2, 1.4, 1.6], [3, 2, 1, 0.9, 0.8, 0.7], "It overfits after epoch 2"),
        ([3, 2, 1, 1.2, 1.4, 1.6], [3, 2, 1, 1.9, 1.8, 1.7], "No clear overfitting"),  # training rose too
        ([3, 2, 1, 1.01, 1.02, 1.03], [3, 2, 1, 0.9, 0.8, 0.7], "No clear overfitting"),  # less than 5 %
        ([3, 2, 1, 1, 1.6], [3, 2, 1, 0.9, 0.8], "No clear overfitting"),  # only two epochs later
        ([3, 2, 1], [3, 2, 1], "more epochs may still help"),
        ([3], [3], ""),
        ([float("nan"), 2, 1], [3, 2, 1], "more epochs may still help"),
    ],
)
def test_overfitting_is_a_rise_against_a_fall(val: Sequence[float], train: Sequence[float], said: str) -> None:
    found = overfitting(epochs_of(val, train))
    assert said in found
    assert bool(said) == bool(found)


def test_times_of_resumed_runs_add_up() -> None:
    epochs = [
        Epoch(0, 1, 5.0, AT, {}, "first"),
        Epoch(1, 2, 10.0, AT, {}, "first"),
        Epoch(2, 3, 4.0, AT, {}, "second"),
        Epoch(3, 4, 3.0, AT, {}),
    ]
    assert training_times(epochs) == [5.0, 10.0, 14.0, 17.0]


def test_a_curve_has_only_the_epochs_that_logged_it() -> None:
    epochs = [Epoch(number, number, 1.0, AT, {"a": 1.0} if number % 2 else {}) for number in range(6)]
    assert curve_of(epochs, "a", "a").axis.epochs == (1, 3, 5)


def test_thinning_keeps_ends_peaks_and_gaps() -> None:
    values = [0.0] * 10_000
    values[1234], values[4321], values[7000] = 9.0, -9.0, float("nan")
    kept = thinned(values, most=100)
    assert {0, 1234, 4321, 7000, 9999} <= set(kept)
    assert len(kept) <= 101
