"""Values as YAML gives them against annotations: fits, does not fit, not known."""

import sys
from pathlib import Path
from typing import Any

import pytest

from lighter_config.signatures import UNWRITTEN, Mismatch, Parameter, ParameterKind, Signature, SignatureReader
from lighter_config.signatures.answers.accepted import KINDS, Accepted

MODULE = """
import os
import typing as t
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence, Sized
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, Tuple, TypeVar, Union
if TYPE_CHECKING:
    from elsewhere import Imagined
T = TypeVar("T")
class Mode(Enum):
    MIN = "min"
class Custom: ...
class Hooked:
    @classmethod
    def __subclasshook__(cls, other): return other is str
class Text(str, Enum):
    A = "a"
class Named(t.NamedTuple):
    a: int
class Shaped(t.Protocol): ...
class Typed(t.TypedDict):
    a: int
Precision = Union[Literal[16, 32], Literal["bf16"]]
PathLike = Union[str, Path]
Size = Union[int, Tuple[int, int]]
Nested = "Optional[Size]"
Count = t.NewType("Count", int)
RATE = 0.01
"""

FITS = [
    ("int", 3),
    ("int", True),
    ("float", 3),
    ("float", 0.5),
    ("bool", False),
    ("str", "x"),
    ("Optional[int]", None),
    ("int | None", None),
    ("'int | None'", 3),
    ("t.Optional[int]", 3),
    ("Union[int, str]", "x"),
    ("Literal['min', 'max']", "min"),
    ("Precision", 16),
    ("Precision", "bf16"),
    ("PathLike", "logs"),
    ("Size", 3),
    ("Size", [3, 4]),
    ("Nested", None),
    ("Count", 3),
    ("Sequence[int]", [1, 2]),
    ("List[float]", [1, 0.5]),
    ("list", ["x"]),
    ("Tuple[float, ...]", [0.1, 0.2, 0.3]),
    ("tuple[float, float]", [0.9, 0.99]),
    ("Dict[str, int]", {"a": 1}),
    ("Mapping", {"a": 1}),
    ("Any", "anything"),
    ("object", 3),
]

DOES_NOT_FIT = [
    ("Count", "x", (), "int"),
    ("int", "3", (), "int"),
    ("int", 0.5, (), "int"),
    ("int", None, (), "int"),
    ("float", "1e-3", (), "float"),
    ("bool", "yes", (), "bool"),
    ("str", 3, (), "str"),
    ("Optional[int]", "x", (), "int | None"),
    ("int | None", [1], (), "int | None"),
    ("Literal['min', 'max']", "mim", (), "Literal['min', 'max']"),
    ("Precision", "fp16", (), "Literal[16, 32] | Literal['bf16']"),
    ("Sequence[int]", [1, "x"], (1,), "int"),
    ("Sequence[int]", 3, (), "Sequence[int]"),
    ("tuple[float, float]", [0.9], (), "tuple[float, float]"),
    ("tuple[float, float]", [0.9, "x"], (1,), "float"),
    ("Dict[str, int]", {"a": "x"}, ("a",), "int"),
    ("Dict[str, int]", [1], (), "Dict[str, int]"),
    ("Union[int, Sequence[int]]", [1, "x"], (1,), "int"),
    ("Union[str, Dict[str, List[int]]]", {"a": [1, "x"]}, ("a", 1), "int"),
    ("Callable", 3, (), "Callable"),
    ("Callable[[int], int]", "name", (), "Callable[[int], int]"),
    ("Custom", "x", (), "Custom"),
    ("Custom", {"a": 1}, (), "Custom"),
    ("Union[int, Custom]", "x", (), "int | Custom"),
    ("Union[List[Custom], Custom, None]", {"a": 1}, (), "List[Custom] | Custom | None"),
    ("List[Custom]", ["a.b.C"], (0,), "Custom"),
    ("Mode", "minimum", (), "Mode"),
    ("tuple[float, float]", "(0.9, 0.99)", (), "tuple[float, float]"),
    ("List[int]", "text", (), "List[int]"),
    ("torch.dtype", "float32", (), "torch.dtype"),
    ("Path", [1], (), "Path"),
    ("Hashable", [1], (), "Hashable"),
    ("Sized", 3, (), "Sized"),
]

