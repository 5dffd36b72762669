"""Files that are open in an editor."""

import shutil
import sys
from pathlib import Path

import pytest

import lighter_cli

sys.path.append(str(Path(__file__).parent))


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """The experiment that `lighter init` writes."""
    template = Path(lighter_cli.__file__).parent / "templates" / "digits" / "config.yaml"
    return Path(shutil.copy(template, tmp_path / "config.yaml"))


@pytest.fixture
def multi_file(tmp_path: Path) -> Path:
    """The folder of an experiment in several files."""
    from open_files import MULTI_FILE  # needs pygls

    for name, text in MULTI_FILE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of the signature reader, which all tests of the editor share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
