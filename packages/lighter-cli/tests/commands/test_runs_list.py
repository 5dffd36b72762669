"""``lighter runs list``: columns, conditions, order and groups."""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lighter_cli import Runner, read_runs
from lighter_cli.runs.ranking import best_first
from lighter_cli.runs.run import scanned
from lighter_cli.runs.selection import fulfilling, parse_condition
from lighter_config import RECORD_FILE, SourceError

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

LR = "system::optimizer::lr"
METRIC = "val/loss/epoch"


def change(run: str, **fields: object) -> None:
    file = Path("lighter_runs") / run / RECORD_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


@pytest.fixture
def ids(system_config: str) -> list[str]:
    """Two learning rates with two seeds each, with metrics that are easy to average."""
    for lr in ("0.1", "1e-2"):
        for seed in (0, 1):
            Runner().run("fit", [system_config, "trainer::max_epochs=1", f"{LR}={lr}", f"seed={seed}"])
    found = [run.id for run in read_runs()]
    for run, value in zip(found, (1.0, 2.0, 5.0, 8.0), strict=True):
        change(run, at_best={"epoch": 1, "step": 1, "metrics": {METRIC: value}})
    return found


def shown(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()[1:]]


def test_the_table_has_the_values_of_the_config_that_differ(in_process: Command, ids: list[str]) -> None:
    heading, *lines = in_process("runs", "list").stdout.splitlines()
    assert heading.split() == ["id", "stage", "status", "start", "took", METRIC, LR, "seed"]
    ends = [line.split()[-3:] for line in lines]
    assert ends == [["1", "0.1", "0"], ["2", "0.1", "1"], ["5", "0.01", "0"], ["8", "0.01", "1"]]


def test_conditions_select_by_config_metric_and_fact(in_process: Command, ids: list[str]) -> None:
    change(ids[3], status="failed")
    for options, expected in {
        ("--where", f"{LR}=1e-1"): ids[:2],
        ("--where", f"{LR}!=0.1"): ids[2:],
        ("--where", f"{METRIC}<5"): ids[:2],
        ("--where", f"{METRIC}>=5", "--where", "seed=0"): ids[2:3],
        ("--status", "failed"): ids[3:],
        ("--status", "failed,finished", "--stage", "fit"): ids,
        ("--stage", "test"): [],
        ("--where", "status=failed"): ids[3:],
    }.items():
        assert shown(in_process("runs", "list", *options)) == expected, options


def test_runs_are_selected_by_age_and_by_date(in_process: Command, ids: list[str]) -> None:
    now = datetime.now(UTC)
    change(ids[0], start=(now - timedelta(days=3)).isoformat())
    assert shown(in_process("runs", "list", "--since", "2d")) == ids[1:]
    assert shown(in_process("runs", "list", "--since", "1w")) == ids
    assert shown(in_process("runs", "list", "--since", f"{now - timedelta(days=1):%Y-%m-%d}")) == ids[1:]


def test_a_column_orders_the_runs_in_both_directions(in_process: Command, ids: list[str]) -> None:
    change(ids[0], at_best={"epoch": 1, "step": 1, "metrics": {METRIC: float("nan")}})
    rising = [ids[1], ids[2], ids[3], ids[0]]
    assert shown(in_process("runs", "list", "--sort", METRIC)) == rising
    falling = [ids[3], ids[2], ids[1], ids[0]]  # what cannot be ordered stays last
    assert shown(in_process("runs", "list", "--sort", f"-{METRIC}")) == falling
    assert shown(in_process("runs", "list", "--sort", METRIC, "--reverse")) == falling
    assert shown(in_process("runs", "list", "--sort", f"-{LR}"))[:2] == ids[:2]


