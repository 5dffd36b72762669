"""Where the user's own code is, and that everything which reads targets looks there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config import PathError, Severity, Signature, check, load, prune
from lighter_config.project import MARKER, locate_project, reader_for

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_it(name: str, text: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write_it


def test_the_key_is_relative_to_the_working_directory(write: Write, tmp_path: Path) -> None:
    write("code/models.py", "class Net: ...")
    write("configs/config.yaml", "project: code\nmodel: {_target_: project.models.Net}")
    project = locate_project(load(["configs/config.yaml"]))
    assert project is not None
    assert project.folder == tmp_path / "code"
    assert project.notes == ()


def test_folder_beside_file_is_taken_when_target_is_only_there(write: Write, tmp_path: Path) -> None:
    write("experiments/models.py", "class Net: ...")
    write("experiments/config.yaml", "project: .\nmodel: {_target_: project.models.Net}")
    project = locate_project(load(["experiments/config.yaml"]))
    assert project is not None
    assert project.folder == tmp_path / "experiments"
    (note,) = project.notes
    assert note.severity is Severity.NOTE
    assert "experiments" in note.message


def test_a_folder_that_does_not_exist_is_an_error_with_the_nearest(write: Write, tmp_path: Path) -> None:
    write("code/models.py", "")
    write("config.yaml", "project: ./cod\n")
    with pytest.raises(PathError) as caught:
        locate_project(load(["config.yaml"]))
    (finding,) = caught.value.findings
    assert finding.nearest == ("code",)
    assert str(finding.place).startswith("config.yaml:1")


def test_the_marker_is_found_upwards_from_the_working_directory(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(MARKER, "")
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    project = locate_project(load([{}]))
    assert project is not None
    assert project.folder == tmp_path


def test_the_marker_is_found_upwards_from_the_config(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"experiments/{MARKER}", "")
    config = write("experiments/configs/config.yaml", "vars: {}")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    project = locate_project(load([str(config)]))
    assert project is not None
    assert project.folder == tmp_path / "experiments"


def test_the_key_wins_over_the_marker_and_a_note_names_the_loser(write: Write, tmp_path: Path) -> None:
    write(MARKER, "")
    write("code/models.py", "")
    project = locate_project(load([{"project": "code"}]))
    assert project is not None
    assert project.folder == tmp_path / "code"
    assert str(tmp_path) in project.notes[0].message


def test_there_is_no_project_without_key_and_marker() -> None:
    assert locate_project(load([{}])) is None


def test_the_library_check_sees_the_marker(write: Write) -> None:
    write(MARKER, "")
    write("models.py", "class Net:\n    def __init__(self, depth): ...\n")
    config = load([{"vars": {"net": {"_target_": "project.models.Net", "deep": 3}}, "model": "@vars::net"}])
    messages = [finding.message for finding in check(config) if finding.path.startswith("vars::net")]
    assert messages == [
        "Net needs depth, which is missing in vars::net",
        "vars::net::deep is not an argument of Net",
    ]


def test_the_library_check_reports_a_missing_folder(write: Write) -> None:
    write("code/models.py", "")
    write("config.yaml", "project: cod\n")
    (finding,) = [finding for finding in check(load(["config.yaml"])) if finding.path == "project"]
    assert finding.severity is Severity.ERROR
    assert finding.nearest == ("code",)


def test_pruning_reads_the_users_own_classes(write: Write) -> None:
    write(MARKER, "")
    write("data.py", "import lighter\n\nclass Data(lighter.LighterDataModule): ...\n")
    write("lighter/__init__.py", "class LighterDataModule: ...\n")
    data = {"_target_": "project.data.Data", "train_dataloader": 1, "test_dataloader": 2}
    assert list(prune(load([{"data": data}]), "test").tree["data"]) == ["_target_", "test_dataloader"]


def test_a_reader_finds_the_project(write: Write) -> None:
    write("code/models.py", "class Net: ...")
    answer = reader_for(load([{"project": "code"}])).read("project.models.Net")
    assert isinstance(answer, Signature)
