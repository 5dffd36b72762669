"""Branches that depend on what is installed: read as Python takes them, or unknown."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config.signatures import Answer, Signature, SignatureReader, Unknown

Read = Callable[..., Answer]
Takes = Callable[..., tuple[str, ...] | None]
Package = Callable[..., SignatureReader]

AVAILABLE = """
import importlib.metadata
import importlib.util
import os
USED = {"1", "AUTO"}
USE_IT = os.environ.get("LIGHTER_USE_IT", "AUTO").upper()
class Missing(Exception): ...
def _has(name):
    exists = importlib.util.find_spec(name) is not None
    version = "N/A"
    if exists:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            exists = False
    return exists, version
if USE_IT in USED:
    _numpy, _numpy_version = _has("numpy")
else:
    _numpy = False
_absent = importlib.util.find_spec("somewhere_missing") is not None
def has_numpy(): return _numpy
def has_absent(): return _absent
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n  from json import JSONDecoder as Base\nexcept ImportError:\n  class Base: ...\nclass thing(Base):\n  def __init__(self, a): ...", ("a",)),
        ("try:\n  from part import thing\nexcept ImportError:\n  def thing(b): ...", ("a",)),
        ("try:\n  from somewhere_missing import thing\nexcept ImportError:\n  def thing(b): ...", ("b",)),
        ("try:\n  from part import gone as thing\nexcept ImportError:\n  def thing(b): ...", ("b",)),
        ("try:\n  from needy import thing\nexcept ModuleNotFoundError:\n  def thing(b): ...", ("b",)),
        ("try:\n  import part\n  HAS = True\nexcept ImportError:\n  HAS = False\nif HAS:\n  def thing(c): ...\nelse:\n  def thing(b): ...", ("c",)),
        ("from avail import has_absent, Missing\ntry:\n  if not has_absent(): raise Missing\nexcept Missing:\n  from part import *\nelse:\n  def thing(b): ...", ("a",)),
        ("from avail import has_absent\nif has_absent():\n  def thing(b): ...\nelse:\n  def thing(c): ...", ("c",)),
    ],
)  # fmt: skip
def test_branch_is_taken_as_imports_and_tests_say(takes: Takes, text: str, expected: tuple[str, ...]) -> None:
    others = {"part": "def thing(a): ...", "needy": "import somewhere_missing\ndef thing(a): ...", "avail": AVAILABLE}
    assert takes(text, **others) == expected


@pytest.mark.parametrize(
    "text",
    [
        "FLAG = False\nif FLAG:\n  def thing(a): ...\nelse:\n  def thing(b): ...\nimport sys\nFLAG = sys.argv",
        "import sys\nif len(sys.argv) > 99:\n  def thing(a): ...\nelse:\n  def thing(b): ...",
        "try:\n  from refusing import thing\nexcept ImportError:\n  def thing(b): ...",
        "try:\n  from failing import thing\nexcept Exception:\n  def thing(b): ...",
        "try:\n  from failing import thing\nexcept:\n  def thing(b): ...",
        "try:\n  from failing import thing\nexcept (ImportError, NameError):\n  def thing(b): ...",
        "try:\n  from halved import thing\nexcept ImportError:\n  def thing(b): ...",
        "import random\ntry:\n  random.random()\nexcept ImportError:\n  def thing(b): ...\nelse:\n  def thing(a): ...",
    ],
)
def test_branch_that_the_text_does_not_decide_is_unknown(read: Read, text: str) -> None:
    refusing = "import sys\nif len(sys.argv) > 99:\n  raise ImportError('not here')\ndef thing(a): ..."
    failing = "def thing(a): ...\nother = nowhere"
    halved = "g = globals()\nfor n in ('x',): g[n] = n\nif len(g) < 9:\n  def other(): ...\nelse:\n  def thing(a): ..."
    answer = read(text, refusing=refusing, failing=failing, halved=halved)
    assert isinstance(answer, Unknown) or getattr(answer, "keywords", None) == ("b",)


def test_a_lazy_package_gives_what_it_tells_type_checkers(package: Package) -> None:
    lazy = """
    import types
    class Lazy(types.ModuleType):
        def __init__(self, name, file):
            super().__init__(name)
            self.__path__ = [file.rpartition("/")[0]]
        def __getattr__(self, name):
            import importlib
            if name.startswith("__"):
                raise AttributeError(name)
            return getattr(importlib.import_module("pkg.models.net"), name)
    """
    replaced = (
        "import sys\n    from lazy import Lazy\n    sys.modules[__name__] = Lazy(__name__, globals()['__file__'])"
    )
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .{} import *\nelse:\n    " + replaced
    net = "__all__ = ['Net']\nclass Net:\n    def __init__(self, width): ...\nclass Hidden: ...\n"
    reader = package(
        lazy=lazy, pkg____init__=text.format("models"), pkg__models____init__=text.format("net"), pkg__models__net=net
    )
    answer = reader.read("pkg.Net")
    assert isinstance(answer, Signature)
    assert answer.keywords == ("width",)
    assert isinstance(reader.read("pkg.Nett"), Unknown)


def test_a_lazily_loaded_module_is_followed(package: Package) -> None:
    loader = """
    import importlib, types
    class LazyLoader(types.ModuleType):
        def __init__(self, local, names, name):
            super().__init__(name)
        def __getattr__(self, item):
            return getattr(importlib.import_module(self.__name__), item)
    """
    text = "from .loader import LazyLoader\nlater = LazyLoader('later', globals(), 'pkg.later')"
    reader = package(pkg____init__=text, pkg__loader=loader, pkg__later="def thing(a): ...")
    assert isinstance(reader.read("pkg.later.thing"), Signature)


def test_answer_that_depends_on_a_variable_is_not_kept_past_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, cache = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    condition = "import os\nif os.environ.get('LIGHTER_FAST'):\n  def thing(a): ...\nelse:\n  def thing(b): ...\n"
    (site / "lib.py").write_text(condition)

    def keywords() -> tuple[str, ...]:
        answer = SignatureReader(search_path=[site], cache_folder=cache).read("lib.thing")
        assert isinstance(answer, Signature)
        return answer.keywords

    assert keywords() == ("b",)
    monkeypatch.setenv("LIGHTER_FAST", "1")
    assert keywords() == ("a",)
