"""A run is restored as it was, and whatever a record holds, nothing else is written."""

import importlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.code.files import hash_of
from lighter_cli.code.patch import addition
from lighter_cli.code.restoring import Restored, restore
from lighter_cli.code.stored import stored_code
from lighter_config import SourceError

Git = Callable[..., str]
Write = Callable[..., Path]


def restored(record: Path, to: str = "restored") -> Restored:
    code = stored_code(record)
    assert code is not None
    return restore(code, Path(to))


def change(record: Path, **fields: object) -> None:
    file = record / CODE_FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}), encoding="utf-8")


def change_patch(record: Path, patch: bytes) -> None:
    """Replace the patch as somebody who knows the format would: with its hash."""
    (record / PATCH_FILE).write_bytes(patch)
    change(record, patch={"is_complete": True, "is_masked": False, "left_out": [], "hash": hash_of(patch)})


def all_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_changed_removed_and_new_files_are_as_they_were(repository: Path, git: Git, record: Write) -> None:
    (repository / "code/models.py").write_text("changed = 1", encoding="utf-8")
    (repository / "code/old.py").unlink()
    (repository / "code/a new\nfile.py").write_bytes(b"x = '\xff'\r\n")
    (repository / "code/run.sh").write_text("true\n", encoding="utf-8")
    (repository / "code/run.sh").chmod(0o755)
    git("add", "code/run.sh")
    folder = record("code/config.yaml")
    before = {
        path: (repository / path).read_bytes() for path in ("code/models.py", "code/a new\nfile.py", "code/run.sh")
    }
    git("add", "-A")
    git("commit", "-qm", "Later")
    (repository / "code/models.py").write_text("later = 1", encoding="utf-8")
    done = restored(folder)
    assert (done.problems, done.num_proven) == ([], 5)
    assert {path: (Path("restored") / path).read_bytes() for path in before} == before
    assert os.access("restored/code/run.sh", os.X_OK)
    assert not Path("restored/code/old.py").exists()
    assert done.config == Path("restored") / f"{folder.name}.yaml"


