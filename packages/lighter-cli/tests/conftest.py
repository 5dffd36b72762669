"""A tiny experiment in both layouts, and the ``lighter`` command as a process of its own."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lighter_cli.app import app
from lighter_cli.terminal.process import reporting_errors

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and "lighter" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)  # it starts the program, which takes a second or more


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def _no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state of this repository out of the records, where the temporary folders lie inside it."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


@pytest.fixture(autouse=True)
def _own_imports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules that a test made importable: other tests ask for all that were imported."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    temporary = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        is_of_test = name not in modules and str(getattr(module, "__file__", None)).startswith(temporary)
        if is_of_test or name == "project" or name.startswith("project."):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file below the working directory."""

    def write_file(name: str, text: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    return write_file


@pytest.fixture
def system_config(tmp_path: Path) -> str:
    """A linear classifier on twelve samples in the `system` layout."""
    shutil.copytree(Path(__file__).parent / "experiments", tmp_path, dirs_exist_ok=True)
    return "config.yaml"


@pytest.fixture
def module_config(system_config: str) -> str:
    """The same in the `model` and `data` layout, with code of its own in `code/`."""
    return "module.yaml"


@pytest.fixture
def lighter(tmp_path: Path) -> Command:
    """Run ``lighter`` in the working directory; ``torch_imported`` tells whether the process imported torch."""

    def run(*words: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        program = (
            "import atexit, sys\n"
            "atexit.register(lambda: open('.torch_imported', 'w').write(str('torch' in sys.modules)))\n"
            "from lighter_cli.main import main\n"
            "main()\n"
        )
        return subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1", **environment},
        )

    return run


@pytest.fixture
def in_process(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command that runs nothing in this process, which takes a hundredth of the time."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        returncode = 0
        try:
            with reporting_errors():
                result = app(list(words), result_action="return_value")
                returncode = result if isinstance(result, int) else 0
        except SystemExit as end:
            returncode = int(end.code or 0)
        captured = capsys.readouterr()
        return subprocess.CompletedProcess(words, returncode, captured.out, captured.err)

    return run


@pytest.fixture
def torch_imported(tmp_path: Path) -> Callable[[], bool]:
    return lambda: (tmp_path / ".torch_imported").read_text() == "True"
