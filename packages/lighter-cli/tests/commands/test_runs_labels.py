"""Names, tags and notes of runs, and the best run."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner, read_runs
from lighter_cli.runs.labels import LABELS_FILE
from lighter_config import SourceError

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


@pytest.fixture
def ids(system_config: str) -> list[str]:
    """Two runs, the first with a name, a tag and a note."""
    words = [system_config, "trainer::max_epochs=1"]
    Runner().run("fit", words, name="baseline", tags=["draft"], note="the first one")
    Runner().run("fit", [*words, "system::optimizer::lr=1e-6"])
    return [run.id for run in read_runs()]


def test_a_run_has_the_labels_that_it_started_with(in_process: Command, ids: list[str]) -> None:
    run, other = read_runs()
    assert (run.name, run.tags, run.note) == ("baseline", ("draft",), "the first one")
    assert (other.name, other.tags, other.note) == ("", (), "")
    shown = in_process("runs", "show", "baseline").stdout
    assert shown.startswith(ids[0])
    assert "the first one" in shown
    assert "baseline" in in_process("runs", "list").stdout


def test_tags_and_notes_change_and_lists_know_it(in_process: Command, ids: list[str]) -> None:
    assert in_process("runs", "list").returncode == 0
    assert in_process("runs", "tag", "baseline", "+paper", "-draft").stdout == f"run {ids[0]}: paper\n"
    assert in_process("runs", "note", "baseline", "used in table 2").returncode == 0
    run = read_runs()[0]
    assert (run.name, run.tags, run.note) == ("baseline", ("paper",), "used in table 2")
    assert ids[0] in in_process("runs", "list", "--tag", "paper").stdout
    assert in_process("runs", "list", "--tag", "draft").stdout == "no run fulfils these conditions\n"


def test_a_tag_that_is_not_there_cannot_be_removed(in_process: Command, ids: list[str]) -> None:
    assert in_process("runs", "tag", ids[1], "-draft").stderr.startswith("error: the run has no tag 'draft'\n")
    assert in_process("runs", "tag", ids[1], "draft").stderr.startswith("error: 'draft' must start with + or -\n")


@pytest.mark.parametrize("name", ["", "last", "a/b", "a\nb"])
def test_a_name_that_commands_cannot_find_is_refused(name: str, system_config: str) -> None:
    with pytest.raises(SourceError, match="cannot be the name of a run"):
        Runner().run("fit", [system_config], name=name)


def test_the_best_run_is_that_of_the_monitor(in_process: Command, ids: list[str]) -> None:
    losses = {run.id: run.shown_metrics["val/loss/epoch"] for run in read_runs()}
    best, worst = sorted(losses, key=lambda run: losses[run])
    first, _, row = in_process("runs", "best").stdout.splitlines()
    assert first == "the minimum of val/loss/epoch over 2 runs"
    assert row.startswith(best)
    assert worst in in_process("runs", "best", "--mode", "max").stdout
    assert in_process("runs", "best", "--metric", "train/loss/epoch").stderr.startswith(
        "error: no run says whether the smallest or the largest 'train/loss/epoch' is best\n"
    )


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "Expecting property name"), ('{"tags": 1}', "they are not names, tags and notes")]
)
def test_damaged_labels_are_one_warning_for_a_command(
    ids: list[str], in_process: Command, caplog: pytest.LogCaptureFixture, content: str, reason: str
) -> None:
    file = Path("lighter_runs", ids[0], LABELS_FILE).absolute()
    file.write_text(content)
    caplog.clear()
    assert in_process("runs", "best").returncode == 0
    (message,) = (message for message in caplog.messages if "labels" in message)
    assert message.startswith(f"the labels in {file} are damaged and are skipped: {reason}")
