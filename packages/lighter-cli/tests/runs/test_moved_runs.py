"""A project, its outputs or single records are moved and copied, and their runs are still found and used."""

import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from lighter_cli import Runner, load_experiment, load_network, read_runs
from lighter_cli.runs import index
from lighter_cli.runs.index import INDEX, name_of
from lighter_cli.runs.listing import SUMMARIES, listed_runs, recorded_folders
from lighter_cli.runs.record import Record, read_record, read_records
from lighter_config import RECORD_FILE

Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
]

LAST = Path("checkpoints") / "last.ckpt"
RUNS = Path("lighter_runs")
FIRST_IS_BEST = "trainer::callbacks::0::mode=max"  # of a loss that falls


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one run, which is the working directory."""
    folder = tmp_path / "first" / "project"
    shutil.copytree(Path(__file__).parents[1] / "experiments", folder)
    monkeypatch.chdir(folder)
    fit(1)
    return folder


def fit(max_epochs: int, *words: str, **options: object) -> Record:
    Runner().run("fit", ["config.yaml", f"trainer::max_epochs={max_epochs}", *words], **options)
    return read_records(Path.cwd())[-1]


def moved(project: Path, to: Path) -> Path:
    """Move a project and make it the working directory again."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(project, to)
    os.chdir(to)
    return to


def copied(project: Path, to: Path) -> Path:
    """Copy a project as ``cp -r`` does, with new times of the files, and make it the working directory."""
    shutil.copytree(project, to, copy_function=shutil.copyfile)
    os.chdir(to)
    return to


def content_of(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def names() -> list[str]:
    return [run.name for run in listed_runs(Path.cwd())][::-1]


def used(record: Record) -> Path:
    """The checkpoint that a run started from."""
    return Path(record.content["options"]["ckpt_path"])


def change(folder: Path, /, **fields: object) -> None:
    file = folder / RECORD_FILE
    content = {**json.loads(file.read_text()), **fields}
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not ...}))


@pytest.mark.parametrize("place", ["second/project", "at/another/depth/renamed"])
def test_fit_in_a_moved_project_continues_its_last_run(project: Path, tmp_path: Path, place: str) -> None:
    (before,) = read_records(Path.cwd())
    here = moved(project, tmp_path / place)
    after = fit(2, ckpt_path="last")
    assert names() == [before.id, after.id]
    assert used(after) == here / LAST
    assert after.content["progress"]["step"] == 2 * before.content["progress"]["step"]
    assert after.content["checkpoints"]["last"] == str(here / LAST)
    assert Path(after.content["checkpoints"]["best"]).parent == here / "checkpoints"
    assert not project.exists()


