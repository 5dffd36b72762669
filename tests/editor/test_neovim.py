"""Neovim, with its own client: it mistypes, sees the diagnostic, applies the fix, saves, and `check` agrees."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")
NEOVIM = shutil.which("nvim")
SCRIPT = Path(__file__).with_name("neovim.lua")
LIGHTER = Path(sys.executable).with_name("lighter")


@pytest.mark.skipif(NEOVIM is None, reason="Neovim is not installed")
def test_mistake_in_neovim_is_mended_by_the_fix_of_the_server(tmp_path: Path):
    subprocess.run([LIGHTER, "init", tmp_path / "digits"], check=True, capture_output=True)
    config = tmp_path / "digits" / "config.yaml"
    written = config.read_text()
    done = subprocess.run(
        [str(NEOVIM), "--clean", "--headless", "-S", SCRIPT],
        cwd=config.parent,
        env={**os.environ, "LIGHTER": str(LIGHTER), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert said[:3] == [
        "found 27 3 trainer::max_epoch is not an argument of Trainer",
        "action rename to `max_epochs`",
        "line   max_epochs: 10",
    ]
    assert said[3].startswith("hover ```python max_epochs: ")
    assert config.read_text() == written
    check = subprocess.run([LIGHTER, "check", config], cwd=config.parent, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
