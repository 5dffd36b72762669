"""``lighter runs compare``: runs side by side."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner, read_runs
from lighter_cli.runs.epochs import EPOCHS_FILE
from lighter_cli.runs.labels import change_labels
from lighter_config import RECORD_FILE

sys.path.append(str(Path(__file__).parents[1]))
from terminal_session import TerminalSession

sys.path.pop()

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

LR = "system::optimizer::lr"
METRIC = "val/loss/epoch"


def change(run: str, **fields: object) -> None:
    file = Path("lighter_runs") / run / RECORD_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def set_curve(run: str, *values: float | str) -> None:
    """Write the epochs of a run, with one metric."""
    line = {"step": 1, "time_s": 1.0, "at": "2026-01-01T00:00:00+00:00"}
    lines = [json.dumps({"epoch": epoch, **line, "metrics": {METRIC: value}}) for epoch, value in enumerate(values)]
    (Path("lighter_runs") / run / EPOCHS_FILE).write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def ids(system_config: str) -> list[str]:
    """Two fits that differ in the learning rate and the number of epochs, with values that are easy to recognize."""
    for lr, max_epochs in (("0.1", 1), ("1e-2", 2)):
        Runner().run("fit", [system_config, f"trainer::max_epochs={max_epochs}", f"{LR}={lr}"])
    found = [run.id for run in read_runs()]
    for run, best, last in zip(found, (1.0, 0.5), (2.0, 0.75), strict=True):
        change(run, at_best={"epoch": 0, "step": 1, "metrics": {METRIC: best}}, metrics={METRIC: last})
    set_curve(found[0], 1.0)
    set_curve(found[1], 0.5, 0.75)
    return found


def test_the_table_has_what_differs_and_the_metrics(in_process: Command, ids: list[str]) -> None:
    change(ids[1], start="2026-01-01T00:00:00+00:00", end="2026-01-01T01:02:03+00:00", status="failed")
    change(ids[0], start="2026-01-01T00:00:00+00:00", end="2026-01-01T00:00:05+00:00")
    done = in_process("runs", "compare", *ids)
    table, _, plot = done.stdout.partition(f"\n\n{METRIC}\n")
    assert [line.split() for line in table.splitlines()] == [
        ids,
        ["status", "finished", "failed"],
        ["took", "5.0", "s", "62", "min", "3", "s"],
        ["epochs", "1", "2"],
        [],
        ["config"],
        ["trainer::max_epochs", "1", "2"],
        [LR, "0.1", "0.01"],
        [],
        ["metrics", "at", "the", "best", "checkpoint"],
        ["epoch", "0", "0"],
        [METRIC, "1", "0.5"],
        [],
        ["metrics", "at", "the", "end"],
        [METRIC, "2", "0.75"],
    ]
    first, second = (run.rpartition("-")[2] for run in ids)
    assert plot.splitlines()[0] == "  1 |A"
    assert plot.splitlines()[-1] == f"A {first}   B {second}"


def test_the_order_is_the_given_one_and_a_run_counts_once(in_process: Command, ids: list[str]) -> None:
    heading = in_process("runs", "compare", ids[1], "last", ids[0]).stdout.splitlines()[0]
    assert heading.split() == [ids[1], ids[0]]
    assert in_process("runs", "compare", "last", ids[1]).stderr.startswith("error: one run given\n")


def test_runs_can_be_selected(in_process: Command, ids: list[str]) -> None:
    for options in (("--last", "2"), ("--where", f"{LR}<1"), ("--status", "finished"), ("--since", "1d")):
        assert in_process("runs", "compare", *options).stdout.splitlines()[0].split() == ids
    assert in_process("runs", "list", "--last", "1").stdout.splitlines()[1].startswith(ids[1])
    assert in_process("runs", "list", "--before", "1h").stdout == "no run fulfils these conditions\n"


def test_csv_and_json_have_exact_values(in_process: Command, ids: list[str]) -> None:
    set_curve(ids[1], 0.5, "NaN")
    rows = list(csv.reader(io.StringIO(in_process("runs", "compare", *ids, "--csv").stdout)))
    assert rows[0] == ["section", "name", *ids]
    assert ["config", LR, "0.1", "0.01"] in rows
    assert ["at_best", METRIC, "1.0", "0.5"] in rows
    assert ["metrics", METRIC, "2.0", "0.75"] in rows
    first, second = json.loads(in_process("runs", "compare", *ids, "--json").stdout)
    assert (first["id"], first["config"]) == (ids[0], {"trainer::max_epochs": 1, LR: 0.1})
    assert (first["at_best"], first["metrics"]) == ({"epoch": 0, METRIC: 1.0}, {METRIC: 2.0})
    assert second["curves"] == {METRIC: [[0, 0.5], [1, ".nan"]]}


def test_names_of_runs_are_in_the_table_and_in_the_legend(in_process: Command, ids: list[str]) -> None:
    change_labels(Path("lighter_runs", ids[0]), name="baseline", tags=["paper"])
    done = in_process("runs", "compare", "baseline", ids[1])
    assert done.stdout.splitlines()[1].split() == ["name", "baseline"]
    assert done.stdout.splitlines()[-1] == f"A baseline   B {ids[1].rpartition('-')[2]}"


def test_a_metric_that_is_asked_for_is_compared_alone(in_process: Command, ids: list[str]) -> None:
    change(ids[0], metrics={METRIC: 2.0, "test/acc": 0.5})
    output = in_process("runs", "compare", *ids, "--metric", "test/acc").stdout
    assert METRIC not in output
    assert output.endswith("test/acc\nno epoch logged it: no curve\n")


def test_runs_of_one_epoch_have_no_curve(in_process: Command, ids: list[str]) -> None:
    set_curve(ids[1], 3.0)
    assert in_process("runs", "compare", *ids).stdout.endswith("only one epoch logged it: no curve\n")


def test_a_curve_without_a_finite_value_says_so(in_process: Command, ids: list[str]) -> None:
    set_curve(ids[1], "NaN", "Infinity")
    lines = in_process("runs", "compare", *ids).stdout.splitlines()
    assert lines[-1].endswith("(nan at epoch 0 and 1 more)")
    assert lines[-2] == METRIC


def test_without_a_monitor_the_losses_have_curves(in_process: Command, ids: list[str]) -> None:
    for run in ids:
        file = Path("lighter_runs") / run / RECORD_FILE
        content = json.loads(file.read_text())
        del content["monitor"]
        file.write_text(json.dumps(content))
    assert f"\n\n{METRIC}\n" in in_process("runs", "compare", *ids).stdout


@pytest.mark.parametrize(
    ("words", "message", "rest"),
    [
        ((), "no run given", "lighter runs compare --last 5"),
        (("last",), "one run given", "two runs or more"),
        (("last", "--last", "2"), "runs are named and selected", "not both"),
        (("--tag", "x"), "no run fulfils these conditions", "two runs or more"),
        (("--last", "0"), "--last is 0", "at least 1"),
        (("--last", "2", "--metric", "val/los/epoch"), "no run has a metric 'val/los/epoch'", METRIC),
        (("last", "nope"), "unknown run 'nope'", "lighter runs list"),
    ],
)
def test_what_cannot_be_compared_is_an_error(
    in_process: Command, ids: list[str], words: tuple[str, ...], message: str, rest: str
) -> None:
    done = in_process("runs", "compare", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {message}\n")
    assert rest in done.stderr


def test_more_runs_than_letters_do_not_fit(in_process: Command, ids: list[str]) -> None:
    record = json.loads(Path("lighter_runs", ids[0], RECORD_FILE).read_text())
    for number in range(60):
        folder = Path("lighter_runs", f"copy-{number}")
        folder.mkdir()
        (folder / RECORD_FILE).write_text(json.dumps(record))
    Path(".lighter/runs.jsonl").unlink()
    assert "62 runs do not fit side by side\n" in in_process("runs", "compare", "--since", "1d").stderr


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_terminal_gets_tables_of_its_width_in_colour(ids: list[str], columns: int) -> None:
    command = [sys.executable, "-m", "lighter_cli", "runs", "compare", *ids]
    with TerminalSession(command, columns=columns) as session:
        assert session.wait() == 0
    lines = session.text.splitlines()
    assert max(map(len, lines)) <= columns
    assert sum(line.startswith("status") for line in lines) == (2 if columns == 40 else 1)
    assert "━━" in lines[-1]
    assert "\x1b[1;32m" in session.seen  # the best value of the metric that is monitored


def test_names_of_rows_and_runs_are_shown_once_and_not_cut_where_there_is_room(
    in_process: Command, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, run in zip("ab", ids, strict=True):
        record = Path("lighter_runs", run, RECORD_FILE)
        content = json.loads(record.read_text())
        metrics = {"val/metrics/MulticlassAccuracy/epoch": 0.5, "val/metrics/MulticlassCalibrationError/epoch": 0.5}
        record.write_text(json.dumps({**content, "name": name, "metrics": metrics}))
    monkeypatch.setattr("lighter_cli.terminal.output.width", lambda: 80)
    wide = in_process("runs", "compare", *ids).stdout
    assert "\nval/metrics/MulticlassAccuracy/epoch  " in wide
    assert "\n…etrics/MulticlassCalibrationError/epoch  " in wide  # a cell has 40 characters at most
    assert "\nname " not in wide
    monkeypatch.setattr("lighter_cli.terminal.output.width", lambda: 54)
    assert "\n…etrics/MulticlassAccuracy/epoch " in in_process("runs", "compare", *ids).stdout
    monkeypatch.setattr("lighter_cli.terminal.output.width", lambda: None)
    assert "\nname " in in_process("runs", "compare", *ids).stdout


def test_a_terminal_without_colour_has_letters(ids: list[str]) -> None:
    command = [sys.executable, "-m", "lighter_cli", "runs", "compare", *ids]
    for variables in ({"NO_COLOR": "1"}, {"PYTHONIOENCODING": "ascii"}):
        with TerminalSession(command, columns=80, **variables) as session:
            assert session.wait() == 0
        assert "\nA " in session.text
        assert session.text.isascii()
