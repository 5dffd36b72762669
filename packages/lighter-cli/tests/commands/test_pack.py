"""A run is packed, and a colleague unpacks and runs it."""

import errno
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.code import CODE_FILE
from lighter_cli.runs import packing
from lighter_cli.runs.packing import requirements
from lighter_cli.runs.record import Record, read_records

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def record(module_config: str) -> Record:
    Runner().run("fit", [module_config, "trainer::callbacks::0::dirpath=checkpoints", "seed=3"])
    return read_records(Path())[-1]


@pytest.mark.slow
def test_readme_of_a_pack_gives_the_same_numbers(record: Record, in_process: Command, tmp_path: Path) -> None:
    assert in_process("test", str(record.folder)).returncode == 0
    (tested,) = (other for other in read_records(Path()) if other.content["stage"] == "test")
    done = in_process("pack", record.folder.name, "shared.zip")
    assert done.returncode == 0, done.stdout + done.stderr
    there = tmp_path / "elsewhere"
    with zipfile.ZipFile("shared.zip") as pack:
        pack.extractall(there)
    for folder in ("code", "checkpoints", "lighter_runs"):  # nothing of this machine is left
        Path(folder).rename(f"moved_{folder}")
    (block,) = re.findall(r"```bash\n(.*?)```", (there / "shared/README.md").read_text(), re.DOTALL)
    install, enter, *commands = block.splitlines()
    assert install == "pip install -r requirements.txt"
    assert [shlex.split(command)[1] for command in commands] == ["test", "predict", "fit"]
    working_directory = there / "shared" / enter.removeprefix("cd ")
    program = "from lighter_cli.main import main; main()"
    for command in commands:
        words = [sys.executable, "-P", "-c", program, *shlex.split(command)[1:]]
        ran = subprocess.run(words, cwd=working_directory, check=False, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
    metrics = {ran.content["stage"]: ran.content["metrics"] for ran in read_records(working_directory)}
    assert metrics["test"] == tested.content["metrics"]
    assert metrics["fit"] == record.content["metrics"]
    assert metrics["test"]
    assert metrics["fit"]


def test_pack_holds_the_best_checkpoint_and_the_record(record: Record, in_process: Command) -> None:
    assert in_process("pack", str(record.folder), "a.zip").returncode == 0
    best = Path(record.content["checkpoints"]["best"] or record.content["checkpoints"]["last"])
    with zipfile.ZipFile("a.zip") as pack:
        names = set(pack.namelist())
        assert {f"a/{name}" for name in ("README.md", "requirements.txt", best.name)} <= names
        assert {f"a/record/{file.name}" for file in record.folder.iterdir()} == {n for n in names if "/record/" in n}
        assert pack.read(f"a/{best.name}") == best.read_bytes()


def test_requirements_have_the_versions_of_the_run_without_builds_of_torch() -> None:
    versions = {"torch": "2.13.0+cu132", "numpy": "2.4.6", "ours": "1.0+fix", "lighter-cli": "0.0.1"}
    lines = requirements(versions).splitlines()
    assert lines[2:] == ["lighter-cli==0.0.1", "numpy==2.4.6", "ours==1.0+fix", "torch==2.13.0"]
    assert [re.match(r"lighter-(config|core)", line) is not None for line in lines[:2]] == [True] * 2


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        ({}, "lighter-cli==0.2.0"),
        ({"url": "file:///home/ann/cli", "dir_info": {"editable": True}}, "lighter-cli==0.2.0"),
        ({"url": "file:///home/ann/a.whl", "archive_info": {}}, "lighter-cli==0.2.0"),
        ({"url": "file:///home/ann", "vcs_info": {"vcs": "git", "commit_id": "1f"}}, "lighter-cli==0.2.0"),
        ({"url": "https://host/a.whl", "archive_info": {}}, "lighter-cli @ https://host/a.whl"),
        (
            {"url": "https://host/l.git", "vcs_info": {"vcs": "git", "commit_id": "1f"}, "subdirectory": "p/cli"},
            "lighter-cli @ git+https://host/l.git@1f#subdirectory=p/cli",
        ),
    ],
    ids=["index", "editable", "wheel", "git here", "address", "git"],
)
def test_requirements_name_nothing_of_this_machine(
    origin: dict[str, Any], requirement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed/lighter_cli-0.2.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: lighter-cli\nVersion: 0.2.0\n")
    if origin:
        (installed / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(installed.parent)
    assert requirements({"lighter-cli": "0.2.0"}).splitlines()[2] == requirement
    assert requirements({"lighter-cli": "0.3.0"}).splitlines()[2] == "lighter-cli==0.3.0"


@pytest.mark.parametrize(("num_best", "which"), [(1, "best"), (0, "last")])
def test_readme_says_whether_a_checkpoint_is_the_best_or_the_last(
    module_config: str, in_process: Command, num_best: int, which: str
) -> None:
    saving = ["dirpath=checkpoints", "save_last=true", f"save_top_k={num_best}"]
    Runner().run("fit", [module_config, *(f"trainer::callbacks::0::{one}" for one in saving)])
    assert in_process("pack", "last", "a.zip").returncode == 0
    with zipfile.ZipFile("a.zip") as pack:
        assert f"the {which} checkpoint" in pack.read("a/README.md").decode()


def test_run_without_code_is_not_packed(record: Record, in_process: Command) -> None:
    (record.folder / CODE_FILE).unlink()
    done = in_process("pack", str(record.folder), "a.zip")
    assert done.returncode == 1
    assert "code" in done.stderr
    assert not Path("a.zip").exists()


def test_what_is_not_in_a_pack_is_named(record: Record, in_process: Command) -> None:
    for file in Path("checkpoints").iterdir():
        file.unlink()
    done = in_process("pack", str(record.folder), "a.zip")
    assert done.returncode == 1
    assert "not in it: the run has no checkpoint" in done.stdout
    assert Path("a.zip").exists()


def test_readme_says_what_to_do_with_a_sharded_checkpoint(record: Record, in_process: Command) -> None:
    best = Path(record.content["checkpoints"]["best"])
    parts = {name: torch.load(best, weights_only=True) for name in ("meta.pt", "part.pt")}
    best.unlink()
    best.mkdir()
    for name, part in parts.items():
        torch.save(part, best / name)
    (best / ".metadata").touch()
    done = in_process("pack", str(record.folder), "a.zip")
    assert done.returncode == 1
    assert f"not in it: {best}: a sharded checkpoint\n" in done.stdout
    with zipfile.ZipFile("a.zip") as pack:
        readme = pack.read("a/README.md").decode()
        assert not any(name.startswith(f"a/{best.name}") for name in pack.namelist())
    (block,) = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    assert [line.split()[1] for line in block.splitlines()[2:]] == ["fit"]
    assert (
        f"The best checkpoint is sharded, a folder, and is not in this file. If you also get the folder\n`{best.name}`"
        in readme
    )
    assert f"run `lighter test ../{best.name} project=code`" in readme
    assert "with the config in it" not in readme


def test_a_file_that_cannot_be_read_is_not_said_to_be_unwritable(
    record: Record, in_process: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packing.open_regular

    def refusing(file: Path) -> Any:
        if file.name == "config.yaml":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
        return real(file)

    monkeypatch.setattr(packing, "open_regular", refusing)
    done = in_process("pack", str(record.folder), "a.zip")
    assert done.returncode == 1
    assert "not in it: record/config.yaml: Permission denied\n" in done.stdout
    assert "cannot be written" not in done.stderr


def test_pack_that_cannot_be_written_is_one_message(record: Record, in_process: Command) -> None:
    done = in_process("pack", str(record.folder), "absent/a.zip")
    assert done.returncode == 1
    assert "absent/a.zip cannot be written: No such file or directory" in done.stderr
    assert "argument 2" in done.stderr
