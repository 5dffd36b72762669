"""Where modules are found: by the rules of Python's import, on every kind of search path."""

import importlib.machinery
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config.signatures import DoesNotExist, Signature, SignatureReader, Unknown

Write = Callable[..., Path]

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]


def on(*folders: Path) -> SignatureReader:
    return SignatureReader(search_path=list(folders), cache_folder=None)


def keywords(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, Signature), answer
    return answer.keywords


def test_an_archive_on_the_search_path_may_hold_any_module(tmp_path: Path) -> None:
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("inside.py", "def f(a): ...")
    answer = on(archive).read("inside.f")
    assert isinstance(answer, Unknown)
    assert "is an archive" in answer.reason


def test_a_compiled_package_is_found_with_its_submodules(write_modules: Write, tmp_path: Path) -> None:
    write_modules(tmp_path, compiled__part="def f(a): ...", fast__notes="")
    (tmp_path / "compiled" / f"__init__{SUFFIX}").write_bytes(b"")
    (tmp_path / f"fast{SUFFIX}").write_bytes(b"")
    (tmp_path / "compiled" / "__init__.pyi").write_text("def g(b): ...\ndef g2(c: int = ...): ...\nx: int\n")
    (tmp_path / "fast" / "__init__.pyi").write_text("from fast import _inner\nfrom fast._inner import h as h\n")
    (tmp_path / "fast" / "_inner.pyi").write_text("def h(c): ...\n")
    reader = on(tmp_path)
    assert keywords(reader.read("compiled.g")) == ("b",)
    assert keywords(reader.read("compiled.part.f")) == ("a",)
    assert keywords(reader.read("fast.h")) == ("c",)
    assert isinstance(reader.read("compiled.x"), Unknown)
    assert isinstance(reader.read("compiled.missing"), Unknown)
    assert isinstance(reader.read("compiled.part.f.g"), Unknown)


def test_overloads_of_a_stub_are_several_signatures(write_modules: Write, tmp_path: Path) -> None:
    write_modules(tmp_path, pkg____init__="")
    (tmp_path / "pkg" / f"fast{SUFFIX}").write_bytes(b"")
    text = "from typing import overload\n@overload\ndef f(a: int): ...\n@overload\ndef f(b: str): ...\n"
    (tmp_path / "pkg" / "fast.pyi").write_text(text)
    assert isinstance(on(tmp_path).read("pkg.fast.f"), Unknown)


def test_package_that_extends_its_path_has_modules_in_other_folders(write_modules: Write, tmp_path: Path) -> None:
    extends = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n"
    first = write_modules(tmp_path / "first", pkg____init__=extends, pkg__one="def f(a): ...")
    second = write_modules(tmp_path / "second", pkg____init__=extends, pkg__two="def f(b): ...")
    reader = on(first, second)
    assert keywords(reader.read("pkg.one.f")) == ("a",)
    assert keywords(reader.read("pkg.two.f")) == ("b",)
    assert isinstance(reader.read("pkg.three.f"), DoesNotExist)


def test_folders_of_one_namespace_package_are_searched_in_order(write_modules: Write, tmp_path: Path) -> None:
    first = write_modules(tmp_path / "first", space__one="def f(a): ...")
    second = write_modules(tmp_path / "second", space__one="def f(b): ...", space__two="def f(c): ...")
    reader = on(first, second)
    assert keywords(reader.read("space.one.f")) == ("a",)
    assert keywords(reader.read("space.two.f")) == ("c",)
    assert isinstance(reader.read("space.three"), DoesNotExist)
    assert isinstance(reader.read("space"), DoesNotExist)


@pytest.mark.parametrize(
    ("finder", "is_read"),
    [
        ("MAPPING = {'pkg': FOLDER}", True),
        ("MAPPING: dict[str, str] = {'pkg': FOLDER}\nNAMESPACES = {}", True),
        ("NAMESPACES: dict\nOTHER = 1\nMAPPING = {'pkg': FOLDER}", True),
        ("MAPPING = {'pkg': compute(FOLDER)}", False),
        ("MAPPING = ['pkg', FOLDER]", False),
        ("def pkg(:", False),
        ("pkg = FOLDER", False),
    ],
)
@pytest.mark.parametrize("kind", ["package", "module", "namespace", "gone"])
def test_the_finder_of_an_editable_install_says_where_a_package_is(
    write_modules: Write, tmp_path: Path, finder: str, is_read: bool, kind: str
) -> None:
    elsewhere = tmp_path / "elsewhere" / "pkg"
    site = tmp_path / "site-packages"
    site.mkdir()
    if kind == "package":
        write_modules(tmp_path / "elsewhere", pkg____init__="def f(a): ...")
    elif kind == "module":
        write_modules(tmp_path / "elsewhere", pkg="def f(a): ...")
    elif kind == "namespace":
        write_modules(tmp_path / "elsewhere", pkg__part="def f(a): ...")
    (site / "__editable___pkg_finder.py").write_text(finder.replace("FOLDER", repr(str(elsewhere))))
    (site / "pkg.pth").write_text("import __editable___pkg_finder; __editable___pkg_finder.install()\n# none\n\nnone\n")
    answer = on(site).read("pkg.part.f" if kind == "namespace" else "pkg.f")
    if not is_read:
        assert isinstance(answer, Unknown)
    elif kind == "gone":
        assert isinstance(answer, DoesNotExist)
    else:
        assert keywords(answer) == ("a",)


def test_a_hook_that_is_not_there_may_bring_what_its_line_names(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "a.pth").write_text("import hook_of_pkg; hook_of_pkg.install('pkg')\nimport\timportlib\n")
    reader = on(site)
    assert isinstance(reader.read("pkg.f"), Unknown)
    assert isinstance(reader.read("other.f"), DoesNotExist)


def test_modules_of_interpreter_that_are_not_on_path_may_be_there(tmp_path: Path) -> None:
    reader = on(tmp_path)
    assert isinstance(reader.read("json.dumps"), Unknown)
    assert isinstance(reader.read("sys.exit"), Unknown)
    assert isinstance(reader.read("print.x"), Unknown)
    assert isinstance(reader.read("print"), Unknown)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder there cannot be made unreadable so")
def test_what_cannot_be_read_is_unknown(write_modules: Write, tmp_path: Path) -> None:
    write_modules(tmp_path, pkg____init__="from .gone import *", lib="from gone import *")
    for name in ("pkg/gone.py", "gone.py", "broken.py"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere.py")
    reader = on(tmp_path)
    for target in ("pkg.f", "lib.f", "broken.f", "gone.f"):
        answer = reader.read(target)
        assert isinstance(answer, Unknown), target
        assert "cannot be read" in answer.reason


def test_package_with_an_unreadable_folder_is_still_searched(write_modules: Write, tmp_path: Path) -> None:
    write_modules(tmp_path, pkg____init__="", pkg__part="import pkg\npkg.Given = 1")
    (tmp_path / "pkg" / "broken.py").symlink_to(tmp_path / "nowhere.py")
    reader = on(tmp_path)
    assert isinstance(reader.read("pkg.Given"), Unknown)
    assert isinstance(reader.read("pkg.Other"), DoesNotExist)


def test_a_project_may_be_a_package(write_modules: Write, tmp_path: Path) -> None:
    write_modules(tmp_path, __init__="def f(a): ...")
    reader = SignatureReader(search_path=[], project=tmp_path, cache_folder=None)
    assert keywords(reader.read("project.f")) == ("a",)
    near = reader.read("projct.f")
    assert isinstance(near, DoesNotExist)
    assert near.nearest == ("project.f",)
