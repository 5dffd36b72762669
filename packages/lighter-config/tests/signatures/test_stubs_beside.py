"""Functions that source takes over from compiled modules, whose stubs are beside the source."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from lighter_config.signatures import DoesNotExist, ParameterKind, Signature, SignatureReader, Unknown

STUB = """
__all__ = ["array", "place"]
@overload
def array(object, dtype: int, *, copy: bool = True): ...
@overload
def array(object, dtype: None = None, *, like=None): ...
def place(where, /, x=0): ...
def odd(__x): ...
total: int
class _Keys(TypedDict, total=False):
    where: int
    order: str
class _Made(Protocol):
    @overload
    def __call__(self, /, shape, dtype=...): ...
    @overload
    def __call__(self, /, shape, *, like=...): ...
made: Final[_Made] = ...
again = made
"""

OPERATORS = """
from low.made import _Keys
class _Operator(Generic[T]):
    def __call__(self, x, /, out=None, **keywords: Unpack[_Keys]): ...
"""


@pytest.fixture
def reader(tmp_path: Path) -> SignatureReader:
    for name in ("pkg", "low"):
        (tmp_path / name).mkdir()
    (tmp_path / "low/__init__.py").write_text("")
    (tmp_path / "low/made.py").write_text("from ._fast import *\ndef written(a): ...\n")
    (tmp_path / "low/made.pyi").write_text(STUB)
    (tmp_path / f"low/_fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    (tmp_path / "low/_operators.py").write_text("_Operator = type(len)\n")
    (tmp_path / "low/_operators.pyi").write_text(OPERATORS)
    far = "from low.made import odd, total\nfrom low import made\nwritten = made.written\n"
    (tmp_path / "far.py").write_text(far)
    (tmp_path / "far.pyi").write_text("def odd(a): ...\n")
    (tmp_path / "several.py").write_text(
        "from low._fast import *\nfrom low.made import *\ndef own(a): ...\nfrom low.computed import *\n"
    )
    (tmp_path / "several.pyi").write_text(
        "from low.made import (  # a list (of names)\n    written as written,\n)\n"
        "from ._operators import nothing\nfrom low._operators import (\n    _Operator,\n)\n"
        "def own(a): ...\nadd: _Operator[int]\n"
    )
    (tmp_path / "low/computed.py").write_text(
        "for n in dir(str): globals()[n] = len\n__all__ = ['listed']\nfor n in dir(str): __all__.append(n)\n"
    )
    (tmp_path / "low/computed.pyi").write_text("__all__ = ['listed', 'upper', 'written', 'own']\n")
    (tmp_path / "told.py").write_text("from low.computed import *\ndef other(b): ...\n")
    computed = "from low.made import *\n__all__ = []\ndef more(): __all__.append('array')\nmore()\n"
    (tmp_path / "pkg/core.py").write_text(computed)
    (tmp_path / "pkg/__init__.py").write_text("from .core import *\n")
    (tmp_path / "pkg/__init__.pyi").write_text("from low.made import (\n    array,\n    place as place,\n)\n")
    return SignatureReader(search_path=[tmp_path], cache_folder=None)


@pytest.mark.parametrize("target", ["low.made.array", "pkg.array"])
def test_a_compiled_function_takes_what_any_of_its_stubs_takes(reader: SignatureReader, target: str) -> None:
    answer = reader.read(target)
    assert isinstance(answer, Signature), answer
    assert answer.keywords == ("object", "dtype", "copy", "like")
    assert [one.required for one in answer.parameters] == [True, False, False, False]
    assert not answer.is_exact
    assert (Path(answer.file).name, answer.line) == ("made.pyi", 4)


def test_an_argument_without_a_name_is_given_by_place(reader: SignatureReader) -> None:
    answer = reader.read("low.made.place")
    assert isinstance(answer, Signature)
    assert [one.kind for one in answer.parameters] == [
        ParameterKind.POSITIONAL_ONLY,
        ParameterKind.POSITIONAL_OR_KEYWORD,
    ]


@pytest.mark.parametrize("name", ["odd", "total", "nothing"])
def test_what_a_stub_does_not_define_stays_unknown(reader: SignatureReader, name: str) -> None:
    assert isinstance(reader.read(f"low.made.{name}"), Unknown)


def test_source_goes_before_its_stub(reader: SignatureReader) -> None:
    answer = reader.read("low.made.written")
    assert isinstance(answer, Signature)
    assert answer.keywords == ("a",)


@pytest.mark.parametrize("name", ["made", "again"])
def test_an_object_takes_what_the_calls_of_its_class_take(reader: SignatureReader, name: str) -> None:
    answer = reader.read(f"low.made.{name}")
    assert isinstance(answer, Signature), answer
    assert answer.keywords == ("shape", "dtype", "like")
    assert [one.required for one in answer.parameters] == [True, False, False]
    assert (Path(answer.file).name, answer.line) == ("made.pyi", STUB[: STUB.index("made: Final")].count("\n") + 1)


def test_keys_of_a_typed_dict_take_the_place_of_keywords(reader: SignatureReader) -> None:
    answer = reader.read("several.add")
    assert isinstance(answer, Signature), answer
    assert answer.keywords == ("out", "where", "order")
    assert [one.required for one in answer.parameters] == [True, False, False, False]


def test_a_stub_far_from_the_compiled_code_tells_nothing(reader: SignatureReader) -> None:
    assert isinstance(reader.read("far.odd"), Unknown)  # the nearer one does not tell, and may have its reasons


@pytest.mark.parametrize(("name", "module"), [("written", "low.made"), ("own", "several")])
def test_a_stub_says_which_of_several_a_name_is(reader: SignatureReader, name: str, module: str) -> None:
    answer = reader.read(f"several.{name}")
    assert isinstance(answer, Signature), answer
    assert answer.name == f"{module}.{name}"


def test_a_stub_lists_what_a_module_computes(reader: SignatureReader) -> None:
    other = reader.read("told.other")
    assert isinstance(other, Signature)
    assert other.keywords == ("b",)
    assert isinstance(reader.read("told.upper"), Unknown)
    missing = reader.read("told.othar")
    assert isinstance(missing, DoesNotExist)
    assert missing.nearest == ("told.other",)
