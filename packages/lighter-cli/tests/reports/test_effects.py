"""Which value matters comes from an analysis of variance over the runs."""

from pathlib import Path

import pytest
from made_runs import write_run

from lighter_cli.reports.effects import effects
from lighter_cli.runs.run import Run, run_of

METRIC = "score"


def runs_of(folder: Path, rows: list[tuple[float, int, float]]) -> list[Run]:
    """Write runs with a learning rate, a depth and a score."""
    return [
        run_of(
            write_run(
                folder / "lighter_runs" / f"20260301-09{index:04}-{index:06x}",
                lines=(),
                values={"lr": lr, "depth": depth},
                at_best={"epoch": 0, "step": 1, "metrics": {METRIC: score}},
            )
        )
        for index, (lr, depth, score) in enumerate(rows)
    ]


def test_a_value_that_decides_has_all_of_the_variance(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [(0.1, 1, 1.0), (0.1, 2, 1.0), (0.2, 1, 3.0), (0.2, 2, 3.0)])
    (effect,) = effects(runs, ["lr", "depth"], METRIC)
    assert (effect.path, effect.share) == ("lr", pytest.approx(1))
    assert effect.means == ("1 at 0.1", "3 at 0.2")


def test_the_share_is_eta_squared(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [(0.1, 1, 1.0), (0.1, 1, 3.0), (0.2, 1, 4.0), (0.2, 1, 6.0)])
    (effect,) = effects(runs, ["lr"], METRIC)
    assert effect.share == pytest.approx(9 / 13)  # means 2 and 5 around 3.5: 4 x 2.25 of 13


def test_one_run_a_value_explains_nothing(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [(0.1, 1, 1.0), (0.2, 1, 2.0), (0.3, 1, 3.0), (0.4, 1, 4.0)])
    assert effects(runs, ["lr"], METRIC) == []


def test_numbers_that_a_search_draws_are_compared_as_thirds(tmp_path: Path) -> None:
    scores = (1.0, 1.0, 5.0, 5.0, 2.0, 2.0)  # the best are in the middle
    runs = runs_of(tmp_path, [(0.1 * (index + 1), index % 2, score) for index, score in enumerate(scores)])
    (effect,) = effects(runs, ["lr", "depth"], METRIC)
    assert effect.path == "lr"
    assert effect.means[-1] == "5 at 0.3 to 0.4"


def test_nan_and_few_runs_are_left_out(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, [(0.1, 1, 1.0), (0.1, 1, 1.0), (0.2, 1, 3.0)])
    assert effects(runs, ["lr"], METRIC) == []
