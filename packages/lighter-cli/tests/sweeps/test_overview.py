"""What lists and tables show of a sweep comes from its table of results; no trial has to run for it."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lighter_cli.sweeps import trial_table
from lighter_cli.sweeps.overview import Overview, find_sweep
from lighter_cli.sweeps.trial_table import trial_lines
from lighter_cli.terminal.output import cell_text
from lighter_config import SourceError

HEADER = ("trial", "state", "score", "loss", "lr", "kind", "feasible", "epochs", "took_s", "error")
ROWS = (
    (0, "finished", 0.5, 3.0, 0.1, "a", True, 4, 1.0, ""),
    (1, "finished", 0.9, 9.0, -1, "b", False, 4, 75.0, ""),
    (2, "failed", "", "", 0.3, "a", True, 0, "", "ValueError: no\nmore"),
    (3, "pruned", "", "", 1e-7, "a", True, 2, 1.0, "pruned at epoch 2"),
    (4, "finished", 0.7, 4.0, 1 / 3, "b", True, 4, 1.0, ""),
    (5, "finished", 0.6, 3.5, 1 / 3, "b", True, 4, 1.0, ""),
    (6, "finished", 0.6, 3.6, 1 / 3, "b", True, 4, 1.0, ""),
)
Make = Callable[..., Overview]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write the folder of a sweep, as far as lists read it."""

    def write(
        name: str = "digits-3fa9",
        objectives: Sequence[tuple[str, str]] = (("score", "maximize"), ("loss", "minimize")),
        rows: Sequence[Sequence[object]] = ROWS,
        unfinished: Mapping[int, Mapping[str, object]] = {},
    ) -> Overview:
        folder = tmp_path / "lighter_sweeps" / name
        (folder / "trials").mkdir(parents=True)
        (folder / "sweep.json").write_text(json.dumps({"objectives": objectives, "made": name}))
        with (folder / "results.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([HEADER, *rows])
        for number, values in unfinished.items():
            trial = folder / "trials" / f"{number:04}"
            trial.mkdir()
            (trial / "trial.json").write_text(json.dumps({"number": number, "values": values, "repeats": []}))
        return Overview(folder)

    return write


def shown(sweep: Overview, *, is_everything: bool = True) -> list[list[str]]:
    lines = trial_lines(sweep, is_everything=is_everything)
    return [" ".join("".join(map(cell_text, line)).split()).split(" ") for line in lines]


def test_the_best_come_first_and_open_trials_last(make: Make) -> None:
    sweep = make(unfinished={7: {"lr": 0.25}, 10_001: {"lr": 0.5}})
    assert [row["trial"] for row in sweep.ranked] == ["4", "5", "6", "0", "1", "2", "3", "7", "10001"]
    assert sweep.best is not None
    assert sweep.best["trial"] == "4"
    smallest = make("losses", [("loss", "minimize")])
    assert [row["trial"] for row in smallest.ranked][:2] == ["0", "5"]


def test_the_front_has_the_trials_that_none_dominates(make: Make) -> None:
    assert make().front() == {"0", "4", "5"}
    assert make("one", [("score", "maximize")]).front() == set()
    twins = [
        (0, "finished", 0.5, 3.0, 0.1, "a", True, 4, 1.0, ""),
        (1, "finished", 0.5, 3.0, 0.2, "a", True, 4, 1.0, ""),
    ]
    assert make("twins", rows=twins).front() == {"0", "1"}


def test_a_table_has_reasons_short_numbers_and_times(make: Make) -> None:
    table = shown(make(unfinished={7: {"lr": 0.25, "kind": "a"}}))
    assert table[0] == ["trial", "state", "score", "loss", "front", "constraints", "lr", "kind", "epochs", "took"]
    assert table[1] == ["4", "finished", "0.7", "4", "yes", "kept", "0.333333", "b", "4", "1.0", "s"]
    assert table[5] == ["1", "finished", "0.9", "9", "violated", "-1", "b", "4", "75.0", "s"]
    assert table[6] == ["2", "failed", "(ValueError:", "no)", "0.3", "a", "0"]
    assert table[7] == ["3", "pruned", "at", "epoch", "2", "1e-07", "a", "2", "1.0", "s"]
    assert table[8] == ["7", "open", "0.25", "a"]


def test_a_terminal_has_short_names_and_one_column_for_the_dimensions_of_choices(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = (
        "trial",
        "state",
        "score",
        "opt[A]::lr",
        "opt[B]::lr",
        "model::p",
        "feasible",
        "epochs",
        "took_s",
        "error",
    )
    rows = [
        header,
        (0, "finished", 0.5, 0.1, "", 0.3, True, 4, 1.0, ""),
        (1, "finished", 0.4, "", 0.2, 0.4, True, 4, 1.0, ""),
    ]
    sweep = make(objectives=[("score", "maximize")])
    with (sweep.folder / "results.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    assert shown(Overview(sweep.folder))[0][3:6] == ["opt[A]::lr", "opt[B]::lr", "model::p"]
    monkeypatch.setattr(trial_table.output, "width", lambda: 40)
    assert shown(Overview(sweep.folder)) == [
        ["trial", "state", "score", "lr", "p"],
        ["0", "finished", "0.5", "0.1", "0.3"],
        ["1", "finished", "0.4", "0.2", "0.4"],
        ["too", "wide", "for", "the", "terminal:", "took,", "epochs"],
    ]
    monkeypatch.setattr(trial_table.output, "width", lambda: 30)
    assert shown(Overview(sweep.folder))[0] == ["trial", "score", "lr", "p"]


def test_a_short_table_says_how_many_are_left_out(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_table, "_NUM_SHOWN", 2)
    table = shown(make(), is_everything=False)
    assert [line[0] for line in table] == ["trial", "4", "5", "…"]
    assert " ".join(table[-1]).startswith("… 5 more: `lighter sweeps show digits-3fa9 --all`")


def test_a_sweep_is_found_by_a_part_of_its_name(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("digits-3fa9", "digits", "other-3fa0"):
        make(name)
    monkeypatch.chdir(tmp_path)
    assert find_sweep("digits").name == "digits"
    assert find_sweep("other").name == "other-3fa0"
    assert find_sweep("last").name == "other-3fa0"
    with pytest.raises(SourceError, match="'3fa' matches the names of 2 sweeps"):
        find_sweep("3fa")
    with pytest.raises(SourceError, match="unknown sweep 'othre'"):
        find_sweep("othre")
