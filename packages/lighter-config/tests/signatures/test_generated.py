"""Constructors that nobody writes: what a class statement generates, against what Python generates."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown

Read = Callable[..., Answer]
Takes = Callable[..., tuple[str, ...] | None]

DATACLASSES = "import dataclasses\nfrom dataclasses import KW_ONLY, InitVar, dataclass, field\nfrom typing import ClassVar\nimport typing\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@dataclass\nclass thing:\n  a: int\n  b: 'ClassVar[int]' = 1\n  c: typing.ClassVar = 2\n  d: int = 3", ("a", "d")),
        ("@dataclass\nclass thing:\n  a: 'not an expression !'\n  b: int = 1", ("a", "b")),
        ("@dataclasses.dataclass\nclass thing:\n  a: int\n  _: dataclasses.KW_ONLY\n  b: int", ("a", "b")),
        ("@dataclass\nclass thing:\n  a: int = field(default=1)\n  b: int = field(repr=False, default=2)", ("a", "b")),
        ("@dataclass\nclass thing:\n  a: int\n  b: int = field(kw_only=True)\n  c: int = 1", ("a", "c", "b")),
        ("@dataclass\nclass Base:\n  a: int\n  b: int = 1\n@dataclass\nclass thing(Base):\n  a: int = field(init=False, default=3)\n  c: int = 2", ("b", "c")),
        ("@dataclass\nclass Base:\n  a: int\nclass Between(Base):\n  b: int = 1\n@dataclass\nclass thing(Between):\n  c: int = 2", ("a", "c")),
        ("@dataclass\nclass Base:\n  a: int\nclass thing(Base):\n  b: int = 1", ("a",)),
        ("@dataclass\nclass thing(dict):\n  a: int = 1", ("a",)),
        ("@dataclass\nclass thing:\n  a: int = 1\n  b = 2\n  def c(self): ...\n  class d: ...", ("a",)),
        ("class Size(tuple): ...\n@dataclass\nclass thing:\n  a: Size = Size((1, 2))\n  b: int = 2", ("a", "b")),
        ("shared = field(init=False, default=1)\n@dataclass\nclass thing:\n  a: int = shared\n  b: int = 2", ("b",)),
        ("def same(cls): return cls\n@same\n@typing.final\n@dataclass\nclass thing:\n  a: int", ("a",)),
        ("@dataclass(init=True, frozen=True)\nclass thing:\n  a: int", ("a",)),
        ("@dataclass\nclass Base:\n  a: int = 1\n@dataclass\nclass thing(Base):\n  a: int", ("a",)),
        ("class Base:\n  a = 1\n@dataclass\nclass thing(Base):\n  a: int\n  b: int = 2", ("a", "b")),
        ("@dataclass\nclass thing:\n  a: int\n  a = 1\n  b: int = 2", ("a", "b")),
        ("@dataclass\nclass Base:\n  a: int = field(default=1)\n@dataclass\nclass thing(Base):\n  a: int\n  b: int = 2", ("a", "b")),
        ("@dataclass\nclass Base:\n  a: list = field(default_factory=list)\n@dataclass\nclass thing(Base):\n  a: list", ("a",)),
    ],
)  # fmt: skip
def test_the_fields_of_a_dataclass_are_its_parameters(takes: Takes, text: str, expected: tuple[str, ...]) -> None:
    assert takes(DATACLASSES + text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "options = {}\n@dataclass(**options)\nclass thing:\n  a: int",
        "@dataclass\nclass thing(dict):\n  keys: int",
        "@dataclass\nclass thing:\n  a: int\n  def a(self): ...",
        "class Base: ...\nBase.a = 1\n@dataclass\nclass thing(Base):\n  a: int",
        "options = {}\n@dataclass(**options)\nclass Base:\n  a: int\n@dataclass\nclass thing(Base):\n  b: int",
        "yes = bool(1)\n@dataclass(init=yes)\nclass thing:\n  a: int",
        "yes = bool(1)\n@dataclass(kw_only=yes)\nclass thing:\n  a: int",
        "@dataclass\nclass thing:\n  if len('a') == 1:\n    a: int\n  b: int = 1",
        "options = {'default': 1}\n@dataclass\nclass thing:\n  a: int = field(**options)",
        "yes = bool(1)\n@dataclass\nclass thing:\n  a: int = field(kw_only=yes)",
        "yes = bool(1)\n@dataclass\nclass thing:\n  a: int = field(init=yes)",
        "maker = {'field': field}\n@dataclass\nclass thing:\n  a: int = maker['field'](init=False)",
        "def own(): return field(init=False, default=1)\n@dataclass\nclass thing:\n  a: int = own()",
        "import functools\nown = functools.partial(field, init=False)\n@dataclass\nclass thing:\n  a: int = own()",
        "import os\n@dataclass\nclass thing:\n  a: int = field(init=False) if os.name else 1",
        "from other import shared\n@dataclass\nclass thing:\n  a: int = shared",
        "import somewhere_missing\n@dataclass\nclass thing(somewhere_missing.Base):\n  a: int",
        "@dataclass\nclass thing:\n  a: int\n  __init__ = print",
        "@dataclass\nclass thing:\n  a: int\nthing.__init__ = lambda self, z: None",
        "def more(cls):\n  def start(self, *args, gain=1.0, **kwargs): ...\n  cls.__init__ = start\n  return cls\n@more\n@dataclass\nclass thing:\n  a: int",
        "def other(cls):\n  return type('Other', (cls,), {'__init__': print})\n@other\n@dataclass\nclass thing:\n  a: int",
        "def more(cls):\n  cls.__init__ = print\n  return cls\n@more\n@dataclass\nclass Base:\n  a: int\n@dataclass\nclass thing(Base):\n  b: int",
    ],
)
def test_a_dataclass_that_is_not_all_written_out_is_unknown(read: Read, text: str) -> None:
    answer = read(DATACLASSES + text, other="from dataclasses import field\nshared = field(default=1)")
    assert isinstance(answer, Unknown)


ATTRS = "import attr\nimport attrs\nfrom attrs import define, field, Factory, frozen, mutable\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@define\nclass thing:\n  a: int\n  b: int = 1", ("a", "b")),
        ("@frozen\nclass thing:\n  a: int\n  b: int = 1", ("a", "b")),
        ("@mutable(slots=False)\nclass thing:\n  a: int\n  b: int = 1", ("a", "b")),
        ("@define\nclass thing:\n  _a: int\n  b: int = field(default=1)", ("a", "b")),
        ("@define\nclass thing:\n  a: list = Factory(list)\n  b: list = field(factory=list)\n  c: list = field(default=Factory(list))", ("a", "b", "c")),
        ("@define\nclass thing:\n  a = field()\n  b: int = 1\n  c = field(default=2)\n  d = 3", ("a", "c")),
        ("@define\nclass thing:\n  a: int\n  b: int = field(kw_only=True)\n  c: int = 1", ("a", "c", "b")),
        ("@define\nclass thing:\n  a: int = field(alias='A')\n  b: int = field(init=False)", ("A",)),
        ("@define\nclass thing:\n  a: int = field()\n  @a.default\n  def _of_a(self):\n    return 1", ("a",)),
        ("@define\nclass thing:\n  a: int = field()\n  @a.validator\n  def _check(self, attribute, value): ...", ("a",)),
        ("@define\nclass Base:\n  a: int\n  b: int\n@define\nclass thing(Base):\n  a: int\n  c: int", ("b", "a", "c")),
        ("@define\nclass thing:\n  a: int\n  def __init__(self, other): ...", ("other",)),
        ("@define(kw_only=True)\nclass thing:\n  a: int\n  b: int = 1", ("a", "b")),
        ("@attr.s\nclass thing:\n  a = attr.ib()\n  b: int = 3\n  c = attr.ib(1)\n  d = 4", ("a", "c")),
        ("@attr.s(auto_attribs=True)\nclass thing:\n  a: int\n  b: int = attr.ib(default=1)", ("a", "b")),
        ("@attr.attrs(kw_only=True)\nclass thing:\n  a = attr.ib()", ("a",)),
        ("@attr.dataclass\nclass thing:\n  a: int\n  b: int = 1", ("a", "b")),
        ("@attr.define(auto_attribs=False)\nclass thing:\n  a: int = 1\n  b: int = field(default=2)", ("b",)),
        ("import dataclasses\n@dataclasses.dataclass\nclass Base:\n  a: int\n@define\nclass thing(Base):\n  b: int", ("b",)),
        ("@define(init=False)\nclass thing:\n  a: int", ()),
    ],
)  # fmt: skip
def test_the_fields_of_an_attrs_class_are_its_parameters(takes: Takes, text: str, expected: tuple[str, ...]) -> None:
    assert takes(ATTRS + text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "@define(these={'a': attrs.field()})\nclass thing: ...",
        "@attr.s(field_transformer=lambda cls, fields: fields[:1])\nclass thing:\n  a = attr.ib()\n  b = attr.ib()",
        "@define\nclass Base:\n  a: int\n@define(kw_only=True)\nclass thing(Base):\n  b: int",
        "options = {}\n@define\nclass thing:\n  a: int = field(**options)",
        "name = str('A')\n@define\nclass thing:\n  a: int = field(alias=name)",
        "options = {}\n@define(**options)\nclass thing:\n  a: int",
        "def own(): return field(init=False)\n@define\nclass thing:\n  a = own()",
    ],
)
def test_an_attrs_class_that_is_not_all_written_out_is_unknown(read: Read, text: str) -> None:
    assert isinstance(read(ATTRS + text), Unknown)


def test_a_factory_is_told_as_one(read: Read) -> None:
    text = "@define\nclass thing:\n  a: list = Factory(list)\n  b: list = field(factory=list)\n  c: int = field(default=3)\n  d: int = 4"
    answer = read(ATTRS + text)
    assert isinstance(answer, Signature)
    assert [p.default for p in answer.parameters] == ["<factory>", "<factory>", "3", "4"]


TUPLES = "import collections\nimport typing\nfrom collections import namedtuple\nfrom typing import NamedTuple\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thing = namedtuple('thing', ['a', 'b'])", ("a", "b")),
        ("thing = namedtuple('thing', ('a', 'b'), defaults=(1, 2), module='lib')", ("a", "b")),
        ("thing = collections.namedtuple('thing', 'a,b')", ("a", "b")),
        ("thing = NamedTuple('thing', (('a', int),))", ("a",)),
        ("class thing(namedtuple('Base', 'a b')): ...", None),
        ("class thing(NamedTuple):\n  'Text.'\n  a: int\n  b: int = 2\n  def c(self): ...", ("a", "b")),
        ("class Base(NamedTuple):\n  a: int\nclass thing(Base): ...", ("a",)),
        ("thing = namedtuple('thing', 'a b', rename=True)", None),
        ("thing = namedtuple('thing', 'a b', defaults=tuple([1]))", None),
        ("ones = [1, 2]\nthing = namedtuple('thing', 'a b c', defaults=[*ones])", None),
        ("try:\n  thing = namedtuple('thing', 5)\nexcept TypeError:\n  thing = None", None),
        ("try:\n  thing = namedtuple('thing', 'a', defaults=[1, 2])\nexcept TypeError:\n  thing = None", None),
        ("names = 'a b'\nthing = namedtuple('thing', names)", None),
        ("def names(): return ['a']\nthing = namedtuple('thing', [*names()])", None),
        ("thing = namedtuple(typename='thing', field_names='a b')", None),
        ("fields = [('a', int)]\nthing = NamedTuple('thing', [*fields])", None),
    ],
)  # fmt: skip
def test_the_fields_of_a_named_tuple_are_its_parameters(
    takes: Takes, text: str, expected: tuple[str, ...] | None
) -> None:
    assert takes(TUPLES + text) == expected
