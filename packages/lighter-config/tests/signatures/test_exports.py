"""What a star import brings in: every ``__all__`` below is worked out, then built by Python."""

from collections.abc import Callable

import pytest

from lighter_config.signatures import DoesNotExist, Signature, SignatureReader, Unknown

Package = Callable[..., SignatureReader]

FUNCTIONS = "def shown(a): ...\ndef other(b): ...\ndef hidden(c): ...\n"
PART = "__all__ = ['of_part']\ndef of_part(p): ...\ndef not_of_part(q): ...\n"


@pytest.mark.parametrize(
    "text",
    [
        "__all__ = ['shown', 'other']",
        "__all__ = ('shown', 'other')",
        "__all__ = ['shown'] + ['other']",
        "__all__ = ['shown']\n__all__ += ['other']",
        "__all__ = ['shown']\n__all__ = __all__ + ['other']",
        "__all__ = ['other']\n__all__ = [*__all__, 'shown']",
        "__all__ = ['shown']\n__all__.extend(['other'])",
        "__all__ = ['shown']\n__all__.append('other')",
        "__all__ = list(('shown', 'other'))",
        "__all__ = sorted({'shown', 'other'})",
        "_more = ['other']\n__all__ = ['shown', *_more]",
        "_names = ['shown', 'other']\n__all__ = _names",
        "from pkg import names\n__all__ = ['shown', *names.__all__]",
        "import pkg.names\n__all__ = ['shown'] + pkg.names.__all__",
        "from pkg.names import __all__ as _more\n__all__ = ['shown', *_more]",
        "__all__ = ['hidden']\n__all__ = ['shown', 'other']",
        "def public(function):\n  __all__.append(function.__name__)\n  return function\n__all__ = ['shown', 'other']",
    ],
)
def test_a_star_brings_what_the_list_of_names_holds(package: Package, text: str) -> None:
    reader = package(
        lib="from pkg.part import *",
        pkg____init__="",
        pkg__names="__all__ = ['other']\nother = None",
        pkg__part=f"{FUNCTIONS}{text}",
    )
    for name in ("shown", "other"):
        answer = reader.read(f"lib.{name}")
        assert isinstance(answer, (Signature, Unknown)), answer
        assert isinstance(answer, Signature) or "def public" in text, answer
    assert not isinstance(reader.read("lib.hidden"), Signature)


@pytest.mark.parametrize(
    "text",
    [
        "__all__ = [name for name in dir() if name != 'hidden']",
        "_name = 'shown'\n__all__ = [_name]",
        "__all__ = ['shown', *map(str, ())]",
        "__all__ = ['shown'] + list(map(str, ()))",
        "if True and len('a') == 1:\n  __all__ = ['shown']",
        "__all__ = ['shown']\nif len('a') == 1:\n  __all__ += ['other']",
        "__all__ = ['shown', 'hidden']\n__all__.remove('hidden')",
        "_names = ['shown']\nfor _names in [['shown']]: ...\n__all__ = _names",
        "from pkg.computed import __all__ as _more\n__all__ = ['shown', *_more]",
        "import pkg.computed\n__all__ = ['shown', *pkg.computed.__all__]",
        "from pkg import names\n__all__ = ['shown', *names.other.__all__]",
        "from pkg.names import other as _more\n__all__ = ['shown', *_more]",
    ],
)
def test_where_list_of_names_is_computed_star_may_bring_anything(package: Package, text: str) -> None:
    reader = package(
        lib="from part import *",
        pkg____init__="",
        pkg__names="__all__ = ['other']\nclass other(list):\n  __all__ = ()\nother = other()",
        pkg__computed="__all__ = list(map(str, ()))",
        part=f"{FUNCTIONS}{text}",
    )
    assert isinstance(reader.read("lib.shown"), Unknown)
    assert isinstance(reader.read("lib.hidden"), Unknown)
    assert isinstance(reader.read("part.hidden"), Signature)


def test_without_list_of_names_star_brings_those_without_underscore(package: Package) -> None:
    reader = package(
        lib="from part import *\ntry:\n  from nowhere_at_all import *\nexcept ImportError: ...",
        part=f"from math import *\n{FUNCTIONS}def _private(d): ...",
    )
    assert isinstance(reader.read("lib.shown"), Signature)
    assert isinstance(reader.read("lib._private"), DoesNotExist)


def test_a_decorator_may_put_a_name_into_the_list(package: Package) -> None:
    decorators = """
    import sys
    def public(function):
        sys.modules[function.__module__].__all__.append(function.__name__)
        return function
    def named(text):
        def decorate(function):
            sys.modules[function.__module__].__all__.append(function.__name__)
            return function
        return decorate
    def plain(function):
        return function
    """
    part = """
    from decorators import named, plain, public
    __all__ = ["shown"]
    def shown(a): ...
    @public
    def added(b): ...
    @named("x")
    def added_too(c): ...
    @plain
    def hidden(d): ...
    """
    reader = package(lib="from part import *", decorators=decorators, part=part)
    for name in ("shown", "added", "added_too"):
        assert isinstance(reader.read(f"lib.{name}"), Signature), name
    assert isinstance(reader.read("lib.hidden"), DoesNotExist)


def test_stars_in_a_circle_end(package: Package) -> None:
    reader = package(
        one="from two import *\ndef f(a): ...", two="import one\n__all__ = ['g', *one.__all__]\ndef g(b): ..."
    )
    assert isinstance(reader.read("one.g"), Unknown)


def test_the_later_of_a_star_and_a_name_wins(package: Package) -> None:
    reader = package(
        before="def f(a): ...\nfrom part import *",
        after="from part import *\ndef f(a): ...",
        both="from other import *\nfrom part import *",
        part="def f(b): ...",
        other="def f(c): ...",
        perhaps="import os\nif os.name:\n  def f(a): ...\nfrom empty import *",
        empty="",
    )
    for module, expected in (("before", "b"), ("after", "a"), ("both", "b"), ("perhaps", "a")):
        answer = reader.read(f"{module}.f")
        assert isinstance(answer, Signature), answer
        assert answer.keywords == (expected,)


def test_a_star_under_a_condition_is_one_of_several_ways(package: Package) -> None:
    reader = package(
        lib="import os\ndef f(a): ...\nif os.name:\n  from part import *",
        part="def f(b): ...",
    )
    assert isinstance(reader.read("lib.f"), Unknown)


def test_a_star_of_what_took_a_name_from_here_keeps_it(package: Package) -> None:
    reader = package(
        pkg____init__="from .real import *\nfrom .later import *\nfrom .old import *",
        pkg__real="def f(a): ...\ndef g(b): ...",
        pkg__later="def g(c): ...",
        pkg__old="from pkg import f, g\ndef h(d): ...",
    )
    for name, expected in (("f", "a"), ("h", "d"), ("old.f", "a")):
        answer = reader.read(f"pkg.{name}")
        assert isinstance(answer, Signature), answer
        assert answer.keywords == (expected,)
    assert isinstance(reader.read("pkg.g"), (Signature, Unknown))
