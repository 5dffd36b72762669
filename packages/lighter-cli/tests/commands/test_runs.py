"""``lighter runs``: what earlier runs recorded."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.app import app
from lighter_cli.completion import candidates
from lighter_cli.running.start_checkpoint import start_checkpoint
from lighter_cli.runs.index import INDEX
from lighter_cli.runs.record import read_records
from lighter_config import RECORD_FILE, Stage, load, parse_sources
from lighter_config.sources.recorded_places import RECORDED_PLACES

Command = Callable[..., subprocess.CompletedProcess[str]]

# both runs of a test save to one folder
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


@pytest.fixture
def ids(system_config: str) -> list[str]:
    """Two runs that differ in one override."""
    for max_epochs in (1, 2):
        words = [system_config, f"trainer::max_epochs={max_epochs}"]
        Runner().run("fit", parse_sources(words, from_command_line=True))
    return [record.folder.name for record in read_records(Path())]


def _change(run: str, **fields: object) -> None:
    file = Path("lighter_runs") / run / RECORD_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_the_list_has_one_line_a_run_newest_last(in_process: Command, ids: list[str]) -> None:
    _change(ids[0], start="2026-01-01T00:00:00+00:00", end="2026-01-01T00:00:00.5+00:00")
    _change(ids[1], start="2026-01-01T00:00:00+00:00", end="2026-01-01T01:02:03+00:00")
    lines = in_process("runs", "list").stdout.splitlines()
    assert lines[0].split() == [
        "id", "stage", "status", "start", "took", "val/loss/epoch", "val/metrics/Accuracy/epoch", "train/loss/epoch",
        "trainer::max_epochs",
    ]  # fmt: skip
    assert [line.split()[:3] for line in lines[1:]] == [[run, "fit", "finished"] for run in ids]
    assert ["0.5 s" in lines[1], "62 min 3 s" in lines[2]] == [True, True]
    assert [line.split()[-1] for line in lines[1:]] == ["1", "2"]
    assert [run["id"] for run in json.loads(in_process("runs", "list", "--json").stdout)] == ids


def test_a_run_whose_process_is_gone_is_listed_as_lost(in_process: Command, ids: list[str]) -> None:
    process = json.loads((Path("lighter_runs") / ids[1] / RECORD_FILE).read_text())["process"]
    _change(ids[1], status="running", end=None, process={**process, "created": 0.0})
    assert in_process("runs", "list", "--columns", "id,status,took").stdout.splitlines()[2].split() == [ids[1], "lost"]
    assert json.loads(in_process("runs", "show", ids[1], "--json").stdout)["status"] == "lost"
    assert "took" not in in_process("runs", "show", ids[1]).stdout


def test_a_folder_without_runs_says_so(in_process: Command) -> None:
    done = in_process("runs", "list")
    assert (done.returncode, done.stdout) == (0, "no run was started in this folder\n")
    assert json.loads(in_process("runs", "list", "--json").stdout) == []


def test_a_run_is_shown_by_id_part_of_it_folder_or_as_the_last(in_process: Command, ids: list[str]) -> None:
    shown = in_process("runs", "show", ids[1]).stdout
    assert shown.startswith(f"{ids[1]}\n  stage          fit\n  status         finished\n")
    assert f"  to run again   lighter fit lighter_runs/{ids[1]}/config.yaml\n" in shown
    assert "  words          config.yaml trainer::max_epochs=2\n" in shown
    assert "val/metrics/Accuracy/epoch" in shown
    assert "  best         checkpoints/" in shown
    for name in (ids[1].rpartition("-")[2], f"lighter_runs/{ids[1]}", "last"):
        assert in_process("runs", "show", name).stdout == shown


def test_a_failed_run_shows_its_error(in_process: Command, ids: list[str]) -> None:
    _change(ids[0], status="failed", error="ValueError: no [/data] 100%")
    assert "  error          ValueError: no [/data] 100%\n" in in_process("runs", "show", ids[0]).stdout


def test_two_runs_differ_in_words_results_versions_and_config(in_process: Command, ids: list[str]) -> None:
    for run, version in zip(ids, ("2.6.0", "2.6.1"), strict=True):
        _change(run, versions={"pytorch-lightning": version}, metrics={"val/loss/epoch": 0.5})
    done = in_process("runs", "diff", *ids)
    assert (
        done.stdout
        == f"""\
