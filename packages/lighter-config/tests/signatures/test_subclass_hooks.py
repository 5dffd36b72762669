"""Bases whose ``__init_subclass__`` makes dataclasses, against what Python makes of their subclasses."""

# ruff: noqa: E501  # one source a line
from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown

Read = Callable[..., Answer]
Takes = Callable[..., tuple[str, ...] | None]

BASE = """
import functools
from dataclasses import dataclass, field
def accept_more(cls):
    original = cls.__init__
    @functools.wraps(original)
    def init(self, *args, **more):
        original(self, **{name: value for name, value in more.items() if name in cls.__dataclass_fields__})
    cls.__init__ = init
    return cls
@dataclass
class Base:
    first: int = 1
    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        has_own = "__init__" in cls.__dict__
        cls = dataclass(cls, kw_only=True)
        if not has_own:
            cls = accept_more(cls)
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class thing(Base):\n  second: int", ("first", "second")),
        ("class Between(Base):\n  second: int\nclass thing(Between):\n  third: int = 3", ("first", "second", "third")),
        ("class thing(Base):\n  second: int\n  def __init__(self, own): ...", ("own",)),
        ("class Mixed:\n  second = 2\nclass thing(Base, Mixed):\n  second: int\n  third: int = 3", ("first", "second", "third")),
        ("thing = Base", ("first",)),
    ],
)  # fmt: skip
def test_a_base_makes_dataclasses_of_its_subclasses(takes: Takes, text: str, expected: tuple[str, ...]) -> None:
    assert takes(BASE + text) == expected


def test_a_constructor_that_accepts_more_is_not_exact(read: Read) -> None:
    answer = read(f"{BASE}class thing(Base):\n  second: int")
    assert isinstance(answer, Signature)
    assert not answer.is_exact
    assert answer.accepts_any_keyword


def test_a_written_constructor_below_such_a_base_refuses_names(read: Read) -> None:
    answer = read(f"{BASE}class thing(Base):\n  second: int\n  def __init__(self, own): ...")
    assert isinstance(answer, Signature)
    assert not answer.accepts_any_keyword


@pytest.mark.parametrize(
    "hook",
    [
        "dataclass(cls) if len('a') else None",
        "for made in [dataclass]: made(cls)",
        "cls.first = 3\n    dataclass(cls)",
        "dataclass(cls)\n    dataclass(cls, kw_only=True)",
        "dataclass(cls, init=bool(1))",
        "dataclass(cls)\n    setattr(cls, '__in' + 'it__', print)",
        "dataclass(cls)\n    type.__setattr__(cls, '__in' + 'it__', print)",
        "dataclass(cls)\n    cls.__init__ = lambda self, z: None",
    ],
)
def test_a_hook_that_does_more_leaves_subclasses_unknown(read: Read, hook: str) -> None:
    base = f"from dataclasses import dataclass\nclass Base:\n  def __init_subclass__(cls):\n    {hook}\n"
    assert isinstance(read(f"{base}class thing(Base):\n  first: int"), Unknown)


def test_a_dataclass_over_the_one_of_its_base_is_unknown(read: Read) -> None:
    text = f"{BASE}@dataclass\nclass thing(Base):\n  second: list = field(default_factory=list)"
    assert isinstance(read(text), Unknown)


def test_a_name_wrapped_in_itself_is_followed(takes: Takes) -> None:
    text = "def marked(cls):\n  cls.mark = 1\n  return cls\nclass thing:\n  def __init__(self, a): ...\n"
    assert takes(f"{text}thing = marked(thing)") == ("a",)
