"""What classes, and what else can be called, take: each is read, then imported and asked by ``inspect``."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, DoesNotExist, SignatureReader, Unknown

Package = Callable[..., SignatureReader]
Read = Callable[..., Answer]
Takes = Callable[..., tuple[str, ...] | None]

IMPORTS = "import abc, collections.abc, functools, typing\nfrom typing import Generic, Protocol, TypedDict, TypeVar\nT = TypeVar('T')\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class G(Generic[T]):\n  def __init__(self, a): ...\nthing = G[int]", ("a",)),
        ("class B(Generic[T]):\n  def __init__(self, a): ...\nclass thing(Generic[T], B[T]): ...", ("a",)),
        ("class B(Generic[T]):\n  def __init__(self, a): ...\nclass P:\n  def __init__(self, b): ...\nclass thing(Generic[T], P, B[T]): ...", ("b",)),
        ("class thing(Protocol):\n  def __init__(self, a): ...", ("a",)),
        ("class P(Protocol):\n  def f(self): ...\nclass thing(P):\n  def __init__(self, a): ...", ("a",)),
        ("class thing(collections.abc.Mapping):\n  def __init__(self, a): ...", ("a",)),
        ("class thing(typing.Dict):\n  def __init__(self, a): ...", ("a",)),
        ("class thing(typing.List[int]):\n  def __init__(self, a): ...", ("a",)),
        ("class thing(typing.Callable):\n  def __init__(self, a): ...", ("a",)),
        ("class thing(Exception):\n  def __init__(self, a): ...", ("a",)),
        ("class thing(metaclass=abc.ABCMeta):\n  def __init__(self, a): ...", ("a",)),
        ("class Meta(abc.ABCMeta): ...\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...", ("a",)),
        ("class Meta(type):\n  def __new__(meta, name, bases, body):\n    return super().__new__(meta, name, bases, body)\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...", ("a",)),
        ("class Meta(type):\n  def __new__(meta, name, bases, body):\n    return super().__new__(meta, name, bases, body)\n    body.update({'mark': 1})\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...", ("a",)),
        ("class Meta(type):\n  def __call__(cls, a): ...\nclass Base(metaclass=Meta): ...\nclass thing(Base):\n  def __init__(self, b): ...", ("a",)),
        ("class Meta(type):\n  def __call__(*args): ...\nclass thing(metaclass=Meta): ...", ()),
        ("class Base:\n  def __init_subclass__(cls, **options): ...\nclass thing(Base):\n  def __init__(self, a): ...", ("a",)),
        ("class thing:\n  def __init__(self, a): ...\nthing.mark = 1\nclass other: ...\nother.__init__ = print", ("a",)),
        ("def thing(a): ...\nthing.mark = 1\ndef other(b): ...\nother.__code__ = thing.__code__", ("a",)),
        ("class thing:\n  def __init__(*args): ...", ()),
        ("class thing:\n  __init__ = lambda self, a: None", ("a",)),
        ("def start(self, a): ...\nclass thing:\n  __init__ = start", ("a",)),
        ("class Base:\n  def __init__(self, a): ...\nclass thing:\n  __init__ = Base.__init__", ("a",)),
        ("class Base:\n  def __new__(cls, a): ...\n  def __init__(self, a): ...\nclass thing(Base): ...", ("a",)),
        ("class Outer:\n  class Base:\n    def __init__(self, a): ...\nclass thing(Outer.Base): ...", ("a",)),
        ("class thing:\n  def __init__(self, a): ...\n  @property\n  def b(self): ...\n  @b.setter\n  def b(self, value): ...\n  @b.deleter\n  def b(self): ...", ("a",)),
        ("class thing:\n  @functools.wraps(print)\n  def m(self): ...\n  @functools.lru_cache\n  def n(self): ...\n  def __init__(self, a): ...", ("a",)),
        ("def f(a, b): ...\nthing = functools.partial(f)", ("a", "b")),
        ("def f(a, *more, b): ...\nthing = functools.partial(f, 1, 2, 3)", ("b",)),
        ("def f(a, *more, b=1, **rest): ...\nthing = functools.partial(f, a=1, c=2)", ("a", "b")),
        ("def f(a, /, b): ...\nthing = functools.partial(f, b=1)", ("b",)),
        ("def f(a, b): ...\nclass K:\n  run = staticmethod(f)\nthing = K.run", ("a", "b")),
    ],
)  # fmt: skip
def test_what_a_class_or_a_function_takes_is_known(takes: Takes, text: str, expected: tuple[str, ...]) -> None:
    assert takes(IMPORTS + text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "thing = print",
        "class X:\n  def __init__(self, a): ...\nclass thing(X): ...\ndef X(b): ...",
        "class X:\n  def __init__(self, a): ...\nthing = X\nclass X: ...",
        "class thing: ...\nfor one in [thing]: one.__init__ = lambda self, z: None",
        "class thing: ...\ndef patch(cls): cls.__init__ = lambda self, z: None\npatch(thing)",
        "class thing: ...\nother = thing\nother.__init__ = lambda self, z: None",
        "class Base:\n  def __init_subclass__(cls): type.__setattr__(cls, '__in' + 'it__', lambda self, z: None)\nclass thing(Base): ...",
        "thing = 3",
        "thing = {'x': print}['x']",
        "thing = {'x': print}['x']()",
        "def f(a): ...\nthing = [f][0]",
        "def f(a): ...\narguments = [f]\nthing = functools.partial(*arguments)",
        "def f(a): ...\noptions = {'a': 1}\nthing = functools.partial(f, **options)",
        "def f(a): ...\nthing = functools.partial(f, b=1)",
        "def f(a): ...\nthing = functools.partial(f, 1, a=1)",
        "def f(a): ...\nthing = functools.partial(f, 1, 2)",
        "thing = functools.partial(print, 1)",
        "class thing(Exception): ...",
        "class thing(dict): ...",
        "class thing(typing.Dict[str, int]): ...",
        "class thing(Protocol):\n  def f(self): ...",
        "class thing(TypedDict):\n  a: int",
        "class thing:\n  __signature__ = None\n  def __init__(self, a): ...",
        "class thing:\n  __signature__: object\n  def __init__(self, a): ...",
        "class Base:\n  def __init_subclass__(cls):\n    cls.__init__ = lambda self, z: None\nclass thing(Base):\n  def __init__(self, a): ...",
        "class Base:\n  def __init_subclass__(cls):\n    setattr(cls, '__init__', lambda self, z: None)\nclass thing(Base):\n  def __init__(self, a): ...",
        "class Base:\n  def __init_subclass__(cls):\n    for name in ['__init__']:\n      setattr(cls, name, lambda self, z: None)\nclass thing(Base):\n  def __init__(self, a): ...",
        "class Meta(type):\n  def __init__(cls, name, bases, body):\n    cls.__init__ = lambda self, z: None\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...",
        "class Meta(type):\n  __call__ = print\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...",
        "class Meta(type):\n  @property\n  def __signature__(cls): ...\n  def __call__(cls, a): ...\nclass thing(metaclass=Meta): ...",
        "def meta(name, bases, body): return type(name, bases, body)\nclass thing(metaclass=meta):\n  def __init__(self, a): ...",
        "import somewhere_missing\nclass Meta(somewhere_missing.Meta): ...\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...",
        "class Meta(type(int)): ...\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...",
        "class Base:\n  def __new__(cls, a): ...\nclass Child(Base):\n  def __init__(self, b): ...\nclass thing(Child): ...",
        "class thing:\n  __init__ = print",
        "class thing:\n  __init__ = functools.partialmethod(print)",
        "class thing:\n  from somewhere_missing import __init__",
        "class thing:\n  def __init__(): ...",
        "class thing:\n  def __init__(*, a): ...",
        "import random\nclass thing:\n  if random:\n    def __init__(self, a): ...\n  else:\n    def __init__(self, b): ...",
        "class X: ...\nclass Y(X): ...\nclass thing(X, Y): ...",
        "class thing(int.__class__): ...",
        "class thing(typing.Annotated): ...",
        "class thing(functools.partial): ...",
        "class Meta(type, Generic[T]): ...\nclass thing(metaclass=Meta):\n  def __init__(self, a): ...",
        "def pair(): return print, print\nclass thing:\n  __init__, other = pair()",
        "def twice(function): return [function][0]\nclass thing:\n  @twice\n  def __init__(self, a): ...",
    ],
)
def test_what_the_text_does_not_tell_is_unknown(read: Read, text: str) -> None:
    assert isinstance(read(IMPORTS + text), Unknown)


def test_what_method_becomes_where_it_is_reached_through_its_class(package: Package) -> None:
    text = """
    import functools
    class Base:
        def inherited(self, a): ...
        @functools.lru_cache
        def kept(self, b): ...
        @property
        def shown(self): ...
        @functools.cached_property
        def once(self): ...
        short = lambda self, c: c
    class thing(Base):
        def other(self): ...
        def patched(self, d): ...
    thing.patched = print
    def add(cls):
        cls.added = print
        return cls
    @add
    class Decorated: ...
    class Registered:
        def __init_subclass__(cls, **options):
            cls.added = print
    class WithOptions(Registered, option=1): ...
    class Meta(type):
        added = print
    class Made(metaclass=Meta): ...
    Given = type("Given", (), {"added": print})
    class Patched: ...
    Patched.added = print
    class Plain: ...
    class Counted(int): ...
    """
    reader = package(lib=text)
    for target, expected in (("inherited", ("self", "a")), ("kept", ("self", "b")), ("short", ("self", "c"))):
        answer = reader.read(f"lib.thing.{target}")
        assert getattr(answer, "keywords", None) == expected, answer
    for target in (
        "thing.shown",
        "thing.once",
        "thing.patched",
        "Decorated.added",
        "Counted.bit_length",
        "WithOptions.added",
        "Made.added",
        "Given.added",
        "Patched.added",
        "Patched.other",
    ):
        assert isinstance(reader.read(f"lib.{target}"), Unknown), target
    assert isinstance(reader.read("lib.Plain.added"), DoesNotExist)