--- {ids[0]} (fit, finished)
+++ {ids[1]} (fit, finished)

versions::pytorch-lightning
  - 2.6.0
  + 2.6.1

words
  - config.yaml trainer::max_epochs=1
  + config.yaml trainer::max_epochs=2

config

trainer::max_epochs
  - 1   command line, word 2
  + 2   command line, word 2
"""
    )
    shown = json.loads(in_process("runs", "diff", *ids, "--json").stdout)
    assert [one["path"] for one in shown["record"]] == ["versions::pytorch-lightning", "words"]
    assert [one["path"] for one in shown["config"]] == ["trainer::max_epochs"]


def test_runs_without_the_file_of_places_still_differ(in_process: Command, ids: list[str]) -> None:
    (Path("lighter_runs") / ids[0] / "provenance.json").unlink()
    shown = in_process("runs", "diff", *ids).stdout
    assert "trainer::max_epochs\n  - 1\n  + 2   command line, word 2\n" in shown


@pytest.mark.parametrize("content", ["{", "[]", '{"trainer::max_epochs": 5}'])
def test_runs_with_a_damaged_file_of_places_still_differ(in_process: Command, ids: list[str], content: str) -> None:
    (Path("lighter_runs") / ids[0] / "provenance.json").write_text(content)
    shown = in_process("runs", "diff", *ids).stdout
    assert "trainer::max_epochs\n  - 1\n  + 2   command line, word 2\n" in shown


def test_a_run_that_does_not_exist_is_an_error(in_process: Command, ids: list[str]) -> None:
    done = in_process("runs", "show", "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == """\
error: unknown run 'nothing'
  expected           a name, an id, a part of one, 'last', or the folder of a run
  to fix             list them with `lighter runs list`
"""
    )
    nearest = in_process("runs", "diff", ids[0], f"{ids[1]}x").stderr.splitlines()[2]
    assert nearest.startswith(f"  nearest            {ids[1]}")


def test_a_part_of_several_ids_is_an_error_that_names_them(in_process: Command, ids: list[str]) -> None:
    assert (
        in_process("runs", "show", "20").stderr
        == f"""\
error: '20' matches the ids of 2 runs
  nearest            {ids[0]}, {ids[1]}
  to fix             give more of the id
