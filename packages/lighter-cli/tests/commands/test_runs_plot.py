"""``lighter runs plot``: curves in the terminal and as files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "reports"))
from made_runs import list_runs_in, write_runs

Command = Callable[..., subprocess.CompletedProcess[str]]

METRIC = "val/loss/epoch"


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two learning rates with three seeds each."""
    folders = write_runs(tmp_path, 6)
    list_runs_in(tmp_path, folders)
    return folders


def test_each_run_has_a_curve(in_process: Command, runs: list[Path]) -> None:
    done = in_process("runs", "plot", METRIC)
    assert done.returncode == 0, done.stderr
    heading, *_, legend = done.stdout.splitlines()
    assert heading == METRIC
    assert legend.startswith("A 000000")
    assert "F 000005" in legend


def test_by_draws_the_mean_for_each_value(in_process: Command, runs: list[Path]) -> None:
    done = in_process("runs", "plot", METRIC, "--by", "vars::lr", "--json")
    curves = json.loads(done.stdout)
    assert [curve["label"] for curve in curves] == ["lr 0.0003 (3 runs)", "lr 0.001 (3 runs)"]
    values = [json.loads((run / "epochs.jsonl").read_text().splitlines()[4])["metrics"][METRIC] for run in runs[:3]]
    assert curves[0]["points"][4] == [4, pytest.approx(sum(values) / 3)]


def test_options_select_runs(in_process: Command, runs: list[Path]) -> None:
    done = in_process("runs", "plot", METRIC, "--where", "vars::lr=0.001", "--csv")
    assert len({line.split(",")[0] for line in done.stdout.splitlines()[1:]}) == 3


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_a_file_can_be_written(in_process: Command, runs: list[Path], ending: str) -> None:
    pytest.importorskip("matplotlib")
    done = in_process("runs", "plot", METRIC, "--by", "vars::lr", "-o", f"plot.{ending}")
    assert done.returncode == 0, done.stderr
    assert Path(f"plot.{ending}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("val/los",), "nearest            val/loss/epoch"),
        ((METRIC, "--by", "vars::lrr"), "nearest            vars::lr"),
        ((METRIC, "-o", "plot.gif"), "unknown format '.gif'"),
        ((METRIC, "nothing"), "unknown run 'nothing'"),
        ((METRIC, "last", "--last", "2"), "runs are named and selected"),
        ((METRIC, "--where", "vars::lr=7"), "no run fulfils these conditions"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(
    in_process: Command, runs: list[Path], words: tuple[str, ...], said: str
) -> None:
    done = in_process("runs", "plot", *words)
    assert done.returncode == 1
    assert said in done.stderr
