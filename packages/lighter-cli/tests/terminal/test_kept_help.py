"""A page of help is printed again as it was, until the words, the terminal or the commands differ."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lighter_cli.terminal import kept_help

pytestmark = pytest.mark.slow


def printed(*words: str, **environment: str) -> str:
    program = (
        "import sys; from lighter_cli.main import main\n"
        "try: main()\n"
        "finally: print('cyclopts' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "100", **environment},
    )  # fmt: skip
    return f"{done.stderr.strip()}\n{done.stdout}"


@pytest.mark.parametrize("words", [("--help",), (), ("check", "-h"), ("runs", "list", "--help")])
def test_a_page_is_worked_out_once(words: tuple[str, ...], tmp_path: Path) -> None:
    first = printed(*words, XDG_CACHE_HOME=str(tmp_path))
    second = printed(*words, XDG_CACHE_HOME=str(tmp_path))
    assert first.startswith("True\nUsage: lighter")
    assert second == first.replace("True", "False", 1)


def test_another_width_or_colour_is_another_page(tmp_path: Path) -> None:
    narrow = printed("--help", XDG_CACHE_HOME=str(tmp_path), COLUMNS="60")
    wide = printed("--help", XDG_CACHE_HOME=str(tmp_path))
    coloured = printed("--help", XDG_CACHE_HOME=str(tmp_path), FORCE_COLOR="1")
    assert len({narrow, wide, coloured}) == 3
    assert "\x1b[" in coloured
    assert max(map(len, narrow.splitlines())) == 60


def test_a_changed_command_is_another_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "commands").mkdir()
    (tmp_path / "app.py").touch()
    (command := tmp_path / "commands" / "fit.py").write_text("")
    monkeypatch.setattr(kept_help, "_PACKAGE", tmp_path)
    with kept_help.keeping(["--help"]):
        print("a page")
    assert kept_help.print_kept(["--help"])
    command.write_text("# another option")
    assert not kept_help.print_kept(["--help"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"asked": 1, "text": "another"}'])
def test_a_damaged_page_is_worked_out_again(content: str, tmp_path: Path) -> None:
    first = printed("--help", XDG_CACHE_HOME=str(tmp_path))
    (page,) = tmp_path.glob("lighter/help/*.json")
    page.write_text(content)
    assert printed("--help", XDG_CACHE_HOME=str(tmp_path)) == first


def test_a_mistake_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        printed("chekc", "--help", XDG_CACHE_HOME=str(tmp_path))
    assert not list(tmp_path.glob("lighter/help/*.json"))


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "lighter").write_text("a file where the folder would be")
    assert "Usage: lighter" in printed("--help", XDG_CACHE_HOME=str(tmp_path))