"""
    )


def with_field(name: str, value: str) -> Callable[[Path], object]:
    """Write a value into a record as JSON."""

    def damage(folder: Path) -> object:
        file = folder / RECORD_FILE
        content = json.dumps({**json.loads(file.read_text()), name: "VALUE"})
        return file.write_text(content.replace('"VALUE"', value))

    return damage


def replaced_by_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


FIELDS = {
    "status": ("null", "[]", "{}", '"ended"'),
    "start": ("null", '"yesterday"', '"2024-01-01T00:00:00"', '"0001-01-01T00:00:00+00:00"', "1"),
    "end": ('"tomorrow"', "[]"),
    "process": ("{}", "null", '{"host": 1, "pid": -1, "created": 0}', '{"host": "a", "pid": 1e400, "created": 0}'),
    "words": ("null", "[1]", '"fit"'),
    "files": ("null", "[null]", '["\\u0000"]', '["\\ud800"]'),
    "git": ("[]", "{}", '{"commit": null, "dirty": 1}'),
    "devices": ("{}", "null"),
    "checkpoints": ("null", '{"last": []}', '{"best": "\\u0000"}', '{"last_step": "1"}'),
    "checkpoint_folders": ("null", '["\\u0000"]'),
    "progress": ("{}", "1"),
    "options": ("null", '{"ckpt_path": 1}'),
    "metrics": ("null",),
    "versions": ("[]",),
    "id": ("null",),
    "seed": ('"1"',),
    "restored_values": ("{}", "[1]", '[{"path": null, "place": null, "owner": "SGD", "name": 1}]'),
    "parameter_groups": ("{}", "[1]", '[{"name": "head", "num_tensors": "2"}]'),
    "error": ("[]",),
    "format": ('"1"', "null", "0"),
    "name": ("null", "[]"),
    "tags": ('"a"', "[1]"),
    "note": ("1",),
    "monitor": ("{}", '"val/loss"'),
    "values": ("[]",),
}

DAMAGES: dict[str, Callable[[Path], object]] = {
    "a record that is nested deep": lambda folder: (folder / RECORD_FILE).write_text("[" * 200_000),
    "a line that is nested deep": lambda _: INDEX.write_text("[" * 200_000 + "\n" + INDEX.read_text().splitlines()[1]),
    "a record that broke off": lambda folder: (folder / RECORD_FILE).write_text("{"),
    "a record without fields": lambda folder: (folder / RECORD_FILE).write_text('{"stage": "fit"}'),
    "a record that is no mapping": lambda folder: (folder / RECORD_FILE).write_text("[]"),
    "a line that broke off": lambda _: INDEX.write_text(INDEX.read_text().replace('"}', "", 1)),
    "a line that is no mapping": lambda _: INDEX.write_text("[]\n" + INDEX.read_text().splitlines()[1]),
    "bytes that are no text": lambda _: INDEX.write_bytes(b"\xff\x00\n" + INDEX.read_bytes().splitlines()[1]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_run_is_passed_over_with_a_warning(
    in_process: Command, ids: list[str], damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    DAMAGES[damage](Path("lighter_runs") / ids[0])
    done = in_process("runs", "list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ids[1:]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "skipped" in warning
    assert start_checkpoint(load(["config.yaml"]), Stage.TEST, option="last") is not None


def test_a_field_of_a_wrong_type_hides_only_its_run(
    in_process: Command, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path("lighter_runs") / ids[0]
    before = (folder / RECORD_FILE).read_text()
    for name, values in FIELDS.items():
        for value in values:
            with_field(name, value)(folder)
            caplog.clear()
            done = in_process("runs", "list")
            assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ids[1:], (name, value)
            (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
            assert warning.startswith(f"a run is skipped: the record '{folder.absolute() / RECORD_FILE}' is damaged: ")
            assert name in warning
            (folder / RECORD_FILE).write_text(before)
    with_field("metrics", "[" * 200_000 + "]" * 200_000)(folder)
    assert start_checkpoint(load(["config.yaml"]), Stage.TEST, option="last") is not None
    assert f"{ids[1]} " in candidates(app, ["runs", "show", ""], 2)


def test_a_record_of_a_newer_version_is_passed_over_with_one_warning(
    in_process: Command, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    _change(ids[0], format=2, status={"is": "another"}, words=None)
    caplog.clear()
    assert [line.split()[0] for line in in_process("runs", "list").stdout.splitlines()[1:]] == ids[1:]
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    file = Path("lighter_runs").absolute() / ids[0] / RECORD_FILE
    assert warning.startswith(f"a run is skipped: the record '{file}' is of a newer version of Lighter, in format 2")


def test_special_files_in_the_place_of_those_of_a_run_are_not_opened(
    in_process: Command, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path("lighter_runs") / ids[0]
    replaced_by_fifo(folder / RECORDED_PLACES)
    assert in_process("runs", "diff", *ids).returncode == 0
    assert caplog.text.count("are damaged and are skipped") == 1
    assert f"the recorded places {folder.absolute() / RECORDED_PLACES} are damaged and are skipped" in caplog.text
    replaced_by_fifo(folder / RECORD_FILE)
    assert [line.split()[0] for line in in_process("runs", "list").stdout.splitlines()[1:]] == ids[1:]
    replaced_by_fifo(INDEX)
    assert [line.split()[0] for line in in_process("runs", "list").stdout.splitlines()[1:]] == ids[1:]  # from a search
    assert f"the list of runs {INDEX} cannot be read and is skipped: not a regular file" in caplog.text


def test_a_damaged_record_that_is_asked_for_is_an_error(in_process: Command, ids: list[str]) -> None:
    (Path("lighter_runs") / ids[0] / RECORD_FILE).write_text("{")
    done = in_process("runs", "show", f"lighter_runs/{ids[0]}")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the record '")


def test_a_run_whose_folder_was_removed_is_passed_over(in_process: Command, ids: list[str]) -> None:
    shutil.rmtree(Path("lighter_runs") / ids[0])
    assert [line.split()[0] for line in in_process("runs", "list").stdout.splitlines()[1:]] == ids[1:]
