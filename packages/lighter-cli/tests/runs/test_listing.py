"""Runs are listed without reading the record of each, and a list says the same as the records."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.app import app
from lighter_cli.completion import candidates
from lighter_cli.runs import index, listing
from lighter_cli.runs.index import INDEX, name_of
from lighter_cli.runs.listing import SUMMARIES, ListedRun, listed_runs, recorded_folders
from lighter_cli.runs.record import read_records
from lighter_config import RECORD_FILE

Command = Callable[..., subprocess.CompletedProcess[str]]

# all runs of a test save to one folder
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

NUM_COPIES = 3


@pytest.fixture
def ids(system_config: str) -> list[str]:
    """Two real runs."""
    for max_epochs in (1, 2):
        Runner().run("fit", [system_config, f"trainer::max_epochs={max_epochs}"])
    return [record.folder.name for record in read_records(Path())]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the records that are read, in order; summaries are read from the first run on."""
    names: list[str] = []
    real = listing.record_or_warning

    def reading(folder: str) -> object:
        names.append(Path(folder).name)
        return real(folder)

    monkeypatch.setattr(listing, "record_or_warning", reading)
    monkeypatch.setattr(listing, "_NUM_READ", 0)
    return names


def names() -> list[str]:
    """The runs of the working directory, oldest first."""
    return [run.name for run in listed_runs(Path.cwd())][::-1]


def change(run: str, **fields: object) -> None:
    file = Path("lighter_runs") / run / RECORD_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def shown(run: ListedRun) -> tuple[object, ...]:
    return run.stage, run.status, run.start, run.end, list(run.words), list(run.files)


def recorded() -> list[tuple[object, ...]]:
    """What the records themselves say, newest first."""
    return [
        (content["stage"], record.status, content["start"], content["end"], content["words"], content["files"])
        for record in read_records(Path.cwd())[::-1]
        for content in (record.content,)
    ]


def copy_run(run: str, name: str) -> str:
    shutil.copytree(Path("lighter_runs") / run, Path("lighter_runs") / name)
    with INDEX.open("a") as file:
        file.write(json.dumps({"folder": str(Path("lighter_runs").resolve() / name), "stage": "fit"}) + "\n")
    return name


def test_ended_runs_are_listed_without_reading_their_records(ids: list[str], read: list[str]) -> None:
    listed = list(listed_runs(Path.cwd()))
    assert read == []
    assert [run.name for run in listed] == ids[::-1]
    assert [shown(run) for run in listed] == recorded()
    assert listed[0].words == ["config.yaml", "trainer::max_epochs=2"]
    record = listed[0].record()
    assert record is not None
    assert record.content["metrics"]


def test_only_records_that_changed_are_read(ids: list[str], read: list[str]) -> None:
    change(ids[0], words=["edited"])
    assert [run.words for run in listed_runs(Path.cwd())][1] == ["edited"]
    assert read == [ids[0]]
    read.clear()
    assert [run.words for run in listed_runs(Path.cwd())][1] == ["edited"]
    assert read == []


def test_a_change_of_the_same_size_and_time_is_seen(ids: list[str], read: list[str]) -> None:
    file = Path("lighter_runs") / ids[0] / RECORD_FILE
    before = file.stat()
    file.write_text(file.read_text().replace('"finished"', '"failed"  '))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert [run.status for run in listed_runs(Path.cwd())] == ["finished", "failed"]


def test_lines_of_an_earlier_version_are_read_once(ids: list[str], read: list[str]) -> None:
    SUMMARIES.unlink()  # the list of runs itself has not changed
    assert names() == ids
    assert read == ids[::-1]
    read.clear()
    assert names() == ids
    assert read == []


