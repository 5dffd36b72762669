"""The user's own code as `project`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from lighter_cli.project import MARKER, locate_project, make_importable
from lighter_config import PathError, Severity, load

Write = Callable[[str, str], Path]


def _import(folder: Path, statement: str, name: str) -> object:
    config = load([{"project": str(folder)}])
    project = locate_project(config)
    assert project is not None
    make_importable(project)
    scope: dict[str, object] = {}
    exec(statement, scope)
    return scope[name]


def test_a_folder_without_init_is_a_package(write: Write, tmp_path: Path) -> None:
    write("code/models.py", "NAME = 'mine'")
    assert _import(tmp_path / "code", "from project.models import NAME", "NAME") == "mine"


def test_the_users_init_runs_in_its_own_namespace(write: Write, tmp_path: Path) -> None:
    write("code/models.py", "class Net: ...")
    write("code/__init__.py", "from .models import Net\nFILE = __file__")
    assert _import(tmp_path / "code", "from project import Net", "Net").__module__ == "project.models"  # type: ignore[attr-defined]
    assert _import(tmp_path / "code", "from project import FILE", "FILE") == str(tmp_path / "code" / "__init__.py")


def test_subfolders_are_packages(write: Write, tmp_path: Path) -> None:
    write("code/models/unet/net.py", "DEPTH = 4")
    assert _import(tmp_path / "code", "from project.models.unet.net import DEPTH", "DEPTH") == 4


def test_making_it_importable_imports_nothing(write: Write, tmp_path: Path) -> None:
    write("code/__init__.py", "raise RuntimeError('imported')")
    project = locate_project(load([{"project": "code"}]))
    assert project is not None
    make_importable(project)
    assert "project" not in sys.modules


def test_two_projects_in_one_process_work_one_after_the_other(write: Write, tmp_path: Path) -> None:
    """D36: the second project used to be refused."""
    write("a/models.py", "NAME = 'a'")
    write("b/models.py", "NAME = 'b'")
    statement = "from project.models import NAME"
    assert [_import(tmp_path / name, statement, "NAME") for name in ("a", "b", "a")] == ["a", "b", "a"]
    assert sum("lighter" in entry for entry in sys.path if entry.startswith(str(tmp_path.parent.parent))) <= 1


def test_a_module_of_that_name_which_is_no_package_gives_way(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("code/models.py", "NAME = 'mine'")
    monkeypatch.setitem(sys.modules, "project", ModuleType("project"))
    assert _import(tmp_path / "code", "from project.models import NAME", "NAME") == "mine"


def test_the_key_is_relative_to_the_working_directory(write: Write, tmp_path: Path) -> None:
    write("code/models.py", "class Net: ...")
    write("configs/config.yaml", "project: code\nmodel: {_target_: project.models.Net}")
    project = locate_project(load(["configs/config.yaml"]))
    assert project is not None
    assert project.folder == tmp_path / "code"
    assert project.notes == ()


def test_a_folder_beside_the_file_is_taken_when_the_target_is_only_there(write: Write, tmp_path: Path) -> None:
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


@pytest.mark.slow
def test_a_spawned_worker_unpickles_the_users_dataset(write: Write, tmp_path: Path) -> None:
    write(
        "code/data.py",
        """
        class Squares:
            def __len__(self): return 4
            def __getitem__(self, index): return index ** 2
        """,
    )
    write(
        "main.py",
        """
        from torch.utils.data import DataLoader
        from lighter_cli.project import locate_project, make_importable
        from lighter_config import load

        if __name__ == "__main__":
            make_importable(locate_project(load([{"project": "code"}])))
            from project.data import Squares
            loader = DataLoader(Squares(), num_workers=1, multiprocessing_context="spawn", batch_size=4)
            print(next(iter(loader)).tolist())
        """,
    )
    done = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "[0, 1, 4, 9]", done.stderr
