"""A run is trained with uncommitted code, the code changes, and the run is restored and repeated."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.code import CODE_FILE
from lighter_cli.runs.record import read_records
from lighter_config import RECORD_FILE

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[str]]


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True)


def change_model(text: str) -> None:
    file = Path("code/models.py")
    file.write_text(f"{file.read_text()}\n{text}\n", encoding="utf-8")


@pytest.fixture
def run(module_config: str) -> Path:
    """A fit with uncommitted changes in a repository, whose code changed later."""
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "Start")
    change_model("scale = 2.0")
    Path("code/extra.py").write_text("unused = 1\n", encoding="utf-8")
    Runner().run("fit", [module_config, "trainer::callbacks::0::dirpath=checkpoints", "seed=3"])
    change_model("scale = 3.0")
    git("add", "code")
    git("commit", "-qm", "Later")
    return read_records(Path())[-1].folder


def test_a_run_is_restored_and_repeated_bit_for_bit(run: Path, in_process: Command) -> None:
    done = in_process("runs", "restore", run.name, "--to", "again")
    assert done.returncode == 0
    recorded = json.loads((run / CODE_FILE).read_text())["files"]
    hashes = f"{len(recorded) + 1} of {len(recorded) + 1} recorded hashes are right"
    num_written = sum(path.is_file() for path in Path("again").rglob("*"))
    assert (
        f"{num_written} files written to again\n{hashes}; {num_written - len(recorded) - 1} more files" in done.stdout
    )
    text = Path("again/code/models.py").read_text()
    assert "scale = 2.0" in text
    assert "scale = 3.0" not in text
    (command,) = re.findall(r"^to run it again: cd \S+ && lighter (.+)$", done.stdout, re.MULTILINE)
    program = "from lighter_cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-P", "-c", program, *shlex.split(command)], cwd="again", check=True, capture_output=True
    )
    (repeated,) = Path("again/lighter_runs").iterdir()
    metrics = [json.loads((folder / RECORD_FILE).read_text())["metrics"] for folder in (run, repeated)]
    assert metrics[0] == metrics[1]
    first, second = (
        torch.load(file, weights_only=True) for file in ("checkpoints/last.ckpt", "again/checkpoints/last.ckpt")
    )
    assert all(torch.equal(value, second["state_dict"][name]) for name, value in first["state_dict"].items())


def test_a_stage_says_which_files_differ_from_the_run(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    for inputs in ([str(run)], ["checkpoints/last.ckpt"], [str(run / "config.yaml")]):
        caplog.clear()
        Runner().run("test", inputs, safe=True, allow=["project"])
        said = [entry.getMessage() for entry in caplog.records if "differs from that of run" in entry.getMessage()]
        assert said == [f"code/models.py differs from that of run {run.name}"]
    caplog.clear()
    Runner().run("test", [str(read_records(Path())[-1].folder)], ckpt_path="checkpoints/last.ckpt")
    assert "differs from that" not in caplog.text


def test_the_code_is_shown_with_the_run_and_in_the_difference_of_two(run: Path, in_process: Command) -> None:
    Runner().run("test", ["checkpoints/last.ckpt"])
    tested = read_records(Path())[-1].folder
    shown = in_process("runs", "show", run.name).stdout
    assert re.search(r"^  code +\d+ files hashed, 0\.\d KiB in code\.patch$", shown, re.MULTILINE)
    shown = in_process("runs", "diff", run.name, tested.name, "--code").stdout
    assert "\ncode/models.py   changed\n" in shown
    assert "  +scale = 3.0\n" in shown
    assert "\ncode\n" not in in_process("runs", "diff", run.name, tested.name).stdout
    files = json.loads(in_process("runs", "diff", run.name, tested.name, "--code", "--json").stdout)["code"]
    assert [file["path"] for file in files] == ["code/models.py"]


def test_a_record_without_code_is_still_read(run: Path, in_process: Command) -> None:
    (run / CODE_FILE).unlink()
    (run / "code.patch").unlink()
    assert in_process("runs", "show", run.name).returncode == 0
    assert in_process("runs", "diff", run.name, run.name).returncode == 0
    for words in (["restore", run.name, "--to", "again"], ["diff", run.name, run.name, "--code"]):
        done = in_process("runs", *words)
        assert done.returncode == 1
        assert f"error: the record of run {run.name} does not hold its code\n" in done.stderr
    assert not Path("again").exists()


def test_what_is_not_restored_is_an_error_by_name(run: Path, in_process: Command) -> None:
    Path(".git").rename("gone")
    done = in_process("runs", "restore", run.name, "--to", "again")
    assert done.returncode == 1
    assert "not as it was: code/models.py: the file that it changes is missing\n" in done.stdout
    assert "is not empty" in in_process("runs", "restore", run.name, "--to", "again").stderr


def test_two_ranks_leave_one_record_of_the_code(module_config: str) -> None:
    words = [module_config, "trainer::devices=2", "trainer::strategy=ddp", "trainer::max_epochs=2"]
    command = [sys.executable, "-m", "lighter_cli", "fit", *words]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    (record,) = read_records(Path())
    assert list(json.loads((record.folder / CODE_FILE).read_text())["files"]) == ["module.yaml", "code/models.py"]
