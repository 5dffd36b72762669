"""Statements by which a class or a function takes something else than its first definition says."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, DoesNotExist, Signature, SignatureReader, Unknown

Package = Callable[..., SignatureReader]
Read = Callable[..., Answer]

IMPORTS = "import dataclasses, functools, inspect, typing\nfrom dataclasses import dataclass\n"


@pytest.mark.parametrize(
    "text",
    [
        "class Meta(type):\n  __prepare__ = classmethod(lambda *args: {'__init__': lambda self, a: None})\nclass thing(metaclass=Meta): ...",
        "class Meta(type):\n  @classmethod\n  def __prepare__(*args): return {'__init__': lambda self, a: None}\nclass thing(metaclass=Meta): ...",
        "class Meta(type):\n  @classmethod\n  def __call__(self, a, b=1): ...\nclass thing(metaclass=Meta): ...",
        "class thing:\n  @classmethod\n  def __init__(self, a): ...",
        "class thing:\n  @staticmethod\n  def __init__(a, b): ...",
        "class thing:\n  def __init__(self, a): ...\n  __init__.__signature__ = inspect.Signature()",
        "class thing:\n  def __init__(self, a): ...\nthing.__init__.__signature__ = inspect.Signature()",
        "def make(cls): return dataclass(cls)\n@make\nclass thing:\n  a: int",
        "make = dataclass(kw_only=True)\n@make\nclass thing:\n  a: int",
        "class thing:\n  a: int\ndataclass(thing)",
        "def other(f):\n  def wrapper(p, q=1): ...\n  return wrapper\ndef part(f): return functools.partial(f)\nclass thing:\n  @part\n  @other\n  def __init__(self, a): ...",
        "class thing:\n  a: int\nthing = dataclass(thing)",
        "class Keys(typing.TypedDict):\n  a: int\nclass thing(Keys, typing.Generic[typing.TypeVar('T')]):\n  b: int",
        "@dataclass\nclass thing:\n  a: int = 1\n  del a",
        "@dataclass\nclass thing:\n  a: int = 1\n  for a in (2,): pass",
        "class thing(typing.NamedTuple):\n  a: int\n  if inspect:\n    b: int = 1",
        "def first(a): ...\ndef thing(b): ...\nfunctools.update_wrapper(thing, first)",
        "@functools.wraps(print)\ndef thing(b): ...\ndel thing.__wrapped__",
        "def change(f):\n  if (f := lambda b: None): pass\n  return f\n@change\ndef thing(a): ...",
        "def change(f):\n  def inner():\n    nonlocal f\n    f = lambda b: None\n  inner()\n  return f\n@change\ndef thing(a): ...",
        "def change(f):\n  del f.__wrapped__\n  return f\n@change\n@functools.wraps(lambda a: None)\ndef thing(b): ...",
        "def change(f):\n  inner = lambda *args: f(*args)\n  inner.__dict__.update(f.__dict__)\n  return inner\n@change\n@functools.wraps(lambda a: None)\ndef thing(b): ...",
        "class Base:\n  def __init_subclass__(cls): cls.__init__ = lambda self, b: None\nclass Child(Base):\n  def __init__(self, a): ...\nclass thing:\n  __init__ = Child.__init__",
        "from part import *\nclass Base:\n  def __init_subclass__(cls): dataclass(cls)\n  __init__ = lambda self, b: None\nclass thing(Base):\n  a: int\nfrom part import *",
    ],
)  # fmt: skip
def test_what_is_taken_after_rare_statements_is_unknown(read: Read, text: str) -> None:
    part = "for name in ['f', 'g']: globals()[name.title()] = len"
    assert isinstance(read(IMPORTS + text, part=part), Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@dataclass\nclass thing:\n  a: int\n  __b: int = 1", ("a", "_thing__b")),
        ("class thing(typing.NamedTuple):\n  a: int\n  a: str\n  b: int = 1", ("a", "b")),
        ("@dataclass\nclass thing:\n  a: int\n  a: str = 'x'", ("a",)),
        ("make = functools.partial(dataclass, kw_only=True)\n@make\nclass thing:\n  a: int", ("a",)),
        ("from part import *\n@dataclass\nclass thing:\n  a: int\n  b: typing.ClassVar[int] = 1\nfrom dataclasses import dataclass", ("a",)),
        ("(thing := lambda a, b=1: None)", ("a", "b")),
        ("def count(f):\n  num = 0\n  @functools.wraps(f)\n  def inner(*args):\n    nonlocal num\n    num += 1\n  return inner\n@count\ndef thing(a): ...", ("a",)),
    ],
)  # fmt: skip
def test_what_rare_statements_leave_is_known(read: Read, text: str, expected: tuple[str, ...]) -> None:
    answer = read(IMPORTS + text, part="for name in ['f', 'g']: globals()[name.title()] = len")
    assert isinstance(answer, Signature), answer
    assert answer.keywords == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class Meta(type):\n  def __getattribute__(cls, name): return len if name == 'run' else super().__getattribute__(name)\nclass thing(metaclass=Meta):\n  def run(self, a): ...", None),
        ("class Meta(type):\n  @property\n  def run(cls): return len\nclass thing(metaclass=Meta):\n  def run(self, a): ...", None),
        ("class thing:\n  def run(self, a): ...\nthing.run.__signature__ = inspect.Signature()", None),
        ("class thing:\n  def first(self, a): ...\n  run = first\n  def first(self, b): ...", None),
        ("def first(cls, a): ...\nclass thing:\n  run = classmethod(first)", ("a",)),
        ("def first(self, a): ...\nclass thing:\n  run = first", ("self", "a")),
    ],
)  # fmt: skip
def test_a_method_is_what_the_class_has_in_the_end(read: Read, text: str, expected: tuple[str, ...] | None) -> None:
    answer = read(IMPORTS + text, "lib.thing.run")
    assert (answer.keywords if isinstance(answer, Signature) else None) == expected


def test_names_bound_in_expressions_exist(package: Package) -> None:
    reader = package(lib="if (thing := len):\n  pass\n[last := one for one in (len,)]\nx = lambda: (inner := 1)")
    for name in ("thing", "last"):
        assert isinstance(reader.read(f"lib.{name}"), Unknown)
    assert isinstance(reader.read("lib.missing"), DoesNotExist)