NOT_KNOWN = [
    ("Mode", "min"),
    ("Mode", "MIN"),
    ("Text", "x"),
    ("Named", [1, 2]),
    ("Shaped", "x"),
    ("Typed", {"a": 1}),
    ("Path", "logs"),
    ("os.PathLike", "logs"),
    ("Imagined", 3),
    ("NotDefined", 3),
    ("T", 3),
    ("Sequence[int]", "text"),
    ("Iterable[str]", "text"),
    ("int +", 3),
    ("f()", 3),
    ("bool", 1),
    ("Literal[True]", 1),
    ("Hashable", "image"),
    ("Collection[Hashable] | Hashable", ["image", "label"]),  # the keys of MONAI's transforms
    ("Sized", [1]),
    ("Hooked", "x"),
]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> SignatureReader:
    folder = tmp_path_factory.mktemp("annotated")
    (folder / "annotated.py").write_text(MODULE)
    return SignatureReader(search_path=[folder, *sys.path], cache_folder=None)


def mismatch(reader: SignatureReader, annotation: str, value: Any, default: str | None = None) -> Mismatch | None:
    parameter = Parameter("x", ParameterKind.POSITIONAL_OR_KEYWORD, default, annotation, "annotated")
    return reader.mismatch(parameter, value)


@pytest.mark.parametrize(("annotation", "value"), [*FITS, *NOT_KNOWN])
def test_what_fits_and_what_is_not_known_is_no_mismatch(reader: SignatureReader, annotation: str, value: Any) -> None:
    assert mismatch(reader, annotation, value) is None


@pytest.mark.parametrize(("annotation", "value", "path", "expected"), DOES_NOT_FIT)
def test_a_mismatch_names_the_part_and_the_nearest_branch(
    reader: SignatureReader, annotation: str, value: Any, path: tuple[str | int, ...], expected: str
) -> None:
    found = mismatch(reader, annotation, value)
    assert found is not None
    assert (found.path, found.expected) == (path, expected)


@pytest.mark.parametrize(
    ("annotation", "choices"),
    [
        ("Literal['min', 'max']", ("min", "max")),
        ("Optional[Precision]", (16, 32, "bf16")),
        ("Union[int, Literal['auto']]", ()),
        ("int", ()),
    ],
)
def test_a_mismatch_lists_the_values_that_an_annotation_lists(
    reader: SignatureReader, annotation: str, choices: tuple[object, ...]
) -> None:
    found = mismatch(reader, annotation, "x")
    assert found is not None
    assert found.choices == choices


def test_null_fits_a_parameter_whose_default_is_none(reader: SignatureReader) -> None:
    assert mismatch(reader, "int", None, default="None") is None


@pytest.mark.parametrize("value", [UNWRITTEN, [UNWRITTEN, 1], [1, UNWRITTEN]])
def test_what_is_built_first_may_fit(reader: SignatureReader, value: Any) -> None:
    assert mismatch(reader, "Sequence[int]", value) is None


def test_a_mismatch_beside_what_is_built_first_is_found(reader: SignatureReader) -> None:
    assert mismatch(reader, "Sequence[int]", [UNWRITTEN, "x"]) == Mismatch((1,), "int")


@pytest.mark.parametrize(
    ("annotation", "default", "value"),
    [
        ("int", "0.01", 0.05),
        ("int", "0.01", 1),
        ("str", "False", True),
        ("int", "RATE", 0.5),
        ("int", "float('inf')", 3.5),
        ("int", "1 / 255", 0.5),
        ("int", "-1.0", 0.5),
        ("int", "'auto'", "auto"),
        ("list[int]", "(0.9, 0.99)", [0.5, 0.6]),
        ("int", "dict()", {"a": 1}),
    ],
)
def test_a_value_of_the_type_of_the_default_fits(
    reader: SignatureReader, annotation: str, default: str, value: object
) -> None:
    assert reader.mismatch(Parameter("p", ParameterKind.KEYWORD_ONLY, default, annotation, "annotated"), value) is None


