"""Models of pydantic, against what Python says of them after importing them."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown

pytest.importorskip("pydantic", minversion="2")

Read = Callable[..., Answer]

IMPORTS = """
import os
from typing import Annotated, Any, ClassVar, Generic, Literal, Optional, TypeVar
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator
T = TypeVar("T")
"""


def names(answer: Answer) -> tuple[str, ...] | None:
    """The names of all parameters; ``None`` if they are not known."""
    return tuple(parameter.name for parameter in answer.parameters) if isinstance(answer, Signature) else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class thing(BaseModel):\n  a: int\n  b: str = 'b'\n  _c: int = 3\n  d: ClassVar[int] = 4\n  e = 5 if False else None\n  del e", ("a", "b")),
        ("class thing(BaseModel):\n  a: int = Field(...)\n  b: int = Field(1)\n  c: int = Field(default=1)\n  d: list = Field(default_factory=list)\n  e: int = ...", ("a", "b", "c", "d", "e")),
        ("class thing(BaseModel):\n  a: int = Field(alias='A')\n  b: int = Field(1, validation_alias='B')\n  c: int = Field(validation_alias=AliasChoices('c', 'C'))\n  d: int = Field(alias='not a name')", ("A", "B", "c", "d")),
        ("class Base(BaseModel):\n  a: int\n  b: int = 1\nclass thing(Base):\n  c: int\n  a: str = 'x'", ("a", "b", "c")),
        ("class Base(BaseModel):\n  a: int = 1\nclass thing(Base):\n  a: int", ("a",)),
        ("class One(BaseModel):\n  a: int\nclass Two(BaseModel):\n  b: int\nclass thing(One, Two):\n  c: int", ("b", "a", "c")),
        ("class thing(BaseModel, extra='allow'):\n  a: int", ("a", "extra_data")),
        ("class thing(BaseModel):\n  model_config = ConfigDict(extra='allow')\n  extra_data: int", ("extra_data", "extra_data_")),
        ("class Base(BaseModel, extra='allow'):\n  a: int\nclass thing(Base):\n  model_config = {'extra': 'forbid'}", ("a",)),
        ("class thing(BaseModel, Generic[T]):\n  a: T\n  b: Optional[T] = None", ("a", "b")),
        ("class Base(BaseModel, Generic[T]):\n  a: T\nclass thing(Base[int]):\n  b: int = 1", ("a", "b")),
        ("Short = Annotated[str, Field(alias='S', max_length=3)]\nclass thing(BaseModel):\n  a: Short\n  b: 'Annotated[int, Field(default=1)]'", ("S", "b")),
        ("class thing(BaseModel):\n  a: int = os.getpid()\n  b: dict = dict()\n  c: Literal['x', 'y'] = 'x'\n  _d: int = PrivateAttr(1)", ("a", "b", "c")),
        ("class Mixin:\n  def m(self): ...\nclass thing(Mixin, BaseModel):\n  a: int\n  @field_validator('a')\n  @classmethod\n  def check(cls, v): return v", ("a",)),
        ("import abc\nclass thing(BaseModel, abc.ABC):\n  a: int", ("a",)),
        ("class thing(BaseModel): ...", ()),
    ],
)  # fmt: skip
def test_the_fields_of_a_model_are_its_parameters(read: Read, text: str, expected: tuple[str, ...]) -> None:
    assert names(read(IMPORTS + text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "class thing(BaseModel):\n  a: int\n  def __init__(self, b): ...",
        "class thing(BaseModel):\n  if len('a') == 1:\n    a: int\n  b: int = 1",
        "class thing(BaseModel):\n  model_config = ConfigDict(alias_generator=str.upper)\n  a: int",
        "options = {'extra': 'allow'}\nclass thing(BaseModel):\n  model_config = ConfigDict(**options)\n  a: int",
        "extra = 'al' + 'low'\nclass thing(BaseModel, extra=extra):\n  a: int",
        "def own(): return Field(alias='x')\nclass thing(BaseModel):\n  a: int = own()",
        "options = {'alias': 'x'}\nclass thing(BaseModel):\n  a: int = Field(**options)",
        "alias = 'x'.upper()\nclass thing(BaseModel):\n  a: int = Field(alias=alias)",
        "class Mixin:\n  a: int\nclass thing(BaseModel, Mixin): ...",
        "def more(cls):\n  def start(self, *args, gain=1.0, **kwargs): ...\n  cls.__init__ = start\n  return cls\n@more\nclass thing(BaseModel):\n  a: int",
        "thing = BaseModel",
    ],
)  # fmt: skip
def test_a_model_that_is_not_all_written_out_is_unknown(read: Read, text: str) -> None:
    answer = read(IMPORTS + text)
    assert isinstance(answer, Unknown) or names(answer) == ("x",)


@pytest.mark.parametrize(
    ("text", "is_exact"),
    [
        ("class thing(BaseModel):\n  a: int", False),
        ("class thing(BaseModel, extra='forbid'):\n  a: int", True),
        ("class thing(BaseModel, extra='forbid'):\n  a: int = Field(alias='A')", False),
        ("class thing(BaseModel, extra='forbid'):\n  a: int\n  @model_validator(mode='before')\n  @classmethod\n  def check(cls, v): return v", False),
        ("class thing(BaseModel, extra='forbid'):\n  a: int\n  @model_validator(mode='after')\n  def check(self): return self", True),
    ],
)  # fmt: skip
def test_a_model_refuses_other_names_if_it_says_so(read: Read, text: str, is_exact: bool) -> None:
    answer = read(IMPORTS + text)
    assert isinstance(answer, Signature)
    assert answer.is_exact is is_exact
