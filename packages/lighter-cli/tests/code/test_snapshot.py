"""What a record keeps of the code gives the code that ran."""

import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from lighter_cli.code import CODE_FILE, PATCH_FILE
from lighter_cli.code import snapshot as snapshots
from lighter_cli.code.files import hash_of
from lighter_cli.code.packages import imported_packages
from lighter_cli.code.repository import git_state
from lighter_cli.code.snapshot import Snapshot, take_snapshot
from lighter_config import Secrets, load

Git = Callable[..., str]
Take = Callable[..., Snapshot]


def test_there_is_no_commit_outside_a_repository(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None


def test_the_patch_applies_to_the_commit(repository: Path, git: Git, snapshot: Take, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    (repository / "code/models.py").write_text("x = 2\n", encoding="utf-8")
    (repository / "code/old.py").unlink()
    (repository / "code/new file.py").write_text("z = 1", encoding="utf-8")
    (repository / "settings.yaml").write_text("a: 1\n", encoding="utf-8")
    git("add", "-N", "settings.yaml")
    taken = snapshot("code/config.yaml")
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "clone", "-q", str(repository), str(other)], check=True)
    subprocess.run(["git", "apply"], cwd=other, input=taken.patch, check=True)
    assert taken.facts["files"] == {
        path: hash_of((other / path).read_bytes())
        for path in ("code/models.py", "code/new file.py", "code/config.yaml")
    }
    assert (other / "settings.yaml").read_text() == "a: 1\n"
    assert not (other / "code/old.py").exists()
    assert taken.git == {"commit": git("rev-parse", "HEAD"), "dirty": True}


def test_code_of_the_commit_needs_no_patch(repository: Path, snapshot: Take) -> None:
    taken = snapshot("code/config.yaml")
    assert (taken.patch, taken.facts["patch"], taken.git["dirty"]) == (b"", None, False)
    assert taken.facts["configs"] == ["code/config.yaml"]
    assert sorted(taken.facts["files"]) == ["code/config.yaml", "code/models.py", "code/old.py"]


def test_results_and_ignored_files_are_no_code(repository: Path, snapshot: Take) -> None:
    (repository / ".gitignore").write_text("data/\n", encoding="utf-8")
    for folder in ("code/data", "code/outputs/lighter_runs/one", "code/lightning_logs", "code/.hidden"):
        (repository / folder).mkdir(parents=True)
        (repository / folder / "config.yaml").write_text("a: 1\n", encoding="utf-8")
    taken = snapshot()
    assert sorted(taken.facts["files"]) == ["code/config.yaml", "code/models.py", "code/old.py"]
    assert taken.patch == b""


