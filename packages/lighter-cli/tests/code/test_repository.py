"""Git runs no program that the configuration of a repository names; each trap is live."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.code import PATCH_FILE
from lighter_cli.code.repository import working_tree
from lighter_cli.code.restoring import restore
from lighter_cli.code.stored import stored_code

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the traps are shell scripts")

Git = Callable[..., str]
Record = Callable[..., Path]

TRACE = Path("trace")
TRAPS = {
    "a monitor": ("core.fsmonitor", "touch {trace}; false"),
    "a filter": ("filter.trap.clean", "touch {trace}; cat"),
    "a filter with a name that options cannot hold": ("filter.t=rap.clean", "touch {trace}; cat"),
    "a required filter": ("filter.trap.process", "touch {trace}; false"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_snapshot_runs_no_program_of_the_repository(trap: str, repository: Path, git: Git, record: Record) -> None:
    key, program = TRAPS[trap]
    git("config", key, program.format(trace=TRACE.resolve()))
    git("config", f"{key.rpartition('.')[0]}.required", "true")
    Path(".gitattributes").write_text(f"*.py filter={key.split('.')[1]}\n", encoding="utf-8")
    Path("code/models.py").write_text("z = 5\n", encoding="utf-8")
    folder = record()
    assert not TRACE.exists()
    assert b"+z = 5" in (folder / PATCH_FILE).read_bytes()
    code = stored_code(folder)
    assert code is not None
    assert restore(code, Path("restored")).problems == []
    assert not TRACE.exists()
    subprocess.run(["git", "diff", "HEAD"], capture_output=True, check=False)
    assert TRACE.exists()


def test_filters_of_the_user_are_used(repository: Path, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Path("user.gitconfig").resolve()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    git("config", "--file", str(settings), "filter.upper.clean", "tr a-z A-Z")
    git("config", "filter.upper.clean", f"touch {TRACE.resolve()}; cat")
    Path(".gitattributes").write_text("*.py filter=upper\n", encoding="utf-8")
    Path("code/models.py").write_text("z = 5\n", encoding="utf-8")
    tree = working_tree(repository, ("*.py",), 10_000)
    assert tree is not None
    assert tree.changes is not None
    assert b"+Z = 5" in tree.changes
    assert not TRACE.exists()


def test_reading_a_commit_fetches_nothing(repository: Path, git: Git, record: Record) -> None:
    folder = record()
    git("config", "core.repositoryformatversion", "1")
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.promisor", "true")
    git("config", "remote.origin.url", f"ext::sh -c touch% {TRACE.resolve()}")
    git("config", "protocol.ext.allow", "always")
    name = git("rev-parse", "HEAD:code/models.py")
    Path(f".git/objects/{name[:2]}/{name[2:]}").unlink()
    code = stored_code(folder)
    assert code is not None
    (problem, *_) = restore(code, Path("restored")).problems
    assert problem.startswith("code/models.py: ")
    working_tree(repository, ("*.py",), 10_000)
    assert not TRACE.exists()
    subprocess.run(["git", "cat-file", "-p", name], capture_output=True, check=False)
    assert TRACE.exists()
