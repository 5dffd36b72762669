"""Class decorators and metaclasses that put a wrapper with the same signature around ``__init__``."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown

Read = Callable[..., Answer]

WARNS = "import functools, inspect\ndef warns(cls):\n  original = cls.__init__\n  @functools.wraps(original)\n  def init(self, *args, **kwargs): original(self, *args, **kwargs)\n  cls.__init__ = init\n  return cls\n"
BY_NAME = "import functools\ndef warns(cls):\n  def wrap(cls):\n    original = getattr(cls, '__init__')\n    @functools.wraps(original)\n    def init(self, *args, **kwargs): ...\n    setattr(cls, '__init__', init)\n    return cls\n  return wrap(cls)\n"
META = "import functools\nclass Meta(type):\n  def __new__(meta, name, bases, body):\n    made = super().__new__(meta, name, bases, body)\n    original = made.__init__\n    @functools.wraps(original)\n    def init(self, *args, **kwargs): ...\n    made.__init__ = init\n    return made\n"
IN_BODY = "import inspect\nclass Meta(type):\n  def __new__(meta, name, bases, body):\n    if 'Schema' in body:\n      original = body.get('__init__')\n      signature = inspect.signature(original)\n      def init(self, *args, **kwargs): ...\n      init.__signature__ = signature\n      body['__init__'] = init\n    return super().__new__(meta, name, bases, body)\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{WARNS}@warns\nclass thing:\n  def __init__(self, a): ...",
        f"{WARNS}class Base:\n  def __init__(self, a): ...\n@warns\nclass thing(Base): ...",
        f"{WARNS}@warns\nclass Base:\n  def __init__(self, a): ...\nclass thing(Base): ...",
        f"{BY_NAME}@warns\nclass thing:\n  def __init__(self, a): ...",
        f"{META}class thing(metaclass=Meta):\n  def __init__(self, a): ...",
        f"{IN_BODY}class Base(metaclass=Meta): ...\nclass thing(Base):\n  Schema = 1\n  def __init__(self, a): ...",
    ],
)
def test_a_wrapper_with_the_same_signature_is_seen_through(read: Read, text: str) -> None:
    answer = read(text)
    assert isinstance(answer, Signature)
    assert answer.keywords == ("a",)


@pytest.mark.parametrize(
    "text",
    [
        f"{WARNS}@warns\nclass thing: ...",
        f"{WARNS}@warns\nclass Base: ...\nclass Other:\n  def __init__(self, a): ...\nclass thing(Base, Other): ...",
        f"{META}class Base(metaclass=Meta): ...\nclass thing(Base): ...",
        WARNS.replace("functools.wraps(original)", "functools.wraps(print)")
        + "@warns\nclass thing:\n  def __init__(self, a): ...",
        WARNS.replace("  cls.__init__ = init\n", "  cls.__init__ = init\n  cls.__new__ = lambda cls, *x: None\n")
        + "@warns\nclass thing:\n  def __init__(self, a): ...",
        WARNS.replace("  cls.__init__ = init\n", "  init.__signature__ = inspect.Signature()\n  cls.__init__ = init\n")
        + "@warns\nclass thing:\n  def __init__(self, a): ...",
        IN_BODY.replace("init.__signature__ = signature", "init.__signature__ = inspect.signature(len)")
        + "class thing(metaclass=Meta):\n  Schema = 1\n  def __init__(self, a): ...",
    ],
)
def test_another_wrapper_leaves_the_class_unknown(read: Read, text: str) -> None:
    assert isinstance(read(text), Unknown)


def test_a_wrapper_that_takes_keywords_out_is_not_exact(read: Read) -> None:
    text = WARNS.replace("original(self, *args, **kwargs)", "kwargs.pop('old', None)")
    answer = read(f"{text}@warns\nclass thing:\n  def __init__(self, a): ...")
    assert isinstance(answer, Signature)
    assert not answer.is_exact


CHOOSES = "original(self, **{name: value for name, value in kwargs.items() if name == 'a'})"


@pytest.mark.parametrize(
    ("call", "refuses_none"),
    [
        (CHOOSES, True),
        ("self.later(**kwargs)", True),
        ("original(self, *args, **kwargs)", False),
        ("kwargs.pop('old', None); original(self, **kwargs)", False),
        ("known = rename(kwargs); original(self, **known)", False),
        ("original(self, **{name.lower(): value for name, value in kwargs.items()})", False),
        ("super(cls, self).__init__(**kwargs)", False),
        ("[call(self, **kwargs) for call in [original]]", False),
    ],
)
def test_a_wrapper_that_chooses_keywords_refuses_none(read: Read, call: str, refuses_none: bool) -> None:
    text = WARNS.replace("original(self, *args, **kwargs)", call)
    answer = read(f"{text}@warns\nclass thing:\n  def __init__(self, a): ...")
    assert isinstance(answer, Signature)
    assert (answer.keywords, answer.accepts_any_keyword) == (("a",), refuses_none)


@pytest.mark.parametrize(
    ("text", "refuses_none"),
    [
        ("@warns\nclass Base:\n  def __init__(self, a): ...\nclass thing(Base): ...", True),
        ("@warns\nclass Base:\n  def __init__(self, a): ...\nclass thing(Base):\n  def __init__(self, a): ...", False),
    ],
)  # fmt: skip
def test_a_constructor_of_its_own_refuses_names(read: Read, text: str, refuses_none: bool) -> None:
    answer = read(WARNS.replace("original(self, *args, **kwargs)", CHOOSES) + text)
    assert isinstance(answer, Signature)
    assert answer.accepts_any_keyword is refuses_none