def test_csv_and_json_have_exact_values(in_process: Command, ids: list[str]) -> None:
    columns = ("--columns", f"id,{LR},{METRIC},note")
    rows = list(csv.DictReader(io.StringIO(in_process("runs", "list", "--csv", *columns).stdout)))
    assert rows[2] == {"id": ids[2], LR: "0.01", METRIC: "5.0", "note": ""}
    assert json.loads(in_process("runs", "list", "--json", *columns).stdout)[2] == {
        "id": ids[2], LR: 0.01, METRIC: 5.0, "note": None
    }  # fmt: skip


def test_groups_have_mean_and_deviation_of_the_sample(in_process: Command, ids: list[str]) -> None:
    heading, *lines = in_process("runs", "list", "--over", "seed").stdout.splitlines()
    assert heading.split() == [LR, "n", METRIC]
    # (2 - 1) / sqrt(2) and (8 - 5) / sqrt(2)
    assert [line.split() for line in lines] == [["0.1", "2", "1.5", "±", "0.71"], ["0.01", "2", "6.5", "±", "2.1"]]
    first, _ = json.loads(in_process("runs", "list", "--over", "seed", "--json").stdout)
    assert (first[METRIC], first["n"], first["runs"]) == (1.5, 2, ids[:2])
    assert first[f"{METRIC} deviation"] == pytest.approx(0.5**0.5)
    assert in_process("runs", "list", "--over", f"seed,{LR}").stdout.splitlines()[1].split()[:2] == ["4", "4"]


def test_groups_are_in_the_order_of_their_means(in_process: Command, ids: list[str]) -> None:
    for run, value in zip(ids, (1.0, 9.0, 2.0, 4.0), strict=True):  # means 5 and 3
        change(run, at_best={"epoch": 1, "step": 1, "metrics": {METRIC: value}})
    over = ("runs", "list", "--over", "seed", "--sort")
    assert shown(in_process(*over, METRIC)) == ["0.01", "0.1"]
    assert shown(in_process(*over, f"-{METRIC}")) == ["0.1", "0.01"]
    assert shown(in_process(*over, METRIC, "--reverse")) == ["0.1", "0.01"]
    assert shown(in_process(*over, LR)) == ["0.01", "0.1"]
    change(ids[2], at_best={"epoch": 1, "step": 1, "metrics": {METRIC: float("nan")}})
    for sort in (METRIC, f"-{METRIC}"):
        assert shown(in_process(*over, sort)) == ["0.1", "0.01"], "a mean of nan is last"


def test_groups_of_one_run_say_where_the_runs_differ(in_process: Command, ids: list[str]) -> None:
    assert in_process("runs", "list", "--over", "trainer::max_epochs").stdout.splitlines()[-1] == (
        f"no group has two runs; they differ at {LR}, seed: add a path with --over PATH"
    )


@pytest.mark.parametrize(
    ("options", "message", "nearest"),
    [
        (("--where", "sed=1"), "no run has a column 'sed'", "seed"),
        (("--columns", "val/los/epoch"), "no run has a column 'val/los/epoch'", METRIC),
        (("--sort", "strt"), "no run has a column 'strt'", "start"),
        (("--status", "finshed"), "unknown status 'finshed'", "finished"),
        (("--stage", "tst"), "unknown stage 'tst'", "test"),
        (("--over", "sed"), "no run has 'sed' in its config", "seed"),
        (("--since", "soon"), "'soon' is not a time", ""),
        (("--where", "seed"), "'seed' is not a condition", ""),
        (("--where", "seed<a"), "'seed<a' compares with 'a'", ""),
    ],
)
def test_unknown_names_have_the_nearest(
    in_process: Command, ids: list[str], options: tuple[str, ...], message: str, nearest: str
) -> None:
    done = in_process("runs", "list", *options)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}\n")
    assert nearest in done.stderr


def test_a_list_without_matching_runs_says_so(in_process: Command, ids: list[str]) -> None:
    assert in_process("runs", "list", "--where", "seed=7").stdout == "no run fulfils these conditions\n"


