"""Modules and classes that bind names through ``globals()`` and its like, against what Python makes of them."""

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, DoesNotExist, Signature, SignatureReader, Unknown

Read = Callable[..., Answer]
Package = Callable[..., SignatureReader]

FILL = "def fill(names, where):\n  where.update({n.title(): type(n.title(), (), {}) for n in names})\n"


@pytest.mark.parametrize(
    "text",
    [
        "g = globals()\nfor n in ('alpha', 'beta'): g[n.title()] = type(n, (), {})",
        "g = vars()\nfor n in ('alpha', 'beta'): g[n.title()] = type(n, (), {})",
        "g = locals()\ng['alpha'.title()] = len",
        "import builtins\nbuiltins.globals()['alpha'.title()] = len",
        f"{FILL}fill(['alpha'], globals())",
        f"{FILL}fill(['alpha'], where=globals())",
        f"{FILL}fill(['alpha'], vars())",
        "class thing: ...\nglobals().setdefault('alpha'.title(), thing)",
        "add = globals().__setitem__\nadd('alpha'.title(), len)",
        "def own(): return globals()\nown()['alpha'.title()] = len",
        "def add(g=globals()): g['alpha'.title()] = len\nadd()",
        "holder = [globals()]\nholder[0]['alpha'.title()] = len",
        "g = {}\ng |= {}\nx = globals()\nx |= {'alpha'.title(): len}",
        "exec('alp' + 'ha = Alpha = len', globals())",
        "exec('Al' + 'pha = len', {**globals()}) if False else exec('Al' + 'pha = len')",
        "import sys\nvars(sys.modules[__name__])['alpha'.title()] = len",
        "import sys\nsys.modules[__name__].__dict__['alpha'.title()] = len",
        "import sys\nsetattr(sys.modules.get(__name__), 'alpha'.title(), len)",
        "from sys import modules\nsetattr(modules[__name__], 'alpha'.title(), len)",
        "import importlib\nme = importlib.import_module(__name__)\nsetattr(me, 'alpha'.title(), len)",
        "me = __import__(__name__)\nsetattr(me, 'alpha'.title(), len)",
    ],
)
def test_a_module_that_may_write_its_own_names_is_not_all_known(package: Package, text: str) -> None:
    reader = package(lib=text)
    assert isinstance(reader.read("lib.Alpha"), Unknown)


@pytest.mark.parametrize(
    "text",
    [
        "x = globals()['__name__']",
        "x = globals().get('y')",
        "x = 'y' in globals()",
        "x = [n for n in globals()]",
        "for n in list(globals()): pass",
        "x = sorted(globals().items())",
        "def f():\n  v = vars()\n  v['a'] = 1",
        "class C:\n  def f(self): return vars(self)\nx = vars(C)",
    ],
)
def test_a_module_that_only_reads_its_names_is_all_known(package: Package, text: str) -> None:
    assert isinstance(package(lib=text).read("lib.Alpha"), DoesNotExist)


@pytest.mark.parametrize(
    "text",
    [
        "def thing(a): ...\nfor name in ('thing',): globals()[name] = lambda b: b",
        "def thing(a): ...\nname = 'thing'\nglobals().update({name: lambda b: b})",
        "def thing(a): ...\ndef put(where, name): where[name] = lambda b: b\nput(globals(), 'thing')",
        "import sys\ndef thing(a): ...\nclass Other:\n  def thing(self, b): ...\nsys.modules[__name__] = Other()",
        "class thing:\n  locals()['__in' + 'it__'] = lambda self, z: None",
        "class thing:\n  vars()['__in' + 'it__'] = lambda self, z: None",
        "class thing:\n  exec('def __init__(self, z): ...')",
    ],
)
def test_what_computed_names_may_replace_is_unknown(read: Read, text: str) -> None:
    assert isinstance(read(text), Unknown)


def test_a_function_beside_computed_names_stays_known(read: Read) -> None:
    text = "__all__ = ['thing']\ndef thing(a) -> 'thing': ...\nfor name in ('other',): globals()[name] = len\n"
    assert isinstance(read(text), Signature)


def test_a_single_file_may_set_an_attribute_on_itself(package: Package) -> None:
    reader = package(lib="import other\nother.fill()", other="import lib\ndef fill(): lib.Alpha = len")
    assert isinstance(reader.read("lib.Beta"), DoesNotExist)


def test_a_loop_over_written_names_adds_no_others(package: Package) -> None:
    listed = "import os\nif os.name:\n  for n in ('alpha', 'beta'):\n    globals()[n] = len\ndef gamma(a): ..."
    changed = "for n in ('alpha', 'beta'):\n  n = n.title()\n  globals()[n] = len\ndef gamma(a): ..."
    reader = package(listed=listed, changed=changed)
    assert isinstance(reader.read("listed.alpha"), Unknown)
    assert isinstance(reader.read("listed.gamma"), Signature)
    assert isinstance(reader.read("listed.alpho"), DoesNotExist)
    assert isinstance(reader.read("changed.Alpha"), Unknown)


def test_a_loop_over_written_names_may_replace_them(read: Read) -> None:
    text = (
        "import functools\ndef thing(a): ...\nfor n in ('thing', 'other'):\n  globals()[n] = functools.partial(print)"
    )
    assert isinstance(read(text), Unknown)


def test_an_import_that_is_given_the_names_reads_them(package: Package) -> None:
    reader = package(lib="def load(place): return __import__(place, globals(), {}, ['x'])\ndef thing(a): ...")
    assert isinstance(reader.read("lib.thing"), Signature)
    assert isinstance(reader.read("lib.thang"), DoesNotExist)
