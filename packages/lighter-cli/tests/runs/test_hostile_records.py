"""A record of which anything is wrong: every command ends, with a result or one message, and gives nothing away."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.runs.epochs import EPOCHS_FILE
from lighter_cli.runs.labels import LABELS_FILE
from lighter_cli.runs.record import Record, read_records
from lighter_config import RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")]

Command = Callable[..., subprocess.CompletedProcess[str]]
FILES = (RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, EPOCHS_FILE, CODE_FILE, PATCH_FILE, LABELS_FILE)
SECRET = " ".join(["it is a secret", "of another user"])  # a pack may hold this file, which is code of its run


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working directory of a run."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(Path(__file__).parents[1] / "experiments", folder, dirs_exist_ok=True)
    words = [sys.executable, "-m", "lighter_cli", "fit", "module.yaml", "trainer::callbacks::0::dirpath=checkpoints"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def record(finished_run: Path, tmp_path: Path) -> Record:
    shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True)
    return read_records(Path())[-1]


def make_fifo(file: Path) -> None:
    os.mkfifo(file)


def link_to_device(file: Path) -> None:
    file.symlink_to("/dev/zero")


def link_outside(file: Path) -> None:
    Path("secret.txt").write_text(SECRET)
    file.symlink_to(Path("secret.txt").absolute())


def make_huge(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(2**40)  # takes no space on the disk


def make_folder(file: Path) -> None:
    file.mkdir()


def make_binary(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\0\x80" * 100)


@pytest.mark.filterwarnings("ignore:.*is damaged")
@pytest.mark.parametrize("spoil", [make_fifo, link_to_device, link_outside, make_huge, make_folder, make_binary])
@pytest.mark.parametrize("name", FILES)
def test_every_command_ends_and_gives_nothing_away(
    name: str, spoil: Callable[[Path], None], record: Record, in_process: Command
) -> None:
    folder = str(record.folder)
    (record.folder / name).unlink(missing_ok=True)
    spoil(record.folder / name)
    commands = {
        "list": ("runs", "list"),
        "csv": ("runs", "list", "--csv"),
        "show": ("runs", "show", folder),
        "diff": ("runs", "diff", folder, folder, "--code"),
        "restore": ("runs", "restore", folder, "--to", "restored"),
        "config": ("show", folder),
        "check": ("check", folder),
        "pack": ("pack", folder, "packed.zip"),
    }
    if spoil is not link_to_device:  # a mistake would replace the device
        commands["tag"] = ("runs", "tag", folder, "+seen")
    for command, words in commands.items():
        done = in_process(*words)
        assert done.returncode in (0, 1), (command, done)
        assert "Traceback" not in done.stdout + done.stderr, (command, done)
        assert done.returncode == 0 or done.stdout + done.stderr, (command, done)
    assert spoil is not link_outside or Path("secret.txt").read_text() == SECRET
    if Path("packed.zip").exists():
        with zipfile.ZipFile("packed.zip") as pack:
            assert [entry for entry in pack.namelist() if SECRET.encode() in pack.read(entry)] == []
            packed = [entry.rpartition("/")[2] for entry in pack.namelist() if "/record/" in entry]
        assert name not in packed or spoil is make_binary


@pytest.mark.parametrize("name", [RECORD_FILE, RECORDED_CONFIG, RECORDED_PLACES, EPOCHS_FILE, CODE_FILE, PATCH_FILE])
def test_record_with_a_link_in_it_is_not_packed(name: str, record: Record, in_process: Command) -> None:
    Path("elsewhere").write_bytes((record.folder / name).read_bytes())
    (record.folder / name).unlink()
    (record.folder / name).symlink_to(Path("elsewhere").absolute())
    done = in_process("pack", str(record.folder), "packed.zip")
    assert done.returncode == 1
    assert f"is not packed: its {name} is a link" in done.stderr
    assert not Path("packed.zip").exists()


def test_file_that_is_not_packed_is_named(record: Record, in_process: Command) -> None:
    make_huge(record.folder / EPOCHS_FILE)
    (record.folder / RECORDED_PLACES).unlink()
    make_fifo(record.folder / RECORDED_PLACES)
    done = in_process("pack", str(record.folder), "packed.zip")
    assert done.returncode == 1
    assert "not in it: record/epochs.jsonl: larger than 128 MiB" in done.stdout
    assert "not in it: record/provenance.json: not a regular file" in done.stdout


def test_config_that_cannot_be_read_is_named(record: Record, in_process: Command) -> None:
    config = record.folder / RECORDED_CONFIG
    config.unlink()
    make_fifo(config)
    for words in (("runs", "restore", str(record.folder), "--to", "new"), ("pack", str(record.folder), "a.zip")):
        done = in_process(*words)
        assert done.returncode == 1
        assert f"cannot be restored: {config}: not a regular file" in done.stderr
    assert not Path("a.zip").exists()
    assert f"is not the folder of a run: it has no {RECORDED_CONFIG}" in in_process("show", str(record.folder)).stderr


def test_words_of_a_record_cannot_control_the_terminal_of_who_reads_the_pack(
    record: Record, in_process: Command
) -> None:
    file = record.folder / RECORD_FILE
    file.write_text(file.read_text().replace('"words": [', '"words": ["\\u001b[2J\\n```bash\\nlost", '))
    assert in_process("pack", str(record.folder), "a.zip").returncode == 0
    with zipfile.ZipFile("a.zip") as pack:
        readme = pack.read("a/README.md").decode()
    assert "\\x1b[2J\\n```bash\\nlost" in readme
    assert readme.count("\n```bash") == 1


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is read-only for the administrator")
def test_read_only_record_is_read_restored_and_packed(record: Record, in_process: Command) -> None:
    shutil.copytree(record.folder, "runs/copy")
    folder = Path("runs/copy")
    folder.chmod(0o555)
    try:
        for words in (("runs", "show"), ("show",)):
            assert in_process(*words, str(folder)).returncode == 0
        assert in_process("runs", "restore", str(folder), "--to", "restored").returncode == 0
        assert in_process("pack", str(folder), "a.zip").returncode == 0
        done = in_process("runs", "tag", str(folder), "+seen")
        assert done.returncode == 1
        assert (
            "cannot be changed: Permission denied\n  to fix             see who may write to runs/copy\n" in done.stderr
        )
        done = in_process("runs", "restore", str(folder), "--to", "runs/copy/restored")
        assert "cannot be restored: " in done.stderr
        assert "Permission denied" in done.stderr
    finally:
        folder.chmod(0o755)
