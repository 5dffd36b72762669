"""``lighter runs remove`` and ``prune``: what they delete, and what they leave."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lighter_cli import Runner, read_runs
from lighter_cli.runs.index import INDEX
from lighter_cli.runs.labels import change_labels
from lighter_config import RECORD_FILE

sys.path.append(str(Path(__file__).parents[1]))
from terminal_session import TerminalSession

sys.path.pop()

Command = Callable[..., subprocess.CompletedProcess[str]]

METRIC = "val/loss/epoch"
RUNS = Path("lighter_runs")


def change(run: str, **fields: object) -> None:
    file = RUNS / run / RECORD_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def listed() -> list[str]:
    return [run.id for run in read_runs()]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one fit, which has saved checkpoints."""
    folder = tmp_path_factory.mktemp("experiment")
    shutil.copytree(Path(__file__).parents[1] / "experiments", folder, dirs_exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)
    try:
        Runner().run("fit", ["config.yaml", "trainer::max_epochs=1"])
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def run(experiment: Path, tmp_path: Path) -> str:
    """The id of the fit, in the working directory now, as if the folder had been moved."""
    shutil.copytree(experiment, tmp_path, dirs_exist_ok=True)
    (id_,) = listed()
    content = json.loads((RUNS / id_ / RECORD_FILE).read_text().replace(str(experiment), str(tmp_path)))
    (RUNS / id_ / RECORD_FILE).write_text(json.dumps(content))
    return id_


@pytest.fixture
def ids(run: str) -> list[str]:
    """Four runs without checkpoints: the losses are 1, 2, 3, 4, and the last one failed."""
    found = [f"20260101-00000{number}-abcde{number}" for number in range(4)]
    for number, id_ in enumerate(found):
        shutil.copytree(RUNS / run, RUNS / id_)
        metrics = {METRIC: float(number + 1)}
        start = (datetime.now(UTC) - timedelta(days=4 - number)).isoformat()
        folder = str((RUNS / id_).absolute())
        at_best = {"epoch": 0, "step": 1, "metrics": metrics}
        change(id_, id=id_, folder=folder, at_best=at_best, metrics=metrics, start=start, checkpoints={})
    change(found[3], status="failed")
    shutil.rmtree(RUNS / run)
    INDEX.write_text("".join(json.dumps({"folder": f"lighter_runs/{id_}", "stage": "fit"}) + "\n" for id_ in found))
    return found


def test_a_run_is_deleted_with_its_line_and_its_checkpoints_stay(
    in_process: Command, run: str, caplog: pytest.LogCaptureFixture
) -> None:
    saved = sorted(Path("checkpoints").rglob("*.ckpt"))
    size = sum(file.stat().st_size for file in (RUNS / run).iterdir())
    done = in_process("runs", "remove", "last", "--yes")
    assert done.returncode == 0, done.stderr
    *table, last = done.stdout.splitlines()
    assert table[1].startswith(run)
    assert table[-1].startswith("their checkpoints stay")
    assert last == f"removed 1 run, {size / 1024:.1f} KiB"
    assert list(RUNS.iterdir()) == []
    assert sorted(Path("checkpoints").rglob("*.ckpt")) == saved
    assert saved
    assert in_process("runs", "list").stdout == "no run was started in this folder\n"
    assert "gone" not in caplog.text


def test_checkpoints_of_the_run_are_deleted_when_wanted(in_process: Command, run: str) -> None:
    other = Path("checkpoints/other.ckpt")
    other.write_bytes(b"of somebody else")
    outside = Path("outside.ckpt")
    Path("checkpoints/last.ckpt").rename(outside)
    Path("checkpoints/link.ckpt").symlink_to(outside.absolute())
    num_saved = len(list(Path("checkpoints").rglob("*.ckpt"))) - 1
    done = in_process("runs", "remove", run, "--checkpoints", "--yes")
    assert f"removed 1 run and {num_saved} checkpoints, " in done.stdout
    assert list(Path("checkpoints").rglob("*.ckpt")) == [other]
    assert outside.is_file()  # only the link to it is deleted


