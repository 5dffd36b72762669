"""Every YAML and shell block of the documentation runs; one test a page, its blocks in order in one folder."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lighter_config import Severity, check, load

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "packages/lighter-cli/README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
]
_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>.+?) -->\n+)?^```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        if match["why"] is None:
            yield Block(match["language"], match["text"], text[: match.start()].count("\n") + 1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("outputs", "__pycache__"))
    for block in _blocks(page):
        where = f"{page.name}:{block.line}"
        if block.language == "yaml":
            _run_yaml(block.text, where, tmp_path)
        elif block.language in ("bash", "sh", "shell"):
            for command in block.text.replace("\\\n", " ").splitlines():
                _run_command(command, where, tmp_path)
        elif block.language == "python":
            _run([sys.executable, "-c", block.text], where, tmp_path)


def _run_yaml(text: str, where: str, folder: Path) -> None:
    """Load the block; an experiment must pass every check, a fragment must be a config."""
    file = folder / f"block_{where.replace(':', '_')}.yaml"
    file.write_text(text)
    config = load([str(file)])
    if config.has("trainer"):
        errors = [finding for finding in check(config) if finding.severity is Severity.ERROR]
        assert not errors, f"{where}: {errors}"


def _run_command(command: str, where: str, folder: Path) -> None:
    words = shlex.split(command, comments=True)
    if not words:
        return
    words = words[2:] if words[:2] == ["uv", "run"] else words
    assert words[0] == "lighter", f"{where}: `{command}` is not run; say why in a marker above the block"
    _run([sys.executable, "-m", "lighter_cli", *words[1:]], where, folder)


def _run(command: list[str], where: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, f"{where}: {' '.join(command)}\n{done.stdout}\n{done.stderr}"