def test_without_a_repository_the_patch_makes_all_files(tmp_path: Path, snapshot: Take) -> None:
    (tmp_path / "code/nets").mkdir(parents=True)
    (tmp_path / "code/nets/net.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "code/venv").mkdir()
    (tmp_path / "code/venv/pyvenv.cfg").touch()
    (tmp_path / "code/venv/installed.py").touch()
    (tmp_path / "elsewhere.py").write_text("outside = 1\n", encoding="utf-8")
    (tmp_path / "code/link.py").symlink_to(tmp_path / "elsewhere.py")
    taken = snapshot()
    assert list(taken.facts["files"]) == ["code/nets/net.py"]
    assert (taken.git, taken.facts["commit"], taken.facts["left_out"]) == (None, None, ["link.py: a link"])
    (tmp_path / "restored").mkdir()
    subprocess.run(["git", "apply"], cwd=tmp_path / "restored", input=taken.patch, check=True)
    assert (tmp_path / "restored/code/nets/net.py").read_text() == "x = 1\n"


def test_without_git_the_record_holds_the_code(
    repository: Path, snapshot: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(repository))
    taken = snapshot()
    assert taken.facts["commit"] is None
    assert taken.patch.count(b"new file mode") == 3


def test_a_repository_without_a_commit_is_kept_as_a_whole(git: Git, tmp_path: Path, snapshot: Take) -> None:
    git("init", "-q")
    (tmp_path / "code").mkdir()
    (tmp_path / "code/net.py").write_text("x = 1\n", encoding="utf-8")
    git("add", "-A")
    taken = snapshot()
    assert (taken.git, taken.facts["commit"]) == (None, None)
    assert b"+x = 1\n" in taken.patch


def test_names_that_are_not_text_are_kept(repository: Path, record: Callable[..., Path]) -> None:
    names = [b"code/a b.py", b"code/new\nline.py", b"code/not\xfftext.py", 'code/"é".py'.encode()]
    for name in names:
        Path(os.fsdecode(name)).write_bytes(name)
    files = json.loads((record() / CODE_FILE).read_text())["files"]
    assert {os.fsencode(path) for path in files}.issuperset(names)


def test_imported_modules_outside_the_project_are_hashed(
    repository: Path, snapshot: Take, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("library")
    (elsewhere / "own_library_17.py").write_text("x = 1\n", encoding="utf-8")
    (repository / "own_helper_17.py").write_text("x = 2\n", encoding="utf-8")
    for folder in (elsewhere, repository):
        monkeypatch.syspath_prepend(str(folder))
    for name in ("own_library_17", "own_helper_17"):
        __import__(name)
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.import_module(name)
    taken = snapshot()
    assert taken.facts["outside"][str(elsewhere / "own_library_17.py")] == hash_of(b"x = 1\n")
    assert taken.facts["files"]["own_helper_17.py"] == hash_of(b"x = 2\n")
    assert b"own_helper_17" in taken.patch


def test_no_module_of_the_standard_library_is_kept(repository: Path, snapshot: Take) -> None:
    sysconfig.get_config_vars()  # imports a module whose name depends on the platform
    standard = [file for file in snapshot().facts["outside"] if file.startswith(sysconfig.get_path("stdlib"))]
    assert standard == []


def test_a_module_that_changed_after_its_import_is_said(
    repository: Path, snapshot: Take, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = repository / "code/own_net_17.py"
    file.write_text("x = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.setitem(sys.modules, "own_net_17", sys)  # removed after the test
    del sys.modules["own_net_17"]
    __import__("own_net_17")
    snapshot()
    assert caplog.text == ""
    file.write_text("x = 10\n", encoding="utf-8")
    snapshot()
    (warning,) = [entry.getMessage() for entry in caplog.records]
    assert warning == f"{file} has changed since it was imported: the record of this run holds it as it is now"


def test_changes_that_are_too_large_are_said(
    repository: Path, git: Git, snapshot: Take, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_PATCH_BYTES", 20_000)
    (repository / "table.csv").write_text("1\n", encoding="utf-8")
    git("add", "table.csv")
    (repository / "table.csv").write_text("1,2,3\n" * 10_000, encoding="utf-8")
    (repository / "code/models.py").write_text("small = 1\n", encoding="utf-8")
    taken = snapshot()
    assert b"+small = 1" in taken.patch
    assert taken.facts["patch"]["is_complete"] is False
    (repository / "code/big.py").write_text("x = 1\n" * 4_000, encoding="utf-8")
    caplog.clear()
    assert snapshot().facts["patch"]["left_out"] == ["code/big.py"]
    (warning,) = [entry.getMessage() for entry in caplog.records]
    assert "too large for the record" in warning
    assert "code/big.py" in warning


def test_untracked_files_above_the_limit_are_left_out_and_said(
    repository: Path, snapshot: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "MAX_FILES", len(snapshot().facts["files"]) + 2)
    for number in range(5):
        (repository / f"untracked_{number}.py").write_text("x = 1\n", encoding="utf-8")
    taken = snapshot()
    assert taken.facts["patch"]["left_out"] == ["untracked_2.py", "untracked_3.py", "untracked_4.py"]
    assert taken.facts["patch"]["is_complete"] is False
    assert b"untracked_1.py" in taken.patch
    assert b"untracked_2.py" not in taken.patch


def test_special_and_large_files_are_left_out_and_said(repository: Path, snapshot: Take) -> None:
    os.mkfifo("code/fifo.py")
    Path("code/device.py").symlink_to("/dev/zero")
    Path("code/large.json").write_bytes(b" " * (2 * 1024 * 1024))
    left_out = snapshot().facts["left_out"]
    assert sorted(left_out) == ["code/large.json: larger than 1 MiB", "device.py: a link"]


def test_a_secret_of_the_config_is_masked_and_the_record_says_so(repository: Path, snapshot: Take) -> None:
    (repository / "code/models.py").write_text("login('very secret')\n", encoding="utf-8")
    taken = snapshot(words=("=vars::api_key=very secret",))
    assert b"very secret" not in taken.patch
    assert taken.facts["patch"]["is_masked"] is True


def test_an_object_that_claims_to_be_a_module_is_passed_over(snapshot: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lib:  # as cffi's, which `cryptography` has among the imported modules
        __slots__ = ()
        __class__ = ModuleType  # type: ignore[assignment]

    monkeypatch.setitem(sys.modules, "claims_17", Lib())
    assert isinstance(sys.modules["claims_17"], ModuleType)
    assert not any("claims_17" in file for file in snapshot().facts["outside"])


def test_imported_packages_are_those_that_importlib_finds() -> None:
    modules = {name.partition(".")[0] for name in sys.modules}
    found = imported_packages()
    for module, names in importlib.metadata.packages_distributions().items():
        if module in modules and module in ("torch", "numpy", "yaml", "PIL", "pytest", "pytorch_lightning"):
            for name in names:
                assert found[name.lower()] == importlib.metadata.version(name)
    assert "mkdocs" not in found


def test_a_read_only_project_is_no_obstacle(repository: Path, record: Callable[..., Path]) -> None:
    (repository / "code").chmod(0o555)
    try:
        assert (record() / CODE_FILE).is_file()
    finally:
        (repository / "code").chmod(0o755)


def test_a_record_that_cannot_be_written_is_a_warning(
    repository: Path, snapshot: Take, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot().write(repository / "missing")
    assert "does not hold its code" in caplog.text
    assert not (repository / "missing" / PATCH_FILE).exists()


def test_a_run_without_a_project_keeps_its_config(repository: Path) -> None:
    taken = take_snapshot(None, ["code/config.yaml"], Secrets(load(["seed=1"])))
    assert list(taken.facts["files"]) == ["code/config.yaml"]


def test_code_in_a_submodule_is_kept_when_it_is_imported(
    repository: Path,
    git: Git,
    snapshot: Take,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "own_part_17.py").write_text("x = 1\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Start"]):
        subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *words], cwd=other, check=True)
    git("submodule", "--quiet", "add", str(other), "part")
    git("commit", "-qm", "Add part")
    (repository / "part/own_part_17.py").write_text("x = 2\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(repository / "part"))
    importlib.import_module("own_part_17")
    taken = snapshot()
    assert taken.facts["files"]["part/own_part_17.py"] == hash_of(b"x = 2\n")
    assert b"+x = 2\n" in taken.patch
    assert taken.git["dirty"] is False


def test_a_project_that_git_ignores_is_code_all_the_same(repository: Path, snapshot: Take) -> None:
    (repository / ".gitignore").write_text("own/\n", encoding="utf-8")
    (repository / "own").mkdir()
    (repository / "own/net.py").write_text("x = 1\n", encoding="utf-8")
    taken = snapshot(project="own")
    assert taken.facts["files"] == {"own/net.py": hash_of(b"x = 1\n")}
    assert b"+x = 1" in taken.patch