@pytest.mark.parametrize("command", [("remove",), ("prune", "--status", "interrupted")])
def test_the_best_checkpoint_of_a_run_that_stays_is_kept(
    in_process: Command, run: str, command: tuple[str, ...]
) -> None:
    best = next(file for file in Path("checkpoints").rglob("*.ckpt") if file.name != "last.ckpt")
    resumed = "20260101-000000-abcdef"
    shutil.copytree(RUNS / run, RUNS / resumed)
    # a run that resumed it, and has saved no better checkpoint
    change(resumed, id=resumed, folder=str((RUNS / resumed).absolute()), checkpoints={"best": str(best.absolute())})
    with INDEX.open("a") as lines:
        lines.write(json.dumps({"folder": str(RUNS / resumed), "stage": "fit"}) + "\n")
    change(run, status="interrupted")
    names = (run,) if command == ("remove",) else ()
    done = in_process("runs", *command, *names, "--checkpoints", "--yes")
    assert done.returncode == 0, done.stderr
    assert listed() == [resumed]
    assert list(Path("checkpoints").rglob("*.ckpt")) == [best]
    assert f"kept: 1 checkpoint (first: {best}), the last or best of runs that stay" in done.stdout


def test_a_sharded_checkpoint_is_deleted_as_a_whole(in_process: Command, run: str) -> None:
    folder = Path("checkpoints/sharded.ckpt")
    folder.mkdir()
    (folder / "meta.pt").write_bytes(b"x" * 1000)
    (folder / RECORD_FILE).write_text(json.dumps({"id": run}))
    kept = Path("kept")
    kept.mkdir()
    (kept / "data.bin").write_bytes(b"y")
    (folder / "link").symlink_to(kept.absolute())
    assert in_process("runs", "remove", run, "--checkpoints", "--yes").returncode == 0
    assert not folder.exists()
    assert (kept / "data.bin").exists()


def test_a_copy_leaves_the_checkpoints_of_the_original(in_process: Command, run: str) -> None:
    elsewhere = Path("elsewhere", "lighter_runs", run)
    shutil.copytree(RUNS / run, elsewhere)
    before = sorted(Path("checkpoints").rglob("*.ckpt"))
    assert in_process("runs", "remove", str(elsewhere), "--checkpoints", "--yes").returncode == 0
    assert not elsewhere.exists()
    assert listed() == [run]
    assert sorted(Path("checkpoints").rglob("*.ckpt")) == before


def test_a_running_run_is_refused(in_process: Command, ids: list[str]) -> None:
    process = json.loads((RUNS / ids[0] / RECORD_FILE).read_text())["process"]
    change(ids[0], status="running", end=None, process={**process, "host": "another-host"})
    done = in_process("runs", "remove", ids[1], ids[0], "--yes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: run {ids[0]} is running\n")
    assert "if it has ended on another-host" in done.stderr
    assert listed() == ids  # nothing was deleted, not even the other one


def test_a_folder_with_other_files_is_refused(in_process: Command, ids: list[str]) -> None:
    (RUNS / ids[0] / "figure.png").write_bytes(b"figure")
    done = in_process("runs", "remove", ids[0], "--yes")
    assert done.stderr.startswith(f"error: the folder of run {ids[0]} has other files than a record\n")
    assert "figure.png" in done.stderr
    (RUNS / ids[0] / "figure.png").unlink()
    (RUNS / ids[0] / "code.patch").unlink(missing_ok=True)
    (RUNS / ids[0] / "code.patch").mkdir()
    assert "code.patch" in in_process("runs", "remove", ids[0], "--yes").stderr
    assert listed() == ids


def test_links_are_not_followed(in_process: Command, ids: list[str]) -> None:
    kept = Path("kept.json")
    (RUNS / ids[0] / "epochs.jsonl").replace(kept)
    (RUNS / ids[0] / "epochs.jsonl").symlink_to(kept.absolute())
    assert in_process("runs", "remove", ids[0], "--yes").returncode == 0
    assert kept.is_file()
    (RUNS / ids[1]).rename("moved")
    (RUNS / ids[1]).symlink_to(Path("moved").absolute())
    assert "is not a folder but a link\n" in in_process("runs", "remove", ids[1], "--yes").stderr
    assert Path("moved", RECORD_FILE).is_file()


