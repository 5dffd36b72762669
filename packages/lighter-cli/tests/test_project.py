"""The user's own code as `project`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lighter_cli import Runner, load_experiment
from lighter_cli.project import make_importable
from lighter_config import PathError, load
from lighter_config.project import locate_project

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


@pytest.mark.parametrize("name", ['a""" + 1/0 + """b', "a''' + 1/0 + '''b", "a\\", "a\nb"])
def test_the_name_of_a_folder_is_no_code(name: str, write: Write, tmp_path: Path) -> None:
    write(f"{name.replace('/', '-')}/models.py", "NAME = 'mine'")
    assert _import(tmp_path / name.replace("/", "-"), "from project.models import NAME", "NAME") == "mine"


def test_two_projects_in_one_process_work_in_turn(write: Write, tmp_path: Path) -> None:
    """The second project used to be refused."""
    write("a/models.py", "NAME = 'a'")
    write("b/models.py", "NAME = 'b'")
    statement = "from project.models import NAME"
    assert [_import(tmp_path / name, statement, "NAME") for name in ("a", "b", "a")] == ["a", "b", "a"]
    assert sum("lighter" in entry for entry in sys.path if entry.startswith(str(tmp_path.parent.parent))) <= 1


def test_a_module_of_that_name_gives_way_to_the_package(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("code/models.py", "NAME = 'mine'")
    monkeypatch.setitem(sys.modules, "project", ModuleType("project"))
    assert _import(tmp_path / "code", "from project.models import NAME", "NAME") == "mine"


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
        from lighter_cli.project import make_importable
        from lighter_config import PathError, load
        from lighter_config.project import locate_project

        if __name__ == "__main__":
            make_importable(locate_project(load([{"project": "code"}])))
            from project.data import Squares
            loader = DataLoader(Squares(), num_workers=1, multiprocessing_context="spawn", batch_size=4)
            print(next(iter(loader)).tolist())
        """,
    )
    done = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.strip() == "[0, 1, 4, 9]", done.stderr


def test_caches_that_cannot_be_written_are_one_message(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("code/models.py", "NAME = 'mine'")
    monkeypatch.setenv("XDG_CACHE_HOME", str(write("file", "in the place of a folder")))
    with pytest.raises(PathError, match=r"`project` cannot be made importable: .*: Not a directory") as error:
        _import(tmp_path / "code", "from project.models import NAME", "NAME")
    assert "XDG_CACHE_HOME" in error.value.findings[0].fix


@pytest.fixture
def own_loss(system_config: str, write: Write) -> dict[str, Any]:
    """A criterion in a folder of ``search-path``, as Python gives it."""
    assert system_config == "config.yaml"
    write("src/losses_in_src.py", "from torch import nn\n\nclass Own(nn.CrossEntropyLoss): ...\n")
    write("pyproject.toml", "[tool.lighter]\nsearch-path = ['src']\n")
    return {"system": {"=criterion": {"_target_": "losses_in_src.Own"}}, "trainer": {"fast_dev_run": True}}


def test_building_in_python_finds_code_of_the_search_path(own_loss: dict[str, Any]) -> None:
    built = load_experiment("config.yaml", own_loss).build("fit")
    assert type(built.model.criterion).__module__ == "losses_in_src"


def test_a_run_in_python_finds_code_of_the_search_path(own_loss: dict[str, Any]) -> None:
    runner = Runner()
    runner.run("fit", ["config.yaml", own_loss])
    assert runner.experiment is not None
    assert type(runner.experiment.model.criterion).__module__ == "losses_in_src"
    assert sys.path[-1] == str(Path.cwd() / "src")
