"""A repository with code in it, and the folder of a record beside it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.code.snapshot import Snapshot, take_snapshot
from lighter_config import Secrets, load

Git = Callable[..., str]
Record = Callable[..., Path]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Run git in the working directory, or in a folder below it."""

    def run(*words: str, folder: str = ".", stdin: bytes = b"") -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
        command = ["git", *identity, *words]
        done = subprocess.run(command, cwd=tmp_path / folder, input=stdin, capture_output=True, check=True)
        return done.stdout.decode(errors="surrogateescape").strip()

    return run


@pytest.fixture
def repository(git: Git) -> Path:
    """A commit of a model, a config and a removed module, all in ``code/``."""
    Path("code").mkdir()
    Path("code/models.py").write_text("".join(f"x{number} = {number}\n" for number in range(40)), encoding="utf-8")
    Path("code/old.py").write_text("y = 1\n", encoding="utf-8")
    Path("code/config.yaml").write_text("seed: 1\n", encoding="utf-8")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "Start")
    return Path.cwd()


@pytest.fixture
def snapshot() -> Callable[..., Snapshot]:
    """Take a snapshot of ``code/``."""

    def take(*configs: str, project: str = "code", words: tuple[str, ...] = ("seed=1",)) -> Snapshot:
        return take_snapshot(Path(project).resolve(), configs, Secrets(load(words)))

    return take


@pytest.fixture
def record(snapshot: Callable[..., Snapshot], tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Write a snapshot of ``code/`` into the folder of a record."""

    def write(*configs: str, **options: object) -> Path:
        folder = tmp_path_factory.mktemp("record")
        (folder / "config.yaml").write_text("seed: 1\n", encoding="utf-8")
        snapshot(*configs, **options).write(folder)
        return folder

    return write
