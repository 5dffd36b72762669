"""What names are bound to when all statements have run: each module is read, then run by Python."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, DoesNotExist, Signature, SignatureReader, Unknown

Package = Callable[..., SignatureReader]
Read = Callable[..., Answer]
Takes = Callable[..., tuple[str, ...] | None]

BEFORE = "import contextlib, os, sys, typing\ndef f(a): ...\ndef g(b): ...\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("with contextlib.suppress(ImportError):\n  thing = f", ("a",)),
        ("with contextlib.nullcontext(f) as other, contextlib.nullcontext():\n  thing = f", ("a",)),
        ("with contextlib.nullcontext(f) as thing: ...", None),
        ("while True:\n  thing = f\n  break", ("a",)),
        ("thing = g\nwhile True:\n  thing = f\n  break", None),
        ("for thing in (f, g): ...", None),
        ("match os.name:\n  case 'none':\n    thing = g\n  case _:\n    thing = f", None),
        ("match os.name:\n  case 'none':\n    thing = f\n  case _:\n    thing = f", ("a",)),
        ("thing = g\ndel thing\nthing = f", ("a",)),
        ("thing = f\nf.x = 1\ndel f.x", ("a",)),
        ("first, *thing = f, g", None),
        ("[other, thing] = [g, f]", ("a",)),
        ("other, thing = (f, g)[::-1]", None),
        ("other = thing = f", ("a",)),
        ("thing: object = f", ("a",)),
        ("thing: object\nthing = f", ("a",)),
        ("thing = 1\nthing += 1", None),
        ("thing = (other := f)", ("a",)),
        ("class thing:\n  def __init__(self, a): ...\nsetattr(thing, '__init__', lambda self, z: None)", None),
        ("class thing:\n  def __init__(self, a): ...\nthing.__init__ = print\nclass thing:\n  def __init__(self, b): ...", ("b",)),
        ("try:\n  thing = f\nexcept ImportError:\n  raise\nelse:\n  other = g\nfinally:\n  last = f", ("a",)),
        ("try:\n  thing = f\nexcept ImportError:\n  thing = g", None),
        ("try:\n  thing = f\nfinally:\n  thing = g", ("b",)),
        ("try:\n  thing = f\nexcept* ImportError:\n  thing = f", ("a",)),
        ("if os.path.exists('NONE'):\n  raise ImportError\nelse:\n  thing = f", ("a",)),
        ("if typing.TYPE_CHECKING:\n  thing = g\nelse:\n  thing = f", ("a",)),
        ("if not typing.TYPE_CHECKING:\n  thing = f", ("a",)),
        ("from os import *\nthing = f", None),
        ("thing = typing.cast(object, f)", ("a",)),
        ("def cast(kind, value): return g\nthing = cast(object, f)", ("b",)),
        ("@typing.overload\ndef thing(a: int): ...\n@typing.overload\ndef thing(a: str): ...\ndef thing(a): ...", ("a",)),
        ("async def thing(a): ...", ("a",)),
        ("import functools as thing", None),
        ("print(f)\nthing = f\n'text'", ("a",)),
        (f"thing = f{'.__call__' * 600}", None),
    ],
)  # fmt: skip
def test_a_name_is_what_it_was_last_bound_to(takes: Takes, text: str, expected: tuple[str, ...] | None) -> None:
    assert takes(BEFORE + text) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  def method(self, a): ...\n  thing = method", ("self", "a")),
        ("  def method(self, a): ...\n  thing = staticmethod(method)", ("self", "a")),
        ("  f = f\n  thing = f", None),
        ("  if os.name:\n    def thing(self, a): ...\n  else:\n    def thing(self, a): ...", None),
        ("  thing: object", None),
        ("  from functools import reduce as thing", None),
    ],
)
def test_names_of_a_class_body_are_found_in_it_first(takes: Takes, body: str, expected: tuple[str, ...] | None) -> None:
    found = takes(f"{BEFORE}class K:\n{body}", "lib.K.thing")
    assert found == expected or (expected is None and found in {("a",), ("self", "a"), ()})


def test_a_class_defined_in_two_ways_has_what_both_have(package: Package) -> None:
    text = """
    import os
    if os.name:
        class K:
            @classmethod
            def same(cls, a): ...
            def differs(self, a): ...
    else:
        class K:
            @classmethod
            def same(cls, a): ...
            def differs(self, b): ...
    """
    reader = package(lib=text)
    answer = reader.read("lib.K.same")
    assert isinstance(answer, Signature)
    assert answer.keywords == ("a",)
    assert isinstance(reader.read("lib.K.differs"), Unknown)
    assert isinstance(reader.read("lib.K"), Signature)


def test_relative_imports_start_from_the_package_around(package: Package) -> None:
    reader = package(
        pkg____init__="def f(a): ...",
        pkg__side="def g(b): ...",
        pkg__deep____init__="from .. import f\nfrom ..side import g\nfrom .part import h",
        pkg__deep__part="from ..side import g as h",
    )
    for target, expected in (("pkg.deep.f", "a"), ("pkg.deep.g", "b"), ("pkg.deep.h", "b")):
        answer = reader.read(target)
        assert isinstance(answer, Signature)
        assert answer.keywords == (expected,)


def test_a_submodule_and_a_name_of_its_package_may_hide_each_other(package: Package) -> None:
    reader = package(
        pkg____init__="from .net import net\nfrom .alias import alias\nfrom . import plain\ndef other(x): ...",
        pkg__net="def net(a): ...",
        pkg__alias="from .impl import alias",
        pkg__impl="def alias(b): ...",
        pkg__plain="",
        pkg__other="def other(c): ...",
    )
    assert isinstance(reader.read("pkg.net"), Signature)
    assert isinstance(reader.read("pkg.alias"), Signature)
    assert isinstance(reader.read("pkg.plain"), DoesNotExist)
    assert isinstance(reader.read("pkg.other"), Unknown)


def test_submodule_that_may_be_replaced_is_not_called_a_module(package: Package) -> None:
    reader = package(pkg____init__="globals().update(part=print)", pkg__part="def part(a): ...")
    assert isinstance(reader.read("pkg.part"), Unknown)


def test_an_import_of_what_is_not_there_leads_nowhere(package: Package) -> None:
    reader = package(
        lib="import json.nowhere.deeper as thing\nimport somewhere_missing\nclass Lost(somewhere_missing.Base): ..."
    )
    assert isinstance(reader.read("lib.thing"), Unknown)
    assert isinstance(reader.read("lib.Lost.method"), Unknown)
    assert isinstance(reader.read("lib.Lost.method"), Unknown)


def test_a_name_that_may_be_bound_after_a_star_is_one_of_several(package: Package) -> None:
    text = "import os\nfrom part import *\nif os.path.exists('NONE'):\n  def f(b): ..."
    assert isinstance(package(lib=text, part="def f(a): ...").read("lib.f"), Unknown)


def test_wrapper_that_reads_another_mapping_passes_all_on(read: Read) -> None:
    text = """
    import functools
    def d(f):
        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            others = {"a": 1, "b": 2}
            others.pop("a")
            del others["b"]
            len(kwargs)
            return f(*args, **kwargs)
        return wrapper
    @d
    def thing(a): ...
    """
    answer = read(text)
    assert isinstance(answer, Signature)
    assert answer.is_exact