def test_only_as_many_records_are_read_as_are_wanted(
    ids: list[str], read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_NUM_READ", 64)
    newest = [copy_run(ids[1], f"20990101-00000{number}-abcdef") for number in range(NUM_COPIES)]
    assert next(listed_runs(Path.cwd())).name == newest[-1]
    assert read == newest[-1:]
    read.clear()
    assert [run.name for run in listed_runs(Path.cwd(), [str(Path("lighter_runs") / ids[0])])] == ids[:1]
    assert read == ids[:1]


@pytest.mark.parametrize("content", [b"", b"\xff\x00\n", b"[" * 100_000, b"[]\nnull\n1\n{}\n"])
def test_damaged_summaries_are_replaced_by_what_the_records_say(
    ids: list[str], read: list[str], content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    SUMMARIES.write_bytes(content + SUMMARIES.read_bytes().splitlines()[1] + b"\n")
    caplog.clear()
    expected = recorded()
    for _ in range(2):
        assert [shown(run) for run in listed_runs(Path.cwd())] == expected
    assert ids[0] in read
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage", 1),
        ("recorded_status", []),
        ("start", "yesterday"),
        ("end", 1),
        ("words", [[]]),
        ("files", None),
        ("process", {"host": 1}),
        ("version", 1),
    ],
)
def test_a_summary_with_a_wrong_field_is_not_used(ids: list[str], read: list[str], name: str, value: object) -> None:
    first, second = SUMMARIES.read_text().splitlines()
    fields = dict(zip(ListedRun._fields, json.loads(first), strict=True))
    SUMMARIES.write_text(json.dumps([*{**fields, name: value}.values()]) + f"\n{second}\n")
    assert [shown(run) for run in listed_runs(Path.cwd())] == recorded()
    assert read == ids[:1]


