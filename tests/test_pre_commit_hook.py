"""The pre-commit hook: its definition, and that what it runs tells a good file from a bad one."""

import shlex
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_the_hook_checks_each_file_that_it_is_given(tmp_path: Path) -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"], hook["types"]) == ("lighter-check", "system", ["yaml"])
    (tmp_path / "good.yaml").write_text("optimizer: {_target_: torch.optim.SGD, lr: 0.1}\n")
    (tmp_path / "bad.yaml").write_text("optimizer: {_target_: torch.optim.SGD, lrr: 0.1}\n")
    lighter, *words = shlex.split(hook["entry"])
    assert lighter == "lighter"

    def run(*files: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lighter_cli", *words, *files]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("good.yaml").returncode == 0
    done = run("good.yaml", "bad.yaml")
    assert done.returncode == 1
    assert "bad.yaml:1:40" in done.stdout
