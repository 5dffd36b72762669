"""``[tool.lighter]`` of a pyproject.toml, and the folders that it adds to the places of targets."""

import subprocess
import sys
from pathlib import Path

import pytest

from lighter_config import DoesNotExist, Signature, SignatureReader, check, load
from lighter_config.pyproject import find_table, search_path

TABLE = '[tool.lighter]\nsearch-path = ["src", "gone", 3, "./src", "src/../more"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with code in two folders."""
    (tmp_path / "src").mkdir()
    (tmp_path / "more").mkdir()
    (tmp_path / "src/own_models.py").write_text("class Net:\n    def __init__(self, width: int): ...\n")
    (tmp_path / "pyproject.toml").write_text(TABLE)
    return tmp_path


def test_the_folders_that_exist_are_searched_once(folder: Path) -> None:
    assert search_path(folder) == (folder / "src", folder / "more")
    assert search_path(folder / "src") == (folder / "src", folder / "more")


def test_a_file_without_the_table_is_passed_over(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'lighter'\n[tool]\nlighter = 3\n")
    assert search_path(inner) == (folder / "src", folder / "more")
    (inner / "pyproject.toml").write_text("[tool.lighter]\n")
    assert search_path(inner) == ()


@pytest.mark.parametrize(
    "text",
    [
        "[tool.lighter]\nsearch-path = ['src']",
        "[ tool . 'lighter' ]\nsearch-path = ['src']",
        '["tool"."lighter"]\nsearch-path = ["src"]',
        "[tool]\nlighter = {search-path = ['src']}",
        "[tool]\nlighter.search-path = ['src']",
        "tool.lighter.search-path = ['src']",
        "tool = {lighter = {search-path = ['src']}}",
        "[tool.ruff]\n[tool.lighter.severity]\n[tool]\nlighter.search-path = ['src']",
    ],
)
def test_the_table_is_found_in_each_form(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    table = find_table(folder)
    assert table is not None
    assert table.damage or search_path(folder) == (folder / "src",)


def test_a_damaged_table_adds_nothing(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.lighter]\nsearch-path = ['src'\n")
    table = find_table(folder)
    assert table is not None
    assert table.damage
    assert search_path(folder) == ()


def test_every_reader_finds_code_of_the_search_path(folder: Path) -> None:
    assert isinstance(SignatureReader(cache_folder=None).read("own_models.Net"), Signature)
    found = [finding.message for finding in check(load({"trainer": {"_target_": "own_models.Net", "widht": 3}}))]
    assert any("trainer::widht is not an argument of Net" in message for message in found)
    (folder / "pyproject.toml").unlink()
    assert isinstance(SignatureReader(cache_folder=None).read("own_models.Net"), DoesNotExist)


def test_installed_modules_come_before_the_search_path(folder: Path) -> None:
    (folder / "src/json.py").write_text("def dumps(own): ...\n")
    answer = SignatureReader(cache_folder=None).read("json.dumps")
    assert isinstance(answer, Signature)
    assert "own" not in answer.keywords


def test_a_folder_without_a_table_costs_no_reader_of_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    program = (
        "import sys; from pathlib import Path; from lighter_config.pyproject import search_path\n"
        "assert search_path(Path.cwd()) == (); print('tomllib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
