"""Modules that make names when they are asked for: what they give is known, and what they certainly do not."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config.signatures import DoesNotExist, Signature, SignatureReader, Unknown

Package = Callable[..., SignatureReader]

REAL = "def f(a): ...\ndef g(b): ...\nvalue = 1"
RAISE = "    raise AttributeError(name)"
GET = "return getattr(import_module(TABLE[name], __name__), name)"


@pytest.mark.parametrize(
    "body",
    [
        f"    if name in TABLE:\n        {GET}\n{RAISE}",
        f"    if name not in TABLE:\n    {RAISE}\n    try:\n        {GET}\n    except KeyError:\n    {RAISE}",
        f"    if name in ('f', 'g'):\n        {GET}\n{RAISE}",
        f"    if name in ['f', 'g']:\n        {GET}\n{RAISE}",
        f"    if name in {{'f', 'g'}}:\n        {GET}\n{RAISE}",
        f"    if name in {{'f': 1, 'g': 2}}:\n        {GET}\n{RAISE}",
        f"    if name == 'f' or name == 'g':\n        {GET}\n{RAISE}",
        f"    if TABLE.get(name):\n        {GET}\n{RAISE}",
        f"    if name in NAMES:\n        {GET}\n{RAISE}",
        f"    if name in globals():\n        return globals()['f']\n    if name in TABLE:\n        {GET}\n{RAISE}",
        f"    warn = str\n    if name in TABLE:\n        warn(name)\n        {GET}\n{RAISE}",
        f"    if name in GONE:\n    {RAISE}\n    if name in EITHER:\n        {GET}\n{RAISE}",
        f"    x = ''\n    if x == 'y' or x in NO or NO.get(x):\n    {RAISE}\n    if name in TABLE:\n        {GET}\n{RAISE}",
    ],
)
def test_the_names_that_a_module_answers_are_those_of_its_tests(package: Package, body: str) -> None:
    text = (
        "from importlib import import_module\nTABLE = {'f': '.real', 'g': 'pkg.real'}\nNAMES = ['f', 'g']\n"
        "NO, GONE = dict(), {one.upper() for one in NAMES}\nif NO:\n  pass\nelse:\n  EITHER = {'f', 'g'}\n"
        f"def __getattr__(name):\n{body}\n"
    )
    reader = package(pkg____init__=text, pkg__real=REAL, lib="from pkg import f")
    for target, expected in (("pkg.f", ("a",)), ("pkg.g", ("b",)), ("lib.f", ("a",))):
        answer = reader.read(target)
        assert isinstance(answer, Signature), answer
        assert answer.keywords == expected
    assert isinstance(reader.read("pkg.h"), DoesNotExist)


@pytest.mark.parametrize(
    "text",
    [
        f"def __getattr__(name):\n    if name in compute():\n        return 1\n{RAISE}",
        f"names = compute()\ndef __getattr__(name):\n    if name in names:\n        return 1\n{RAISE}",
        f"from other import names\ndef __getattr__(name):\n    if name in names:\n        return 1\n{RAISE}",
        f"def __getattr__(name):\n    if name in nowhere:\n        return 1\n{RAISE}",
        f"text = 'h'\ndef __getattr__(name):\n    if name in [text]:\n        return 1\n{RAISE}",
        f"text = 'h'\ndef __getattr__(name):\n    if name in {{text: 1}}:\n        return 1\n{RAISE}",
        f"def __getattr__(name):\n    if find(name):\n        return 1\n{RAISE}",
        f"def __getattr__(name):\n    if getattr(object, name):\n        return 1\n{RAISE}",
        f"def __getattr__(name):\n    if getattr(find(), name):\n        return 1\n{RAISE}",
        f"def __getattr__(*names):\n    return compute()\n{RAISE.replace('name', 'names')}\n    find()",
        f"def __getattr__(name):\n    if name == 'h':\n        return compute()\n{RAISE}",
        f"from importlib import import_module\nTABLE = {{}}\ndef __getattr__(name):\n    if name == 'h':\n        {GET}\n{RAISE}",
        "__getattr__ = lambda name: compute()",
        "from other import __getattr__",
    ],
)
def test_a_module_that_answers_in_other_ways_may_have_any_name(package: Package, text: str) -> None:
    assert isinstance(package(lib=text, other="").read("lib.h"), Unknown)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("'.real'", "the value is no class or function"),
        ("'nowhere_at_all'", "the module is not there"),
        ("where", "the table is computed"),
        ("1", "the table holds no module names"),
    ],
)
def test_what_a_table_does_not_lead_to_is_unknown(package: Package, entry: str, why: str) -> None:
    text = (
        f"from importlib import import_module\nwhere = '.real'\nTABLE = {{'other': '.real', 'value': {entry}}}\n"
        f"def __getattr__(name):\n    if name in TABLE:\n        {GET}\n{RAISE}"
    )
    assert isinstance(package(pkg____init__=text, pkg__real=REAL).read("pkg.value"), Unknown), why


def test_the_stub_beside_a_lazy_module_says_what_it_gives(package: Package, tmp_path: Path) -> None:
    """As ``lazy_loader.attach_stub`` makes of it."""
    text = "def __getattr__(name):\n    import pkg.real\n    return getattr(pkg.real, name)"
    package(pkg____init__=text, pkg__real=REAL)
    stub = tmp_path / "pkg" / "__init__.pyi"
    stub.write_text("from .real import f\n__all__ = ['f']\n")
    reader = package()
    answer = reader.read("pkg.f")
    assert isinstance(answer, Signature)
    assert answer.keywords == ("a",)
    assert isinstance(reader.read("pkg.h"), Unknown)
    stub.write_text("from .real import (\n")
    assert isinstance(package().read("pkg.f"), Unknown)


def test_names_for_type_checkers_are_those_of_the_lazy_module(package: Package) -> None:
    text = """
    from typing import TYPE_CHECKING
    __all__ = ["f"]
    if TYPE_CHECKING:
        from pkg.real import f
    else:
        import sys
        class Lazy(type(sys)):
            def __getattr__(self, name):
                import pkg.real
                return getattr(pkg.real, name)
        sys.modules[__name__] = Lazy(__name__)
        sys.modules[__name__].__path__ = __path__
    """
    answer = package(pkg____init__=text, pkg__real=REAL).read("pkg.f")
    assert isinstance(answer, Signature)
    assert answer.keywords == ("a",)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [('__all__ = ["f"]\n', Signature), ('__all__ = ["f"]\n__all__ += [str()]\n', Unknown), ("", Unknown)],
)
def test_a_star_asks_for_the_listed_names_alone(package: Package, listed: str, expected: type) -> None:
    lazy = f"{listed}def f(a): ...\ndef __getattr__(name):\n    globals()[name] = print\n    return print"
    text = "def g(b): ...\nfrom lazy import *"
    assert isinstance(package(lib=text, lazy=lazy).read("lib.g"), expected)


def test_a_promise_of_a_module_that_is_not_lazy_does_not_count(package: Package) -> None:
    part = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  def thing(a): ...\nfor n in ['x']: globals()[n] = len"
    )
    reader = package(lib="def thing(b): ...\nfrom part import *", part=part)
    assert not isinstance(answer := reader.read("lib.thing"), Signature) or answer.keywords == ("b",)
