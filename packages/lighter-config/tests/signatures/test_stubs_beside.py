"""Functions that source takes over from compiled modules, whose stubs are beside the source."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from lighter_config.signatures import ParameterKind, Signature, SignatureReader, Unknown

STUB = """
__all__ = ["array", "place"]
@overload
def array(object, dtype: int, *, copy: bool = True): ...
@overload
def array(object, dtype: None = None, *, like=None): ...
def place(where, /, x=0): ...
def odd(__x): ...
total: int
"""


@pytest.fixture
def reader(tmp_path: Path) -> SignatureReader:
    for name in ("pkg", "low"):
        (tmp_path / name).mkdir()
    (tmp_path / "low/__init__.py").write_text("")
    (tmp_path / "low/made.py").write_text("from ._fast import *\ndef written(a): ...\n")
    (tmp_path / "low/made.pyi").write_text(STUB)
    (tmp_path / f"low/_fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
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