def test_a_moved_project_is_listed_without_reading_records(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [Path.cwd() / folder for folder in recorded_folders(Path.cwd())]
    moved(project, tmp_path / "second")
    monkeypatch.setattr("lighter_cli.runs.listing._NUM_READ", 0)
    monkeypatch.setattr("lighter_cli.runs.listing.record_or_warning", None)
    (run,) = listed_runs(Path.cwd())
    assert (run.folder, run.name) == (str(Path.cwd() / RUNS / expected[0].name), expected[0].name)
    assert run.is_of((str(Path("config.yaml").resolve()),), str(Path.cwd()))
    assert not run.is_of((str(Path("module.yaml").resolve()),), str(Path.cwd()))


@pytest.mark.parametrize("move", [moved, copied])
def test_a_run_given_as_input_uses_the_checkpoint_beside_it(
    project: Path, tmp_path: Path, move: Callable[[Path, Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = move(project, tmp_path / "second" / "project")
    if project.exists():  # the original has other weights by now
        for file in (project / "checkpoints").iterdir():
            file.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    (folder,) = (here / RUNS).iterdir()
    best = read_record(folder).content["checkpoints"]["best"]
    assert Path(best).parent == here / "checkpoints"
    Runner().run("test", [str(folder)])
    assert read_records(tmp_path)[-1].content["options"]["ckpt_path"] == best
    assert len(Runner().run("predict", [str(folder)])) == 3
    weights = torch.load(best, weights_only=True)["state_dict"]
    assert torch.equal(load_network(folder).weight, weights["network.weight"])
    built = load_experiment(folder).build("test")
    assert torch.equal(built.model.state_dict()["network.weight"], weights["network.weight"])
    with pytest.warns(UserWarning, match=f"dirpath has changed from '{here}/checkpoints'"):
        Runner().run("fit", [str(folder), "trainer::max_epochs=2"])
    assert used(read_records(tmp_path)[-1]) == here / LAST


def test_a_copy_resumes_its_own_checkpoint_and_leaves_the_original(project: Path, tmp_path: Path) -> None:
    fit(2, "system::optimizer::lr=0.2", ckpt_path="last")  # a run whose best checkpoint may be that of the first
    before = content_of(project)
    here = copied(project, tmp_path / "copy")
    for name in ("last", "best"):
        record = fit(3, ckpt_path=name)
        assert used(record).parent == here / "checkpoints"
        assert str(project) not in json.dumps({**record.content, "folder": None})
    assert content_of(project) == before


def test_a_resumed_fit_compares_with_the_best_of_the_moved_copy(
    project: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    best = fit(1, FIRST_IS_BEST).content["checkpoints"]
    here = copied(project, tmp_path / "copy")
    worse = fit(3, FIRST_IS_BEST, ckpt_path="last")
    assert worse.content["checkpoints"]["best"] == str(here / "checkpoints" / Path(best["best"]).name)
    assert worse.content["checkpoints"]["best_score"] == best["best_score"]
    assert not [warning for warning in recwarn if "dirpath has changed" in str(warning.message)]


def test_a_fit_that_saves_elsewhere_knows_the_best_of_the_moved_copy(project: Path, tmp_path: Path) -> None:
    here = copied(project, tmp_path / "copy")
    word = "trainer::callbacks::0::dirpath=other"
    with pytest.warns(UserWarning, match=f"dirpath has changed from '{here}/checkpoints'"):
        Runner().run("fit", ["config.yaml", word, "trainer::max_epochs=1"], ckpt_path="last")
    best = read_records(Path.cwd())[-1].content["checkpoints"].get("best")
    assert best is None or Path(best).is_relative_to(here)


def test_a_best_checkpoint_of_an_earlier_run_is_found_in_a_copy(project: Path, tmp_path: Path) -> None:
    first = fit(1, FIRST_IS_BEST)
    second = fit(2, FIRST_IS_BEST, ckpt_path="last")
    assert second.content["checkpoints"]["best"] == first.content["checkpoints"]["best"]
    here = copied(project, tmp_path / "copy")
    assert read_records(Path.cwd())[-1].checkpoint("best") == here / Path(
        first.content["checkpoints"]["best"]
    ).relative_to(project)


def test_checkpoint_of_the_original_place_is_used_if_none_came_along(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (record,) = read_records(Path.cwd())
    alone = shutil.copytree(record.folder, tmp_path / "alone")
    monkeypatch.chdir(tmp_path)
    Runner().run("test", [str(alone)])
    (test,) = read_records(tmp_path)
    assert test.content["options"]["ckpt_path"] == record.content["checkpoints"]["best"]


def test_a_record_copied_into_another_project_does_not_take_its_checkpoint(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (record,) = read_records(Path.cwd())
    other = copied(project, tmp_path / "other")
    shutil.rmtree(RUNS)
    shutil.rmtree(INDEX.parent)
    shutil.rmtree("checkpoints")
    fit(1)
    alone = shutil.copytree(record.folder, other / RUNS / record.id)
    assert read_record(alone).checkpoint("last") == project / LAST
    assert f"{other / LAST} was written by another run" in caplog.text


def test_outputs_behind_a_new_link_are_found(project: Path, tmp_path: Path) -> None:
    first = fit(1, "trainer::default_root_dir=outputs")
    shutil.move("outputs", tmp_path / "large_disk")
    Path("outputs").symlink_to(tmp_path / "large_disk")
    assert names()[-1] == first.id
    record = fit(2, "trainer::default_root_dir=outputs", ckpt_path="last")
    assert used(record) == project / "outputs" / LAST or used(record) == tmp_path / "large_disk" / LAST
    moved(project, tmp_path / "second")
    assert len(names()) == 3
    assert fit(3, "trainer::default_root_dir=outputs", ckpt_path="last").content["progress"]["epoch"] == 3


def test_outputs_mounted_at_another_place_are_found_by_a_search(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "disk").mkdir()
    Path("outputs").symlink_to(tmp_path / "disk")
    fit(1, "trainer::default_root_dir=outputs")
    expected = names()
    (tmp_path / "disk").rename(tmp_path / "mounted")
    Path("outputs").unlink()
    Path("outputs").symlink_to(tmp_path / "mounted")
    assert names() == expected
    assert "1 runs of" in caplog.text


def test_renamed_outputs_are_searched_once_and_keep_their_order(
    project: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(1, "trainer::default_root_dir=outputs")
    fit(1)
    expected = names()
    Path("outputs").rename("old")
    assert names() == expected
    assert f"1 runs of {INDEX} have moved: a search found their folders" in caplog.text
    with monkeypatch.context() as patch:
        patch.setattr(index, "_search", None)
        assert names() == expected
    Path("old").rename("outputs")
    assert names() == expected
    shutil.rmtree("outputs")
    assert names() == [expected[0], expected[2]]
    monkeypatch.setattr(index, "_search", None)
    assert names() == [expected[0], expected[2]]


def test_gone_runs_are_said_in_one_line(project: Path, in_process: Command, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        fit(1, "trainer::default_root_dir=outputs")
    expected = names()
    shutil.rmtree("outputs")
    for words in (["runs", "list"], ["runs", "list"], ["runs", "list", "--json"]):
        done = in_process(*words)
        assert expected[0] in done.stdout
        text = f"2 runs were started here, but their folders are gone (first: outputs/lighter_runs/{expected[1]})"
        assert caplog.text.count("gone") == 1
        assert text in caplog.text
        caplog.clear()
    shutil.rmtree(RUNS)
    assert in_process("runs", "list").stdout == ""
    assert "3 runs were started here" in caplog.text
    text = "no 'last' checkpoint: the folders of 3 run(s) started here are gone"
    assert text in in_process("fit", "config.yaml", "--ckpt-path", "last").stderr


def test_the_code_of_a_run_is_that_of_its_copy(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Runner().run("fit", ["module.yaml"])
    here = copied(project, tmp_path / "copy")
    (project / "code" / "models.py").write_text("raise RuntimeError('the code of the original')")
    record = read_records(Path.cwd())[-1]
    assert record.content["project"] == str(here / "code")
    for given in (str(record.folder), record.content["checkpoints"]["last"]):
        Runner().run("test", [given])
        assert read_records(Path.cwd())[-1].content["project"] == str(here / "code")
    monkeypatch.chdir(tmp_path)
    Runner().run("test", [str(record.folder)])


def test_folders_of_loggers_are_named_where_they_are_now(project: Path, tmp_path: Path, in_process: Command) -> None:
    fit(1, "=trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, save_dir: csv}")
    here = moved(project, tmp_path / "second")
    run = read_records(Path.cwd())[-1]
    (logger,) = run.content["loggers"]
    assert Path(logger["folder"]) == here / "csv/lightning_logs/version_0"
    assert "lightning_logs, 0, csv/lightning_logs/version_0\n" in in_process("runs", "show", run.id).stdout


def test_a_run_from_another_run_has_the_same_project_before_and_after_a_move(
    project: Path, tmp_path: Path, in_process: Command
) -> None:
    Runner().run("fit", ["module.yaml"])
    Runner().run("test", [str(read_records(Path.cwd())[-1].folder)])
    moved(project, tmp_path / "second")
    Runner().run("test", [str(read_records(Path.cwd())[-1].folder)])
    runs = read_runs()[1:]
    assert [run.values["project"] for run in runs] == ["code"] * 3
    assert "project" not in in_process("runs", "diff", runs[0].id, runs[2].id).stdout


def test_a_run_of_a_subfolder_is_found_after_the_project_moved(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    words = ["../config.yaml", "trainer::default_root_dir=.."]
    Runner().run("fit", [*words, "trainer::max_epochs=1"])
    moved(project, tmp_path / "a" / "second")
    monkeypatch.chdir("sub")
    Runner().run("fit", [*words, "trainer::max_epochs=2"], ckpt_path="last")
    assert used(read_records(Path.cwd())[-1]).parent == tmp_path / "a" / "second" / "checkpoints"
    assert len(names()) == 2


def test_a_requeued_job_resumes_in_a_moved_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "18")
    fit(1)
    here = moved(project, tmp_path / "second")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert used(fit(1)).parent == here / "checkpoints"


def test_checkpoints_of_a_killed_run_are_searched_where_they_are_now(project: Path, tmp_path: Path) -> None:
    here = copied(project, tmp_path / "copy")
    (folder,) = (here / RUNS).iterdir()
    process = json.loads((folder / RECORD_FILE).read_text())["process"]
    change(folder, status="running", end=None, checkpoints={}, process={**process, "created": 0.0})
    record = read_record(folder)
    assert record.status == "lost"
    last, best = record.checkpoint("last"), record.checkpoint("best")
    assert last is not None
    assert best is not None
    assert (last.parent, best.parent) == (here / "checkpoints", here / "checkpoints")


def test_records_and_lists_of_earlier_versions_are_found_after_a_move(project: Path, tmp_path: Path) -> None:
    (folder,) = (project / RUNS).iterdir()
    change(folder, folder=...)
    INDEX.write_text(json.dumps({"folder": str(folder), "stage": "fit"}) + "\n")
    SUMMARIES.unlink()
    here = moved(project, tmp_path / "second")
    assert names() == [folder.name]
    assert used(fit(2, ckpt_path="last")) == here / LAST


def test_a_copied_list_of_an_earlier_version_does_not_lend_the_runs_of_the_original(
    project: Path, tmp_path: Path
) -> None:
    (folder,) = (project / RUNS).iterdir()
    INDEX.write_text(json.dumps({"folder": str(folder), "stage": "fit"}) + "\n")
    copied(project, tmp_path / "copy")
    (run,) = listed_runs(Path.cwd())
    assert not run.is_of((str(Path("config.yaml").resolve()),), str(Path.cwd()))


def test_project_behind_a_link_is_the_same_project(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(moved(project, tmp_path / "second"))
    (folder,) = (tmp_path / "link" / RUNS).iterdir()
    for run in (folder, folder.resolve()):
        last = read_record(run).checkpoint("last")
        assert last is not None
        assert last.resolve() == tmp_path / "second" / LAST


def test_weights_of_a_network_are_those_of_the_copy_not_of_the_original(project: Path, tmp_path: Path) -> None:
    here = copied(project, tmp_path / "copy")
    (folder,) = (here / RUNS).iterdir()
    best = Path(read_record(folder).content["checkpoints"]["best"])
    checkpoint = torch.load(best, weights_only=True)
    checkpoint["state_dict"]["network.weight"].fill_(7.0)
    torch.save(checkpoint, best)
    network = load_network(folder)
    assert isinstance(network, nn.Linear)
    assert bool((network.weight == 7.0).all())


@pytest.mark.parametrize(
    "fields",
    [
        {"folder": "/"},
        {"folder": "../../etc"},
        {"folder": "x" * 100_000},
        {"checkpoints": {"last": "../../../../etc/passwd", "best": "/etc/passwd"}},
        {"checkpoints": {"last": "/dev/zero", "best": "/dev/zero"}},
        {"checkpoints": {"last": "x" * 100_000, "best": None, "nan": ["/dev/zero"]}},
        {"checkpoints": {"last": "", "best": ""}, "checkpoint_folders": [""], "files": [""]},
        {"checkpoint_folders": ["../../..", "/dev", "x" * 100_000], "project": "../..", "working_directory": ".."},
    ],
)
@pytest.mark.parametrize("move", [moved, copied])
def test_a_hostile_record_harms_nothing(
    project: Path,
    tmp_path: Path,
    in_process: Command,
    fields: dict[str, object],
    move: Callable[[Path, Path], Path],
) -> None:
    (folder,) = (project / RUNS).iterdir()
    change(folder, **fields)
    move(project, tmp_path / "second" / "project")
    before = content_of(tmp_path)
    (folder,) = RUNS.iterdir()
    assert in_process("runs", "list").returncode == 0
    assert folder.name in in_process("runs", "show", folder.name).stdout
    if in_process("fit", "config.yaml", "--ckpt-path", "best").returncode == 0:
        assert used(read_records(Path.cwd())[-1]).is_relative_to(tmp_path)
    after = content_of(tmp_path)
    own = ("lighter_runs", ".lighter", "checkpoints")
    assert {file: text for file, text in before.items() if not set(own) & set(file.parts)} == {
        file: text for file, text in after.items() if not set(own) & set(file.parts)
    }


@pytest.mark.parametrize("fields", [{"folder": 1}, {"folder": "\0"}, {"files": [1]}, {"checkpoints": {"last": 1}}])
def test_a_field_of_a_wrong_type_is_one_warning_after_a_move(
    project: Path, tmp_path: Path, fields: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    (folder,) = (project / RUNS).iterdir()
    change(folder, **fields)
    moved(project, tmp_path / "second")
    caplog.clear()
    assert names() == []
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"its {next(iter(fields))} is" in warning.getMessage()


def test_a_record_of_another_format_says_which_format_is_read(
    project: Path, in_process: Command, caplog: pytest.LogCaptureFixture
) -> None:
    (folder,) = (project / RUNS).iterdir()
    change(folder, format=2)
    assert folder.name not in in_process("runs", "list").stdout
    (text,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "is of a newer version of Lighter, in format 2" in text
    assert "format 1" in text
    done = in_process("test", str(folder))
    assert done.returncode == 1
    assert "in format 2" in done.stderr


def test_a_huge_record_is_not_read(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder,) = (project / RUNS).iterdir()
    with (folder / RECORD_FILE).open("r+b") as file:
        file.truncate(100 * 2**30)  # takes no space
    assert names() == []
    assert "is damaged: it has 107,374,182,400 bytes" in caplog.text


def test_the_search_for_the_checkpoints_of_a_killed_run_is_bounded(
    project: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = (project / RUNS).iterdir()
    process = json.loads((folder / RECORD_FILE).read_text())["process"]
    killed = {"status": "running", "end": None, "checkpoints": {}, "process": {**process, "created": 0.0}}
    change(folder, checkpoint_folders=["/"], **killed)
    monkeypatch.setattr("lighter_cli.checkpoints.on_disk._MAX_ENTRIES", 10)
    assert read_record(folder).checkpoint("last") is None
    assert "the search for checkpoints in / ended after" in caplog.text


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only here")
def test_a_read_only_copy_is_used_and_not_written_to(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = copied(project, tmp_path / "copy")
    (folder,) = (here / RUNS).iterdir()
    places = [folder, here / RUNS, here / "checkpoints", here / ".lighter", here]
    for place in places:
        place.chmod(0o500)
    try:
        assert names() == [folder.name]
        monkeypatch.chdir(tmp_path)
        Runner().run("test", [str(folder)])
        assert used(read_records(tmp_path)[-1]).parent == here / "checkpoints"
    finally:
        for place in places:
            place.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_in_the_place_of_a_moved_checkpoint_is_not_opened(project: Path, tmp_path: Path) -> None:
    copied(project, tmp_path / "copy")
    LAST.unlink()
    os.mkfifo(LAST)
    last = read_records(Path.cwd())[-1].checkpoint("last")
    assert last is not None
    assert last.is_file()


def test_lines_that_lead_outside_only_look_for_a_record(project: Path, in_process: Command) -> None:
    before = content_of(project.parent)
    lines = [{"folder": "../../../../etc"}, {"folder": "/dev/zero"}, {"folder": "a\0b"}, {"folder": "x" * 100_000}]
    lines += [{"folder": "/x", "beside": "../../../.."}, {"folder": "y", "was": "z"}, {"folder": "y", "was": 1}]
    with INDEX.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    done = in_process("runs", "list")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2  # with the headings
    after = content_of(project.parent)
    changed = [file for file in after if after[file] != before.get(file)]
    assert all(file.parent.name == ".lighter" for file in changed)
    assert name_of(recorded_folders(Path.cwd())[0]) in done.stdout


def test_a_list_that_is_a_link_is_not_written_to(project: Path, tmp_path: Path) -> None:
    fit(1, "trainer::default_root_dir=outputs")
    text = INDEX.read_text()
    target = tmp_path / "target"
    target.write_text(text)
    INDEX.unlink()
    INDEX.symlink_to(target)
    Path("outputs").rename("old")
    assert len(names()) == 2
    assert target.read_text() == text