def test_a_folder_that_is_not_a_record_is_not_a_run(in_process: Command, ids: list[str]) -> None:
    Path("data").mkdir()
    Path("data", "train.csv").write_text("1\n")
    assert "unknown run 'data'\n" in in_process("runs", "remove", "data", "--yes").stderr
    assert Path("data", "train.csv").is_file()


def test_a_run_is_deleted_from_inside_its_folder(
    in_process: Command, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as inside:
        inside.chdir(RUNS / ids[0])
        done = in_process("runs", "remove", ".", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert listed() == ids[1:]


def test_nothing_is_deleted_without_a_yes(in_process: Command, ids: list[str]) -> None:
    done = in_process("runs", "remove", ids[0])
    assert done.returncode == 1
    assert done.stderr.startswith("error: this asks before it deletes, and standard input is not a terminal\n")
    assert "--yes" in done.stderr
    command = [sys.executable, "-m", "lighter_cli", "runs"]
    for answer, code in (("\n", 1), ("n\n", 1), ("\x04", 1), ("\x03", 130), ("y\n", 0)):
        with TerminalSession([*command, "remove", ids[0]]) as session:
            session.wait_for("[y/N]")
            session.type(answer)
            assert session.wait() == code
            assert session.text.endswith("\n")
        assert (ids[0] not in listed()) == (code == 0)


def test_what_a_killed_removal_left_is_not_listed_and_is_finished(
    in_process: Command, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    hidden = RUNS / f".{ids[0]}.removed"
    (RUNS / ids[0]).rename(hidden)
    (hidden / RECORD_FILE).unlink()
    assert listed() == ids[1:]
    assert in_process("runs", "remove", ids[1], "--yes").returncode == 0
    assert sorted(entry.name for entry in RUNS.iterdir()) == ids[2:]
    (RUNS / ids[2]).rename(RUNS / f".{ids[2]}.removed")
    assert in_process("runs", "prune", "--yes").returncode == 0
    assert [entry.name for entry in RUNS.iterdir()] == ids[3:]
    caplog.clear()
    assert listed() == ids[3:]
    assert in_process("runs", "list").returncode == 0
    assert "gone" not in caplog.text


def test_a_hidden_folder_with_other_files_is_left(in_process: Command, ids: list[str]) -> None:
    other = RUNS / ".mine.removed"
    other.mkdir()
    (other / "thesis.tex").write_text("text")
    assert in_process("runs", "remove", ids[0], "--yes").returncode == 0
    assert (other / "thesis.tex").is_file()


def test_a_hidden_name_that_is_taken_is_an_error(in_process: Command, ids: list[str]) -> None:
    other = RUNS / f".{ids[0]}.removed"
    other.mkdir()
    (other / "thesis.tex").write_text("text")
    done = in_process("runs", "remove", ids[0], ids[1], "--yes")
    assert done.stdout.splitlines()[-1].startswith("removed 1 run, ")
    assert done.stderr.startswith(f"error: run {ids[0]} cannot be removed: Directory not empty\n")
    assert listed() == [ids[0], *ids[2:]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(in_process: Command, ids: list[str]) -> None:
    RUNS.chmod(0o500)
    try:
        done = in_process("runs", "remove", ids[0], "--yes")
    finally:
        RUNS.chmod(0o700)
    assert done.stderr.startswith(f"error: run {ids[0]} cannot be removed: Permission denied\n")
    assert listed() == ids


def test_checkpoints_that_cannot_be_deleted_keep_the_record(
    in_process: Command, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: Path) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("lighter_cli.runs.removal._delete_checkpoint", fail)
    done = in_process("runs", "remove", run, "--checkpoints", "--yes")
    assert done.stdout.splitlines()[-1] == "removed 0 runs, 0 bytes"
    assert done.stderr.startswith(f"error: run {run} cannot be removed: Permission denied\n")
    assert listed() == [run]


def test_prune_removes_what_is_selected(in_process: Command, ids: list[str]) -> None:
    shown = in_process("runs", "prune", "--status", "failed", "--dry-run").stdout
    assert [line.split()[0] for line in shown.splitlines()[1:-1]] == ids[3:]
    assert shown.splitlines()[-1].startswith("would remove 1 run, ")
    assert listed() == ids
    assert in_process("runs", "prune", "--status", "failed", "--yes").returncode == 0
    assert listed() == ids[:3]
    assert in_process("runs", "prune", "--before", "60h", "--yes").returncode == 0
    assert listed() == ids[2:3]


def test_prune_keeps_the_best(in_process: Command, ids: list[str]) -> None:
    change(ids[2], at_best={"epoch": 0, "step": 1, "metrics": {METRIC: float("nan")}})
    change(ids[3], at_best=None, metrics={})
    done = in_process("runs", "prune", "--keep", "1", "--yes")
    assert f"kept: 1 run with the best {METRIC} (min)\n" in done.stdout
    assert f"kept: 1 run without {METRIC}; select them without --keep\n" in done.stdout
    assert listed() == [ids[0], ids[3]]


def test_prune_leaves_named_tagged_and_running_runs(in_process: Command, ids: list[str]) -> None:
    process = json.loads((RUNS / ids[0] / RECORD_FILE).read_text())["process"]
    change_labels(RUNS / ids[0], name="baseline")
    change_labels(RUNS / ids[1], tags=["paper"])
    change(ids[2], status="running", end=None, process={**process, "host": "another-host"})
    done = in_process("runs", "prune", "--stage", "fit", "--yes")
    assert "kept: 1 run with the status running\nkept: 2 runs with a name or a tag; --all" in done.stdout
    assert listed() == ids[:3]
    assert in_process("runs", "prune", "--stage", "fit", "--all", "--yes").returncode == 0
    assert listed() == ids[2:3]


def test_prune_takes_runs_that_are_gone_off_the_list(
    in_process: Command, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    for run in ids[:2]:
        shutil.rmtree(RUNS / run)
    assert in_process("runs", "list").returncode == 0
    assert "2 runs were started here" in caplog.text
    done = in_process("runs", "prune", "--dry-run")
    assert done.stdout == (
        f"2 runs of {INDEX} whose folders are gone (first: lighter_runs/{ids[0]})\nwould remove 2 lines of {INDEX}\n"
    )
    assert in_process("runs", "prune", "--yes").returncode == 0
    caplog.clear()
    assert in_process("runs", "list").returncode == 0
    assert "gone" not in caplog.text
    assert listed() == ids[2:]
    assert in_process("runs", "prune").stdout.startswith("nothing to remove: select runs, for example ")


def test_prune_skips_a_folder_with_other_files(
    in_process: Command, ids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    (RUNS / ids[1] / "figure.png").write_bytes(b"figure")
    assert in_process("runs", "prune", "--stage", "fit", "--yes").returncode == 0
    assert "figure.png" in caplog.text
    assert listed() == ids[1:2]


@pytest.mark.parametrize(
    ("options", "message", "rest"),
    [
        (("--keep", "0"), "--keep is 0", "at least 1"),
        (("--metric", METRIC), "--metric and --mode need --keep", "--keep 20"),
        (
            ("--keep", "1", "--metric", "val/los/epoch", "--mode", "min"),
            "no run has a value of 'val/los/epoch'",
            METRIC,
        ),
        (("--status", "finshed"), "unknown status 'finshed'", "finished"),
        (("--before", "long"), "'long' is not a time", "30m"),
    ],
)
def test_wrong_options_are_errors(
    in_process: Command, ids: list[str], options: tuple[str, ...], message: str, rest: str
) -> None:
    done = in_process("runs", "prune", *options, "--yes")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}\n")
    assert rest in done.stderr
    assert listed() == ids
