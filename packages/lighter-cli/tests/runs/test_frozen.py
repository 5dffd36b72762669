"""Code that was frozen stays as it was, whatever git ignores."""

import subprocess
from pathlib import Path

import pytest

from lighter_cli.runs.frozen import freeze_code
from lighter_config import load


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "code/nets").mkdir(parents=True)
    (tmp_path / "code/data.csv").write_text("1,2\n")
    for file in ("code/models.py", "code/generated.py", "code/nets/net.py"):
        (tmp_path / file).write_text("x = 1\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize("ignored", ["", "generated.py", "code/", "*.py"])
def test_edits_do_not_reach_frozen_code(repository: Path, ignored: str) -> None:
    (repository / ".gitignore").write_text(f"{ignored}\n*.csv\n")
    frozen = freeze_code(load(["project=code"]), repository / "kept")
    assert frozen.project == repository / "kept"
    for file in ("models.py", "generated.py", "nets/net.py"):
        (repository / "code" / file).write_text("raise RuntimeError('edited')\n")
        assert (repository / "kept" / file).read_text() == "x = 1\n"
    assert (repository / "kept/data.csv").samefile(repository / "code/data.csv")