@pytest.mark.parametrize("change_fields", [lambda fields: fields[:-1], lambda fields: [*fields, 1], lambda _: {}])
def test_a_summary_of_another_version_is_not_used(
    ids: list[str], read: list[str], change_fields: Callable[[list[object]], object]
) -> None:
    first, second = SUMMARIES.read_text().splitlines()
    SUMMARIES.write_text(json.dumps(change_fields(json.loads(first))) + f"\n{second}\n")
    assert names() == ids
    assert read == ids[:1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_special_files_and_links_in_place_of_the_summaries_are_left_alone(ids: list[str], read: list[str]) -> None:
    SUMMARIES.unlink()
    os.mkfifo(SUMMARIES)
    assert names() == ids
    SUMMARIES.unlink()
    target = Path("target")
    target.write_text("mine\n")
    SUMMARIES.symlink_to(target.resolve())
    assert names() == ids
    assert target.read_text() == "mine\n"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only here")
def test_runs_of_a_read_only_folder_are_listed(ids: list[str], read: list[str]) -> None:
    SUMMARIES.unlink()
    INDEX.parent.chmod(0o500)
    try:
        assert names() == ids
    finally:
        INDEX.parent.chmod(0o700)
    assert not SUMMARIES.exists()


def test_summaries_that_grow_are_written_anew(ids: list[str], read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        change(ids[0], words=[str(number)])
        assert [run.words for run in listed_runs(Path.cwd())][1] == [str(number)]
    assert len(SUMMARIES.read_text().splitlines()) <= 2 * len(ids) + 1
    assert names() == ids


def test_a_run_that_was_killed_is_lost_though_its_record_did_not_change(ids: list[str], read: list[str]) -> None:
    process = json.loads((Path("lighter_runs") / ids[0] / RECORD_FILE).read_text())["process"]
    change(ids[0], status="running", end=None, process={**process, "created": 0.0})
    change(ids[1], status="running", end=None)  # its process is this one
    for _ in range(2):
        assert [run.status for run in listed_runs(Path.cwd())] == ["running", "lost"]
    assert read == ids[::-1]


def test_a_removed_record_is_passed_over(ids: list[str], read: list[str]) -> None:
    (Path("lighter_runs") / ids[1] / RECORD_FILE).unlink()
    assert names() == ids[:1]
    assert list(map(name_of, recorded_folders(Path.cwd()))) == ids[:1]
    shutil.move(Path("lighter_runs") / ids[0], "elsewhere")
    assert names() == []
    assert candidates(app, ["runs", "show", ""], 2) == ["last "]


def test_a_missing_list_is_written_again_from_a_search(
    ids: list[str], read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(INDEX.parent)
    assert names() == ids
    assert f"the list of runs {INDEX} is missing: a search found 2 runs" in caplog.text
    caplog.clear()
    assert names() == ids
    assert "missing" not in caplog.text
    assert [Path(json.loads(line)["folder"]).name for line in INDEX.read_text().splitlines()] == ids


def test_a_run_enters_a_missing_list_behind_the_earlier_runs(ids: list[str], system_config: str) -> None:
    shutil.rmtree(INDEX.parent)
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    assert names()[:-1] == ids
    assert len(INDEX.read_text().splitlines()) == len(ids) + 1


def test_a_list_without_an_undamaged_line_gives_way_to_a_search(
    ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    INDEX.write_text(INDEX.read_text()[:20])
    assert names() == ids
    assert caplog.text.count("is damaged and is skipped") == 1


def test_the_search_is_bounded_and_leaves_out_other_lists(
    ids: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(INDEX.parent)
    shutil.move("lighter_runs", "a/b/lighter_runs")
    for folder in ("a/b/c/d/lighter_runs", "other/lighter_runs", ".hidden/lighter_runs"):
        shutil.copytree("a/b/lighter_runs", folder)
    (Path("other") / INDEX).parent.mkdir()
    (Path("other") / INDEX).write_text("")
    Path("a/loop").symlink_to(Path.cwd())
    monkeypatch.setattr(index, "_write", lambda *_: None)
    assert names() == ids
    assert "the search for runs ended" not in caplog.text
    monkeypatch.setattr(index, "_MAX_ENTRIES", 2)
    assert names() == []
    assert "the search for runs ended after 2 files and folders" in caplog.text


def test_a_line_that_is_just_being_written_is_read_again(
    ids: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = INDEX.read_text()
    INDEX.write_text(whole[:-20])
    monkeypatch.setattr(index.time, "sleep", lambda _: INDEX.write_text(whole))
    assert names() == ids
    assert "damaged" not in caplog.text


def test_processes_that_list_and_enter_runs_at_once_lose_none(ids: list[str]) -> None:
    SUMMARIES.unlink()
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lighter_cli.runs import index, listing\n"
        "listing._NUM_READ = 0\n"
        "for number in range(50):\n"
        "    folder = Path.cwd() / f'{sys.argv[1]}-{number}'\n"
        "    index.enter(folder, 'fit')\n"
        "    assert len(list(listing.listed_runs(Path.cwd()))) == 2\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(number)], stderr=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    for process in processes:
        assert process.communicate()[1] == ""
        assert process.returncode == 0
    assert INDEX.read_text().count('"stage"') == len(ids) + 100
    assert names() == ids


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lighter_cli.terminal.output.is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("lighter_cli.commands.runs.list._NUM_ON_TERMINAL", 2)


@pytest.mark.usefixtures("on_terminal")
def test_a_terminal_shows_the_newest_runs_and_says_how_many_there_are(in_process: Command, ids: list[str]) -> None:
    assert ids[0] in in_process("runs", "list").stdout
    newest = [copy_run(ids[1], f"20990101-00000{number}-abcdef") for number in range(NUM_COPIES)]
    note, *lines = in_process("runs", "list").stdout.splitlines()
    assert note == "2 of 5 runs; `lighter runs list --all` shows all"
    assert [name for line in lines for name in newest if line.startswith(name)] == newest[1:]
    every = in_process("runs", "list", "--all").stdout
    assert all(name in every for name in [*ids, *newest])
    assert "of 5 runs" not in every
    assert len(json.loads(in_process("runs", "list", "--json").stdout)) == len([*ids, *newest])


def test_output_that_is_no_terminal_has_every_run(
    in_process: Command, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lighter_cli.commands.runs.list._NUM_ON_TERMINAL", 1)
    assert [line.split()[0] for line in in_process("runs", "list").stdout.splitlines()[1:]] == ids


def test_summaries_are_read_in_parts(ids: list[str], read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_CHUNK_BYTES", 1)  # each line is a part
    first, second = SUMMARIES.read_text().splitlines()
    SUMMARIES.write_text(f"{first}\ndamaged\n\n{second}\n")
    listed = list(listed_runs(Path.cwd()))
    assert [shown(run) for run in listed] == recorded()
    assert read == []
    assert listed[0].files is listed[1].files  # 10,000 runs of one config need no 10,000 lists of its files
