"""Functions that a package takes over from a compiled namespace, whose stub tells what they take."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from lighter_config.signatures import DoesNotExist, Signature, SignatureReader, Unknown

INIT = """
__all__ = [
    "chunk",
]
import torch._C as _C
PRIVATE = ("hidden",)
for one in dir(_C._VariableFunctions):
    if one.startswith("__") or one in PRIVATE:
        continue
    made = getattr(_C._VariableFunctions, one)
    globals()[one] = made
"""
STUB = '''
from typing import overload
def tensor(
    data: Any,
    dtype: _dtype | None = None,
    requires_grad: _bool = False,
) -> Tensor:
    r"""
    tensor(data, *, dtype=None) -> Tensor

    def not_a_definition(x): it is a text with (parentheses
    """
    ...
@overload
def zeros(size: Sequence[int], *, out: Tensor | None = None) -> Tensor: ...
@overload
def zeros(*size: int, dtype: _dtype | None = None) -> Tensor: ...
@overload
def arange(start: Number, end: Number, step: Number, *, out=None) -> Tensor: ...
@overload
def arange(end: Number, *, out=None) -> Tensor: ...
def chunk(input: Tensor, chunks: int, dim: int = 0) -> Tensor: ...
def hidden(input): ...
def last(input: Tensor, keepdim: bool = False): ...
'''


@pytest.fixture
def reader(tmp_path: Path) -> SignatureReader:
    inside = tmp_path / "torch/_C"
    inside.mkdir(parents=True)
    (tmp_path / "torch/__init__.py").write_text(INIT)
    (tmp_path / f"torch/_C{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    (inside / "__init__.pyi").write_text("")
    (inside / "_VariableFunctions.pyi").write_text(STUB)
    return SignatureReader(search_path=[tmp_path], cache_folder=None)


def signature(reader: SignatureReader, target: str) -> Signature:
    answer = reader.read(target)
    assert isinstance(answer, Signature), answer
    return answer


def names(answer: Signature) -> list[str]:
    return [parameter.name for parameter in answer.parameters]


def test_function_is_read_from_the_stub_at_its_line(reader: SignatureReader) -> None:
    answer = signature(reader, "torch.tensor")
    assert names(answer) == ["data", "dtype", "requires_grad"]
    assert [parameter.required for parameter in answer.parameters] == [True, False, False]
    assert (Path(answer.file).name, answer.line) == ("_VariableFunctions.pyi", 3)
    assert (answer.docstring or "").startswith("tensor(data")


def test_what_the_stub_leaves_out_may_be_accepted(reader: SignatureReader) -> None:
    assert not signature(reader, "torch.tensor").is_exact


def test_several_signatures_take_what_any_takes(reader: SignatureReader) -> None:
    zeros, arange = signature(reader, "torch.zeros"), signature(reader, "torch.arange")
    assert set(names(zeros)) == {"size", "out", "dtype"}
    assert set(names(arange)) == {"start", "end", "step", "out"}
    assert not any(parameter.required for parameter in (*zeros.parameters, *arange.parameters))
    assert reader.mismatch(next(one for one in zeros.parameters if one.name == "size"), 2) is None


@pytest.mark.parametrize(("target", "other"), [("torch.chunk", "axis"), ("torch.last", "keepdims")])
def test_names_of_numpy_are_taken_too(reader: SignatureReader, target: str, other: str) -> None:
    assert other in names(signature(reader, target))


@pytest.mark.parametrize("name", ["hidden", "tensr", "not_a_definition", "__all_of_it"])
def test_name_that_may_be_left_out_is_unknown(reader: SignatureReader, name: str) -> None:
    assert isinstance(reader.read(f"torch.{name}"), Unknown | DoesNotExist)


def test_a_stub_that_cannot_be_read_leaves_the_function_unknown(tmp_path: Path, reader: SignatureReader) -> None:
    (tmp_path / "torch/_C/_VariableFunctions.pyi").write_text("def tensor(data: ...\n")
    assert isinstance(reader.read("torch.tensor"), Unknown)


def test_a_name_for_type_checkers_that_a_loop_leaves_out_is_unknown(tmp_path: Path, reader: SignatureReader) -> None:
    promise = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch._C._VariableFunctions import *\n"
    (tmp_path / "torch/__init__.py").write_text(f"{promise}{INIT}def __getattr__(name): raise AttributeError(name)\n")
    assert isinstance(reader.read("torch.hidden"), Unknown)
    assert isinstance(reader.read("torch.tensor"), Signature)
    assert isinstance(reader.read("torch.zeros"), Signature)


def test_a_function_that_only_gets_a_docstring_takes_the_same(tmp_path: Path, reader: SignatureReader) -> None:
    (tmp_path / "torch/_C/__init__.pyi").write_text("def _add_docstr(obj: T, doc_obj: str) -> T: ...\n")
    (tmp_path / "torch/functional.py").write_text("import torch\nmade = torch._C._add_docstr(torch.zeros, 'Zeros.')\n")
    assert set(names(signature(reader, "torch.functional.made"))) == {"size", "out", "dtype"}


@pytest.mark.parametrize(
    ("compiled", "name", "expected"),
    [
        (b"\0chunk\0", "chnuk", DoesNotExist),
        (b"\0chnuk\0", "chnuk", Unknown),
        (b"\0chunk\0", "chunk2", Unknown),  # names of types are computed
        (b"\0chunk\0", "quite_another", Unknown),
        (b"", "chnuk", Unknown),
    ],
)
def test_a_slip_that_no_compiled_code_spells_is_missing(
    tmp_path: Path, reader: SignatureReader, compiled: bytes, name: str, expected: type
) -> None:
    (tmp_path / "torch/lib").mkdir()
    (tmp_path / "torch/lib/libtorch_python.so").write_bytes(compiled)
    answer = reader.read(f"torch.{name}")
    assert isinstance(answer, expected)
    assert not isinstance(answer, DoesNotExist) or answer.nearest[0] == "torch.chunk"


def test_what_a_stub_imports_for_itself_is_none_of_its_module(tmp_path: Path, reader: SignatureReader) -> None:
    (tmp_path / "torch/kinds.py").write_text("class Kind: ...\nclass Other: ...\n")
    stub = "from torch.kinds import Kind\nfrom torch.kinds import Other as Other\nclass Held(Kind): ...\n"
    (tmp_path / "torch/_C/__init__.pyi").write_text(stub)
    (tmp_path / "torch/__init__.py").write_text(f"from torch._C import *\n{INIT}")
    assert isinstance(reader.read("torch.Kind"), Unknown)
    assert isinstance(reader.read("torch.Other"), Signature)