def test_a_run_outside_a_repository_is_restored_without_git(
    tmp_path: Path, record: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("code").mkdir()
    Path("code/net.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = record()
    shutil.rmtree("code")
    done = restored(folder)
    assert (done.problems, done.num_proven) == ([], 2)
    assert Path("restored/code/net.py").read_text() == "x = 1\n"


def test_a_folder_that_is_not_empty_is_refused(repository: Path, record: Write) -> None:
    folder = record()
    with pytest.raises(SourceError, match="is not empty"):
        restored(folder, "code")
    with pytest.raises(SourceError, match="is a file"):
        restored(folder, "code/models.py")
    Path("empty").mkdir()
    assert restored(folder, "empty").problems == []


def test_a_file_name_that_begins_like_a_message_hides_no_other_file(repository: Path, git: Git, record: Write) -> None:
    for name in ("models.py", "models.py: it is", "models.py: it is.py"):
        (repository / "code" / name).write_text("x = 1\n", encoding="utf-8")
    git("add", "-A")
    git("commit", "-qm", "Names with colons")
    folder = record()
    files = json.loads((folder / CODE_FILE).read_text())["files"]
    assert "code/models.py: it is.py" in files
    done = restored(folder)
    assert (done.problems, done.num_proven, done.num_without_hash) == ([], len(files) + 1, 1)
    assert done.num_files == done.num_proven + done.num_without_hash
    change(folder, files=dict.fromkeys(files, "0" * 64))
    problems = restored(folder, "again").problems
    assert sorted(problems) == sorted(f"{path}: it is not as it was" for path in files)


def test_a_commit_that_is_gone_is_said(repository: Path, record: Write) -> None:
    (repository / "code/new.py").write_text("x = 1\n", encoding="utf-8")
    (repository / "code/models.py").write_text("x = 1\n", encoding="utf-8")
    folder = record()
    shutil.rmtree(".git")
    done = restored(folder)
    assert "the commit" in done.problems[0]
    assert "is neither in the repository of this folder nor in" in done.problems[0]
    assert "code/models.py: the file that it changes is missing" in done.problems
    assert "code/old.py: it is not in the record" in done.problems
    assert Path("restored/code/new.py").read_text() == "x = 1\n"


def test_the_commit_is_found_in_the_repository_of_this_folder(
    repository: Path, record: Write, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = record()
    moved = tmp_path_factory.mktemp("moved") / "repository"
    shutil.move(repository, moved)
    monkeypatch.chdir(moved)
    assert restored(folder).problems == []


def test_masked_secrets_are_said_by_file(repository: Path, record: Write) -> None:
    (repository / "code/models.py").write_text('API_KEY = "sk-12345"\n', encoding="utf-8")
    done = restored(record())
    assert done.problems == ["code/models.py: it is not as it was: a secret in it may be masked"]
    assert "sk-12345" not in Path("restored/code/models.py").read_text()


def test_a_binary_change_is_said(repository: Path, git: Git, record: Write) -> None:
    (repository / "code/models.py").write_bytes(b"x = 1\0")
    assert restored(record()).problems == [
        "code/models.py: its change is binary, which the record does not keep",
    ]


def test_a_changed_patch_config_or_commit_is_said(repository: Path, record: Write) -> None:
    (repository / "code/models.py").write_text("x = 1\n", encoding="utf-8")
    folder = record()
    patch = (folder / PATCH_FILE).read_bytes()
    (folder / PATCH_FILE).write_bytes(patch.replace(b"+x = 1", b"+x = 2"))
    (folder / "config.yaml").write_text("seed: 2\n", encoding="utf-8")
    done = restored(folder)
    assert done.problems == [
        "code.patch has changed since the run started",
        f"{folder.name}.yaml: the recorded config has changed",
        "code/models.py: it is not as it was",
    ]


@pytest.mark.parametrize(
    "path", [b"../outside.py", b"/tmp/outside.py", b"code/../../outside.py", b".git/hooks/post-checkout", b"a/.GIT/x"]
)
def test_a_patch_writes_nothing_outside(repository: Path, record: Write, path: bytes) -> None:
    folder = record()
    change_patch(folder, addition(path, b"evil\n"))
    before = all_files(repository.parent)
    done = restored(folder)
    assert f"{path.decode()}: it would be outside the folder" in done.problems
    written = all_files(repository.parent) - before
    assert all(name.startswith(f"{repository.name}/restored/") for name in written)
    assert not any("outside" in name or "post-checkout" in name for name in written)


def test_a_link_in_a_commit_leads_nowhere_else(repository: Path, git: Git, record: Write) -> None:
    Path("inside").symlink_to("code")
    Path("code/up").symlink_to("../inside/models.py")
    Path("away").symlink_to("/etc")
    Path("above").symlink_to("code/../..")
    git("add", "-A")
    git("commit", "-qm", "Link")
    folder = record()
    change_patch(folder, addition(b"away/evil.py", b"evil\n"))
    done = restored(folder)
    assert "away: a link to '/etc', which is outside the folder" in done.problems
    assert "above: a link to 'code/../..', which is outside the folder" in done.problems
    assert Path("restored/code/up").resolve() == (repository / "restored/code/models.py")
    assert Path("restored/away").is_dir()
    assert not Path("restored/away").is_symlink()
    assert not Path("/etc/evil.py").exists()


def test_a_link_made_by_a_patch_is_treated_as_one_of_a_commit(repository: Path, record: Write) -> None:
    folder = record()
    link = addition(b"away", b"/etc").replace(b"100644", b"120000")
    change_patch(folder, link + addition(b"away/evil.py", b"evil\n"))
    assert any(problem.startswith("away: a link to '/etc'") for problem in restored(folder).problems)
    assert not Path("/etc/evil.py").exists()


HOSTILE = {
    "files outside": {"files": {"../x.py": "0" * 64}},
    "an absolute file": {"files": {"/etc/passwd": "0" * 64}},
    "a null character": {"files": {"a\0b": "0" * 64}},
    "half a character": {"files": {"\ud800": "0" * 64}},
    "an option as commit": {"commit": "--output=evil"},
    "a working directory outside": {"working_directory": "../.."},
    "an absolute project": {"project": "/etc"},
    "a wrong hash": {"files": {"a.py": "0"}},
    "no mapping": {"files": []},
    "a relative root": {"root": "."},
    "numbers as versions": {"packages": {"torch": 2}},
    "a patch without facts": {"patch": {}},
    "many files": {"files": {f"{number}.py": "0" * 64 for number in range(10_000)}},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_record_is_skipped_with_a_warning(
    case: str, repository: Path, record: Write, caplog: pytest.LogCaptureFixture
) -> None:
    folder = record()
    change(folder, **HOSTILE[case])
    assert stored_code(folder) is None
    (warning,) = [entry.getMessage() for entry in caplog.records]
    assert warning.startswith(f"what the record says about its code is skipped: {folder / CODE_FILE}: its ")


def test_a_newer_format_is_skipped_with_a_warning_that_says_so(
    repository: Path, record: Write, caplog: pytest.LogCaptureFixture
) -> None:
    folder = record()
    change(folder, format=2, files="of another kind")
    assert stored_code(folder) is None
    assert "a newer version of Lighter wrote it (format 2; this one reads 1)" in caplog.text


def test_special_and_huge_files_are_not_read(repository: Path, record: Write, caplog: pytest.LogCaptureFixture) -> None:
    (repository / "code/new.py").write_text("x = 1\n", encoding="utf-8")
    folder = record()
    (folder / PATCH_FILE).unlink()
    (folder / PATCH_FILE).symlink_to("/dev/zero")
    assert "code.patch cannot be read: not a regular file" in restored(folder).problems
    (folder / PATCH_FILE).unlink()
    with (folder / PATCH_FILE).open("wb") as stream:
        stream.truncate(1 << 34)
    assert "code.patch cannot be read: larger than 8 MiB" in restored(folder, "again").problems
    (folder / CODE_FILE).unlink()
    os.mkfifo(folder / CODE_FILE)
    assert stored_code(folder) is None
    assert "not a regular file" in caplog.text


def test_a_repository_that_a_record_names_runs_nothing(repository: Path, git: Git, record: Write) -> None:
    evil = repository / "evil"
    subprocess.run(["git", "clone", "-q", ".", str(evil)], check=True)
    for name, value in {
        "core.fsmonitor": "touch trace",
        "core.hooksPath": str(evil),
        "filter.x.smudge": "touch trace",
        "core.sshCommand": "touch trace",
        "remote.origin.promisor": "true",
        "remote.origin.url": "ext::touch trace",
        "extensions.partialClone": "origin",
    }.items():
        git("config", name, value, folder="evil")
    (evil / ".git/info/attributes").write_text("* filter=x\n", encoding="utf-8")
    folder = record()
    change(folder, root=str(evil))
    shutil.rmtree(repository / ".git")
    missing = git("rev-parse", "HEAD:code/models.py", folder="evil")
    (evil / ".git/objects" / missing[:2] / missing[2:]).unlink()
    assert any("code/models.py" in problem for problem in restored(folder).problems)
    assert not list(repository.rglob("trace"))


def test_changed_modules_outside_are_said(
    repository: Path, record: Write, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("library") / "own_part_18.py"
    file.write_text("x = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(file.parent))
    importlib.import_module("own_part_18")
    folder = record()
    assert restored(folder).problems == []
    file.write_text("x = 2\n", encoding="utf-8")
    assert restored(folder, "again").problems == [f"{file}: outside the folders that are kept, it has changed since"]