def test_a_record_without_values_is_compared_by_its_config(in_process: Command, ids: list[str]) -> None:
    file = Path("lighter_runs") / ids[0] / RECORD_FILE
    content = json.loads(file.read_text())
    del content["values"]
    file.write_text(json.dumps(content))
    assert shown(in_process("runs", "list", "--where", f"{LR}=0.1")) == ids[:2]


def test_the_best_run_is_shown_with_what_differs_from_the_others(
    in_process: Command, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, heading, row = in_process("runs", "best").stdout.splitlines()
    assert heading.split()[-3:] == [METRIC, LR, "seed"]
    assert (row.split()[0], row.split()[-3:]) == (ids[0], ["1", "0.1", "0"])
    monkeypatch.setattr("lighter_cli.terminal.output.width", lambda: 48)
    narrow = in_process("runs", "best").stdout
    assert max(map(len, narrow.splitlines()[1:])) <= 48
    assert "  seed     0\n" in narrow


def test_records_of_many_runs_are_let_go(ids: list[str]) -> None:
    runs = read_runs()
    found = list(fulfilling([parse_condition(f"{LR}=0.1")], scanned(runs, most=1)))
    assert [run.id for run in found] == ids[:2]
    assert [run._read is None for run in runs] == [False, True, True, True]
    assert best_first(found, METRIC, "max")[0].id == ids[1]
    assert runs[1]._read is None
    assert found[1].values[LR] == 0.1


def test_a_condition_that_no_run_can_answer_is_an_error_with_any_sign(in_process: Command, ids: list[str]) -> None:
    for condition in ("system::optimizer::lrr!=1", "seed=0"):
        done = in_process("runs", "list", "--where", condition, "--where", "val/los>0", "--last", "1")
        assert done.returncode == 1
        assert done.stderr.startswith("error: no run has a column ")


def test_a_narrow_terminal_has_headings_on_several_lines(
    in_process: Command, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lighter_cli.terminal.output.is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    output = in_process("runs", "list").stdout
    assert max(map(len, output.splitlines())) <= 80
    assert "optimizer::" in output
    assert all(run in output for run in ids)
    assert output.splitlines()[-1].startswith("too wide for the terminal: start")


def test_python_reads_the_same_runs(ids: list[str]) -> None:
    runs = read_runs()
    first = runs[0]
    assert [run.id for run in runs] == ids
    assert (first.stage, first.status, first.name, first.tags, first.note) == ("fit", "finished", "", (), "")
    assert first.best_metrics == {METRIC: 1.0}
    assert METRIC in first.metrics
    assert [row["epoch"] for row in first.history] == [0]
    assert first.history[0][METRIC] == first.metrics[METRIC]
    assert (first.config.get(LR), first.monitor) == (0.1, (METRIC, "min"))
    assert first.end is not None
    assert first.took_s == (first.end - first.start).total_seconds()
    assert [run.id for run in runs[1:3]] == ids[1:3]


def test_a_table_of_pandas_has_a_row_a_run(ids: list[str]) -> None:
    pytest.importorskip("pandas")
    table = read_runs().to_pandas()
    assert list(table["id"]) == ids
    assert list(table[METRIC]) == [1.0, 2.0, 5.0, 8.0]
    assert list(table[LR]) == [0.1, 0.1, 0.01, 0.01]


def test_a_notebook_shows_runs_with_their_text_escaped(ids: list[str]) -> None:
    change(ids[0], name="<script>", stage="<b>", metrics={"<i>": 1.0})
    runs = read_runs()
    for html in (runs._repr_html_(), runs[0]._repr_html_()):
        assert "<script>" not in html
        assert "<i>" not in html
        assert "&lt;script&gt;" in html


def test_a_folder_that_is_missing_is_an_error() -> None:
    with pytest.raises(SourceError, match="'nowhere' is not a folder"):
        read_runs("nowhere")
