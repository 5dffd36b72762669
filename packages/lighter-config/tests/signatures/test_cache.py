"""Answers kept between runs are never older than the source."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lighter_config.signatures import DoesNotExist, Signature, SignatureReader
from lighter_config.signatures.values.module_store import ModuleStore


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/__init__.py").write_text("from lib.inner import thing\n")
    (tmp_path / "lib/inner.py").write_text("def thing(a): ...\n")
    return tmp_path / "lib"


def read(source: Path, target: str = "lib.thing", cache: str = "cache") -> object:
    return SignatureReader(search_path=[source.parent], cache_folder=source.parent / cache).read(target)


def keywords(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, Signature), answer
    return answer.keywords


def test_a_kept_answer_is_the_same_and_reads_no_source(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(source)
    monkeypatch.setattr(ModuleStore, "_read", lambda *_: pytest.fail("the source was read again"))
    assert read(source) == first


@pytest.mark.parametrize("target", ["lib.thing", "lib.thin", "lib.inner", "lib.thing.x"])
def test_every_kind_of_answer_survives_being_kept(source: Path, target: str) -> None:
    assert read(source, target) == read(source, target) == read(source, target, cache="none_kept_here")


def test_not_known_is_a_kept_answer_too(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_subclass() -> bool | None:
        reader = SignatureReader(search_path=[source.parent], cache_folder=source.parent / "cache")
        return reader.is_subclass("lib.thing", "lib.inner")

    assert is_subclass() is None
    monkeypatch.setattr(ModuleStore, "_read", lambda *_: pytest.fail("the source was read again"))
    assert is_subclass() is None


def test_a_change_of_any_file_on_the_way_is_seen(source: Path) -> None:
    assert keywords(read(source)) == ("a",)
    (source / "inner.py").write_text("def thing(b): ...\n")
    os.utime(source / "inner.py", ns=(1, 1))
    assert keywords(read(source)) == ("b",)
    (source / "__init__.py").write_text("def thing(c, d): ...\n")
    assert keywords(read(source)) == ("c", "d")


def test_a_module_that_appears_or_goes_is_seen(source: Path) -> None:
    assert isinstance(read(source, "lib.later.f"), DoesNotExist)
    (source / "later.py").write_text("def f(a): ...\n")
    assert keywords(read(source, "lib.later.f")) == ("a",)
    (source / "later.py").unlink()
    assert isinstance(read(source, "lib.later.f"), DoesNotExist)


def test_name_that_another_file_now_adds_is_no_longer_missing(source: Path) -> None:
    """The answer that something does not exist depends on every file of the package."""
    assert isinstance(read(source, "lib.added"), DoesNotExist)
    (source / "patch.py").write_text("import lib\nlib.added = print\n")
    assert not isinstance(read(source, "lib.added"), DoesNotExist)


def test_damaged_and_foreign_entries_are_worked_out_again(source: Path) -> None:
    read(source)
    entries = list((source.parent / "cache").iterdir())
    assert entries
    for text in ("", "{", "[]", "null", '{"question": "other", "modules": {}, "answer": {}}', '{"modules": 3}'):
        for entry in entries:
            entry.write_text(text)
        assert keywords(read(source)) == ("a",)


def test_answers_are_kept_after_the_folder_was_removed(source: Path) -> None:
    reader = SignatureReader(search_path=[source.parent], cache_folder=source.parent / "cache")
    reader.read("lib.thing")
    shutil.rmtree(source.parent / "cache")
    reader.read("lib.other")
    assert len(list((source.parent / "cache").iterdir())) == 1


def test_a_folder_that_cannot_be_written_is_no_error(source: Path) -> None:
    (source.parent / "file").write_text("")
    assert keywords(read(source, cache="file/inside")) == ("a",)


def test_other_search_paths_and_projects_have_their_own_answers(source: Path) -> None:
    cache = source.parent / "cache"
    for name in ("one", "two"):
        (source.parent / name).mkdir()
        (source.parent / name / "nets.py").write_text(f"def net({name}): ...\n")
        reader = SignatureReader(search_path=[], project=source.parent / name, cache_folder=cache)
        assert keywords(reader.read("project.nets.net")) == (name,)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """The libraries of an environment: a package with the list of files that its installer has written."""
    site = tmp_path / "env/site-packages"
    (site / "lib").mkdir(parents=True)
    (site / "lib/__init__.py").write_text("def thing(a): ...\ndef other(a): ...\n")
    (site / "lib-1.0.dist-info").mkdir()
    (site / "lib-1.0.dist-info/RECORD").write_text("lib/__init__.py,,\n")
    return site


def in_project(environment: Path, name: str, target: str) -> object:
    (project := environment.parents[1] / name).mkdir(exist_ok=True)
    cache = environment.parents[1] / "cache"
    return SignatureReader(search_path=[environment, project], project=project, cache_folder=cache).read(target)


def test_another_project_finds_the_answers_about_libraries(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = in_project(environment, "one", "lib.thing")
    assert keywords(first) == ("a",)
    monkeypatch.setattr(ModuleStore, "_read", lambda *_: pytest.fail("the source was read again"))
    assert in_project(environment, "two", "lib.thing") == first


def test_a_module_of_a_project_that_hides_a_library_is_seen(environment: Path) -> None:
    (environment / "lib/__init__.py").write_text("from helper import thing\n")
    for name in ("one", "two"):
        in_project(environment, name, "lib.thing")
        (environment.parents[1] / name / "helper.py").write_text(f"def thing({name}): ...\n")
        assert keywords(in_project(environment, name, "lib.thing")) == (name,)


def test_an_upgrade_of_a_library_is_seen(environment: Path) -> None:
    assert keywords(in_project(environment, "one", "lib.thing")) == ("a",)
    assert isinstance(in_project(environment, "one", "lib.added"), DoesNotExist)
    (environment / "lib/__init__.py").write_text("def thing(a, b): ...\n")
    (environment / "lib/patch.py").write_text("import lib\nlib.added = print\n")
    (environment / "lib-1.0.dist-info").rename(environment / "lib-1.1.dist-info")
    (environment / "lib-1.1.dist-info/RECORD").write_text("lib/__init__.py,,\nlib/patch.py,,\n")
    assert keywords(in_project(environment, "two", "lib.thing")) == ("a", "b")
    assert not isinstance(in_project(environment, "two", "lib.added"), DoesNotExist)


def test_a_library_of_the_same_name_elsewhere_has_its_own_answers(environment: Path) -> None:
    (other := environment.parents[1] / "env2/site-packages/lib").mkdir(parents=True)
    (other / "__init__.py").write_text("def thing(z): ...\n")
    for _ in range(2):
        assert keywords(in_project(environment, "one", "lib.thing")) == ("a",)
        assert keywords(in_project(other.parent, "one", "lib.thing")) == ("z",)
    assert len(list((environment.parents[1] / "cache").iterdir())) == 2


def test_many_processes_may_write_at_once(source: Path) -> None:
    code = (
        "import sys; from lighter_config.signatures import SignatureReader\n"
        "for _ in range(100):\n"
        "    reader = SignatureReader(search_path=[sys.argv[1]], cache_folder=sys.argv[2])\n"
        "    assert reader.read('lib.thing').keywords == ('a',)\n"
        "    [entry.unlink(missing_ok=True) for entry in reader._cache.folder.glob('*.json')]\n"
    )
    cache = source.parent / "cache"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(source.parent), str(cache)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert not [entry for entry in cache.iterdir() if entry.suffix == ".tmp"]
    read(source)
    assert all(json.loads(entry.read_text())["question"] for entry in cache.iterdir())