@pytest.mark.parametrize(
    ("annotation", "default", "value"),
    [
        ("int", "3", 0.5),
        ("int", "0.01", "many"),
        ("str", "False", 2),
        ("Literal['min', 'max']", "'min'", "mean"),
        ("int", "RATE()", 0.5),
        ("int", "<factory>", 0.5),
        ("int", "not python", 0.5),
        ("int", "1 / 0", 0.5),
        ("int", "len", 0.5),
    ],
)
def test_a_default_that_fits_leaves_its_annotation_in_force(
    reader: SignatureReader, annotation: str, default: str, value: object
) -> None:
    assert (
        reader.mismatch(Parameter("p", ParameterKind.KEYWORD_ONLY, default, annotation, "annotated"), value) is not None
    )


@pytest.mark.parametrize(
    ("annotation", "kinds", "choices"),
    [
        ("int", ("boolean", "integer"), ()),
        ("float | None", ("null", "boolean", "integer", "number"), ()),
        ("bool", ("boolean",), ()),
        ("str", ("string",), ()),
        ("Literal['a', 'b']", (), ("a", "b")),
        ("Optional[Literal['a', 2]]", ("null",), ("a", 2)),
        ("Literal['auto'] | int", ("boolean", "integer"), ("auto",)),
        ("Precision", (), (16, 32, "bf16")),
        ("Literal['a'] | str", ("string",), ()),
        ("list[int]", ("array",), ()),
        ("tuple[int, int, int]", ("array",), ()),
        ("dict[str, int]", ("object",), ()),
        ("Custom", (), ()),
        ("Any", KINDS, ()),
        ("Imagined", KINDS, ()),
    ],
)
def test_the_kinds_that_an_annotation_takes_are_those_that_fit(
    reader: SignatureReader, annotation: str, kinds: tuple[str, ...], choices: tuple[Any, ...]
) -> None:
    accepted = reader.accepted(Parameter("x", ParameterKind.KEYWORD_ONLY, None, annotation, "annotated"))
    assert (accepted.kinds, accepted.choices) == (kinds, choices)


@pytest.mark.parametrize(
    ("annotation", "kinds", "choices"),
    [
        ("list[int]", ("boolean", "integer"), ()),
        ("Sequence[Literal['a', 'b']]", (), ("a", "b")),
        ("Optional[list[Optional[str]]]", ("null", "string"), ()),
        ("list[Literal['a'] | int]", ("boolean", "integer"), ("a",)),
        ("int | list", KINDS, ()),
    ],
)
def test_the_kinds_of_items_are_known_too(
    reader: SignatureReader, annotation: str, kinds: tuple[str, ...], choices: tuple[Any, ...]
) -> None:
    accepted = reader.accepted(Parameter("x", ParameterKind.KEYWORD_ONLY, None, annotation, "annotated"))
    assert (accepted.item_kinds, accepted.item_choices) == (kinds, choices)


def test_a_parameter_without_an_annotation_takes_all_kinds(reader: SignatureReader) -> None:
    assert reader.accepted(Parameter("a", ParameterKind.KEYWORD_ONLY)) == Accepted()


def test_enum_lists_the_values_and_names_of_its_members(tmp_path: Path) -> None:
    (tmp_path / "paints.py").write_text(
        "from enum import Enum\n\n\nclass Color(Enum):\n    RED = 'red'\n    BLUE = 'blue'\n\n\n"
        "def paint(color: Color, other: Color | None = None): ...\n"
    )
    reader = SignatureReader(search_path=[tmp_path, *sys.path], cache_folder=None)
    signature = reader.read("paints.paint")
    assert isinstance(signature, Signature)
    for argument in signature.parameters:
        assert reader.accepted(argument).choices == ("red", "blue", "RED", "BLUE")
