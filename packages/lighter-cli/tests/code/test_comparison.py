"""What is said about code that differs from that of a run, or between two runs."""

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.code import CODE_FILE
from lighter_cli.code.comparison import changes_since, differences_of_code
from lighter_cli.code.snapshot import take_snapshot
from lighter_cli.code.stored import StoredCode, stored_code
from lighter_config import Secrets, load

Write = Callable[..., Path]


def stored(record: Path) -> StoredCode:
    code = stored_code(record)
    assert code is not None
    return code


def test_changed_missing_and_new_files_have_one_line_each(repository: Path, record: Write) -> None:
    folder = record("code/config.yaml")
    project = repository / "code"
    assert changes_since(folder, project) == []
    (project / "models.py").write_text("x = 1\n", encoding="utf-8")
    (project / "old.py").unlink()
    (project / "new.py").touch()
    (project / "notes.yaml").touch()
    (project / "config.yaml").write_text("seed: 2\n", encoding="utf-8")  # the run has its own config
    run = f"run {folder.name}"
    assert changes_since(folder, project) == [
        f"code/models.py differs from that of {run}",
        f"code/old.py of {run} is missing",
        f"code/new.py is new since {run}",
    ]


def test_a_moved_project_does_not_differ(repository: Path, record: Write) -> None:
    folder = record()
    moved = repository.with_name("moved")
    repository.rename(moved)
    repository.mkdir()
    assert changes_since(folder, moved / "code") == []
    (moved / "code/models.py").unlink()
    assert changes_since(folder, moved / "code") == [f"code/models.py of run {folder.name} is missing"]


def test_a_project_that_was_copied_alone_is_compared(repository: Path, record: Write, tmp_path: Path) -> None:
    folder = record()
    alone = tmp_path.with_name("alone")
    shutil.copytree(repository / "code", alone)
    assert changes_since(folder, alone) == []
    (alone / "new.py").touch()
    (alone / "old.py").unlink()
    run = f"run {folder.name}"
    assert changes_since(folder, alone) == [f"code/old.py of {run} is missing", f"code/new.py is new since {run}"]


def test_a_run_without_a_project_is_compared_from_any_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("record")
    (folder / "config.yaml").touch()
    monkeypatch.syspath_prepend(str(repository / "code"))
    importlib.import_module("old")
    take_snapshot(None, [], Secrets(load(["seed=1"]))).write(folder)
    assert list(stored(folder).files) == ["code/old.py"]
    monkeypatch.chdir(folder)
    assert changes_since(folder, None) == []
    (repository / "code/old.py").write_text("y = 2\n", encoding="utf-8")
    assert changes_since(folder, None) == [f"code/old.py differs from that of run {folder.name}"]


def test_other_packages_are_said(repository: Path, record: Write) -> None:
    folder = record()
    content = json.loads((folder / CODE_FILE).read_text())
    now = content["packages"]["pytest"]
    content["packages"]["pytest"] = "0.1"
    (folder / CODE_FILE).write_text(json.dumps(content), encoding="utf-8")
    assert changes_since(folder, repository / "code") == [f"pytest 0.1 in run {folder.name}, {now} now"]


def test_many_differences_are_counted(repository: Path, record: Write) -> None:
    for number in range(30):
        (repository / f"code/part{number}.py").write_text("x = 1\n", encoding="utf-8")
    folder = record()
    for number in range(30):
        (repository / f"code/part{number}.py").unlink()
    lines = changes_since(folder, repository / "code")
    assert len(lines) == 21
    assert lines[-1] == f"10 more files and packages differ from run {folder.name}"


def test_the_code_of_two_runs_is_shown_as_a_patch(repository: Path, record: Write) -> None:
    before = stored(record())
    (repository / "code/models.py").write_text("x0 = 5\n", encoding="utf-8")
    (repository / "code/old.py").unlink()
    (repository / "code/new.py").write_text("z = 1\n", encoding="utf-8")
    after = stored(record())
    found = {file.path: file for file in differences_of_code(before, after)}
    assert {path: file.kind for path, file in found.items()} == {
        "code/models.py": "changed",
        "code/new.py": "added",
        "code/old.py": "removed",
    }
    assert found["code/models.py"].lines[:3] == ("@@ -1,40 +1 @@", "-x0 = 0", "-x1 = 1")
    assert found["code/new.py"].lines == ("@@ -0,0 +1 @@", "+z = 1")
    assert found["code/old.py"].lines == ("@@ -1 +0,0 @@", "-y = 1")
    assert list(differences_of_code(after, after)) == []


def test_content_that_is_gone_is_said(repository: Path, record: Write) -> None:
    before = stored(record())
    (repository / "code/models.py").write_text("x0 = 5\n", encoding="utf-8")
    after = stored(record())
    (repository / ".git").rename(repository / "gone")
    (only,) = differences_of_code(before, after)
    assert only.lines == ("its content is not in the record, or is too large to be shown",)
