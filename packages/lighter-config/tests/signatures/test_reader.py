"""The reader against Python itself: every source below is read, then imported, and both must say the same."""
# ruff: noqa: E501  # one source a line

import importlib.machinery
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config.signatures import Answer, DoesNotExist, Signature, SignatureReader, Unknown

Package = Callable[..., SignatureReader]
Read = Callable[..., Answer]


def keywords(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, Signature), answer
    return answer.keywords


# -- functions and classes


def test_a_function_is_read_with_kinds_defaults_and_annotations(read: Read) -> None:
    answer = read("def thing(a, /, b: int, *args, c=3, d: str | None = None, **rest):\n    'Do it.'")
    assert isinstance(answer, Signature)
    assert [(p.name, p.default, p.annotation) for p in answer.parameters] == [
        ("a", None, None),
        ("b", None, "int"),
        ("args", None, None),
        ("c", "3", None),
        ("d", "None", "str | None"),
        ("rest", None, None),
    ]
    assert [p.name for p in answer.parameters if p.required] == ["a", "b"]
    assert answer.accepts_any_keyword
    assert (answer.docstring, answer.line, Path(answer.file).name) == ("Do it.", 1, "lib.py")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class thing:\n  def __init__(self, a, b=1): ...", ("a", "b")),
        ("class thing: ...", ()),
        ("class thing:\n  def __new__(cls, a): return object.__new__(cls)", ("a",)),
        ("class thing:\n  def __new__(cls, a): ...\n  def __init__(self, b): ...", ("a",)),
        ("class Base:\n  def __init__(self, a): ...\nclass thing(Base): ...", ("a",)),
        ("class Meta(type):\n  def __call__(cls, a, b): ...\nclass thing(metaclass=Meta):\n  def __init__(self): ...", ("a", "b")),
        ("from abc import ABC\nclass thing(ABC):\n  def __init__(self, a): ...", ("a",)),
        ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass thing(Generic[T]):\n  def __init__(self, a): ...", ("a",)),
        ("class thing:\n  def __init__(self, __hidden=1): ...", ("_thing__hidden",)),
        ("class A:\n  def __init__(self, a): ...\nclass B(A): ...\nclass C(A):\n  def __init__(self, c): ...\nclass thing(B, C): ...", ("c",)),
        ("class thing(dict):\n  def __init__(self, a): ...", ("a",)),
        ("thing = lambda a, b=1: a", ("a", "b")),
        ("class Real:\n  def __init__(self, a): ...\nthing = Real", ("a",)),
        ("def f(a): ...\nthing, other = f, 1", ("a",)),
        ("from typing import Generic, TypeVar\nT = TypeVar('T')\nclass G(Generic[T]):\n  def __init__(self, a): ...\nclass thing(G[int]): ...", ("a",)),
    ],
)  # fmt: skip
def test_constructors_are_found_where_python_finds_them(read: Read, text: str, expected: tuple[str, ...]) -> None:
    assert keywords(read(text)) == expected


def test_methods_are_read_as_they_are_reached(read: Read) -> None:
    text = """
    class K:
        @classmethod
        def make(cls, a): ...
        @staticmethod
        def plain(b): ...
        def method(self, c): ...
        class Inner:
            def __init__(self, d): ...
    """
    assert keywords(read(text, "lib.K.make")) == ("a",)
    assert keywords(read(text, "lib.K.plain")) == ("b",)
    assert keywords(read(text, "lib.K.method")) == ("self", "c")
    assert keywords(read(text, "lib.K.Inner")) == ("d",)


# -- generated constructors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@dataclass\nclass thing:\n  a: int\n  b: int = 1\n  c: list = field(default_factory=list)", ("a", "b", "c")),
        ("@dataclass\nclass thing:\n  a: int\n  b: ClassVar[int] = 1\n  c: InitVar[int] = 2\n  d: int = field(init=False)", ("a", "c")),
        ("@dataclass(kw_only=True)\nclass thing:\n  b: int = 1\n  a: int = field(kw_only=False)", ("a", "b")),
        ("@dataclass\nclass thing:\n  a: int\n  _: KW_ONLY\n  b: int = 1\n  c: int", ("a", "b", "c")),
        ("@dataclass\nclass Base:\n  a: int\n  b: int = 1\n@dataclass(frozen=True, slots=True)\nclass thing0: ...\n@dataclass\nclass thing(Base):\n  a: str\n  c: int = 2", ("a", "b", "c")),
        ("@dataclass\nclass thing:\n  a: int\n  def __init__(self, other): ...", ("other",)),
        ("@dataclass(init=False)\nclass thing:\n  a: int", ()),
        ("class thing(NamedTuple):\n  a: int\n  b: int = 2", ("a", "b")),
        ("thing = namedtuple('thing', 'a b', defaults=[1])", ("a", "b")),
        ("thing = NamedTuple('thing', [('a', int), ('b', str)])", ("a", "b")),
    ],
)  # fmt: skip
def test_generated_constructors_are_worked_out(read: Read, text: str, expected: tuple[str, ...]) -> None:
    imports = "from dataclasses import *\nfrom typing import *\nfrom collections import namedtuple\n"
    assert keywords(read(imports + text)) == expected


def test_an_enum_is_called_as_its_metaclass_says_or_is_unknown(read: Read) -> None:
    answer = read("from enum import Enum\nclass thing(Enum):\n  A = 1")
    assert isinstance(answer, (Signature, Unknown))


# -- decorators and partials

WRAPPING = """
import functools

def keep(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def same(thing):
    return thing

def change(function):
    def wrapper(x, *, y=1):
        return function(x)
    return wrapper

def factory(level=1):
    def decorate(function):
        return keep(function)
    return decorate

def optional(function=None, *, level=1):
    if function is None:
        return functools.partial(optional, level=level)
    return functools.wraps(function)(lambda *args: function(*args))

class Export:
    def __init__(self, name): ...
    def __call__(self, thing):
        return thing

def mysterious(function):
    return registry[function]
registry = {}
"""


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("keep", ("a", "b")),
        ("same", ("a", "b")),
        ("change", ("x", "y")),
        ("factory()", ("a", "b")),
        ("factory(2)", ("a", "b")),
        ("optional", ("a", "b")),
        ("optional(level=2)", ("a", "b")),
        ("Export('x')", ("a", "b")),
        ("functools.lru_cache", ("a", "b")),
        ("functools.lru_cache(maxsize=2)", ("a", "b")),
    ],
)
def test_decorators_keep_or_change_a_signature(read: Read, decorator: str, expected: tuple[str, ...]) -> None:
    assert keywords(read(f"{WRAPPING}\n@{decorator}\ndef thing(a, b=1): ...")) == expected


def test_what_decorator_makes_is_unknown_when_it_cannot_be_followed(package: Package) -> None:
    reader = package(lib=f"{WRAPPING}\n@mysterious\ndef thing(a): ...")
    answer = reader.read("lib.thing")
    assert isinstance(answer, Unknown)
    assert "@mysterious" in answer.reason


def test_a_class_decorator_that_replaces_the_constructor_is_unknown(read: Read) -> None:
    text = """
    def patch(cls):
        cls.__init__ = lambda self, z: None
        return cls
    @patch
    class thing:
        def __init__(self, a): ...
    """
    assert isinstance(read(text), Unknown)


@pytest.mark.parametrize(
    ("call", "kinds"),
    [
        ("functools.partial(f, 1)", {"b": "POSITIONAL_OR_KEYWORD", "c": "POSITIONAL_OR_KEYWORD"}),
        ("functools.partial(f, b=2)", {"a": "POSITIONAL_OR_KEYWORD", "b": "KEYWORD_ONLY", "c": "KEYWORD_ONLY"}),
        ("functools.partial(functools.partial(f, 1), c=2)", {"b": "POSITIONAL_OR_KEYWORD", "c": "KEYWORD_ONLY"}),
    ],
)
def test_a_partial_takes_what_is_left(read: Read, call: str, kinds: dict[str, str]) -> None:
    answer = read(f"import functools\ndef f(a, b, c=3): ...\nthing = {call}")
    assert isinstance(answer, Signature)
    assert {p.name: p.kind.value for p in answer.parameters} == kinds


def test_a_constructor_replaced_after_the_class_is_unknown(read: Read) -> None:
    text = "class thing:\n  def __init__(self, a): ...\nthing.__init__ = lambda self, b: None"
    assert isinstance(read(text), Unknown)


# -- where names come from


def test_names_are_followed_through_re_exports_stars_and_aliases(package: Package) -> None:
    reader = package(
        pkg____init__="from .inner import *\nfrom .other import Real as Alias\nfrom . import deep",
        pkg__inner="__all__ = ['Shown']\nclass Shown:\n  def __init__(self, a): ...\nclass NotShown: ...",
        pkg__other="class Real:\n  def __init__(self, b): ...",
        pkg__deep____init__="",
        pkg__deep__module="def f(c): ...",
    )
    for target, name, expected in (
        ("pkg.Shown", "pkg.inner.Shown", ("a",)),
        ("pkg.Alias", "pkg.other.Real", ("b",)),
        ("pkg.deep.module.f", "pkg.deep.module.f", ("c",)),
    ):
        answer = reader.read(target)
        assert isinstance(answer, Signature)
        assert (answer.name, answer.keywords) == (name, expected)
    missing = reader.read("pkg.NotShown")
    assert isinstance(missing, DoesNotExist)
    assert missing.nearest == ("pkg.Shown",)


def test_a_name_defined_in_two_ways_is_known_only_when_both_agree(package: Package) -> None:
    text = """
    import os
    if os.path.exists("FAST"):
        def same(a): ...
        def differs(a): ...
    else:
        def same(a): ...
        def differs(b): ...
    try:
        from nowhere_at_all import optional
    except ImportError:
        def optional(c): ...
    import sys
    if sys.version_info >= (3, 0):
        def version(d): ...
    else:
        def version(e): ...
    """
    reader = package(lib=text)
    assert keywords(reader.read("lib.same")) == ("a",)
    assert isinstance(reader.read("lib.differs"), Unknown)
    assert keywords(reader.read("lib.optional")) == ("c",)
    assert keywords(reader.read("lib.version")) == ("d",)


def test_a_lazy_module_is_read_from_its_table_or_its_typing_names(package: Package) -> None:
    text = """
    from importlib import import_module
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        from pkg.real import Typed
    _TABLE = {"Listed": ".real"}
    def __getattr__(name):
        if name == "Typed":
            return import_module(".real", __name__).Typed
        if name in _TABLE:
            return getattr(import_module(_TABLE[name], __name__), name)
        raise AttributeError(name)
    """
    reader = package(pkg____init__=text, pkg__real="class Typed:\n  def __init__(self, a): ...\ndef Listed(b): ...")
    assert keywords(reader.read("pkg.Typed")) == ("a",)
    assert keywords(reader.read("pkg.Listed")) == ("b",)
    assert isinstance(reader.read("pkg.Lsted"), DoesNotExist)


@pytest.mark.parametrize(
    "text",
    [
        "def __getattr__(name):\n  return make(name)",
        "for name in names():\n  globals()[name] = 1",
        "globals().update(compute())",
        "vars()['x'] = 1",
        "import sys\nsys.modules[__name__].__dict__.update(compute())",
        "import sys\nthis = sys.modules[__name__]\ngetattr(this, 'x', None)\nfill(this)",
        "import sys\nsetattr(sys.modules[__name__], compute(), 1)",
        "from itertools import *",
        "exec(open('x').read())",
    ],
)
def test_name_made_at_run_time_is_never_called_missing(package: Package, text: str) -> None:
    assert isinstance(package(lib=text).read("lib.Missing"), Unknown)


REGISTRY = """
import sys

def shim(old, new=None):
    def call(pretrained=False, **kwargs):
        assert new is not None, old
        return new(pretrained=pretrained, **kwargs)
    return call

def register(module_name, table):
    \"\"\"Bind old names.\"\"\"
    module = sys.modules[module_name]
    short = module_name.split(".")[-1]
    for old, new in table.items():
        if hasattr(module, "__all__") and old not in module.__all__:
            module.__all__.append(old)
        current = None
        if new:
            current = getattr(module, new)
        made = shim(old, current)
        setattr(module, old, made)
"""
OLD_NAMES = """
from registry import register
__all__ = ["present"]
def present(a): ...
register(__name__, {"old": "present", "removed": None})
"""


@pytest.mark.parametrize("target", ["lib.old", "lib.removed", "stars.old"])
def test_names_that_call_takes_from_table_are_what_it_binds_to_each(package: Package, target: str) -> None:
    reader = package(registry=REGISTRY, lib=OLD_NAMES, stars="from lib import *")
    answer = reader.read(target)
    assert keywords(answer) == ("pretrained",)
    assert isinstance(reader.read("lib.odl"), DoesNotExist)
    assert isinstance(reader.read("stars.odl"), DoesNotExist)


@pytest.mark.parametrize(
    "table",
    [
        'dict(old="present")',
        '"old new".split()',
        '{"old": "present"}, level=1',
        '{"old": "present"}, **{}',
        '{"other": "present", **{"old": "present"}}',
        '{"old": "present", **OTHERS}',
        '[("old", "present")]',
        "old=present",
    ],
)
def test_name_that_call_spells_in_another_way_is_not_called_missing(package: Package, table: str) -> None:
    old_names = OLD_NAMES.replace('{"old": "present", "removed": None}', table)
    assert isinstance(package(registry=REGISTRY, lib=old_names).read("lib.old"), Unknown)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("        setattr(module, old, made)", "        if new:\n            setattr(module, old, made)"),
        ("        setattr(module, old, made)", "        setattr(module, old, made)\n        setattr(module, old, 1)"),
        ("        setattr(module, old, made)", "        setattr(module, old.upper(), made)"),
        ("        current = None", "        if not new:\n            continue\n        current = None"),
        ("        current = None", "        old = old.upper()\n        current = None"),
        ("    module = sys", "    module_name = 'other'\n    module = sys"),
        ("    for old", "    if short == 'x':\n        return\n    for old"),
        ("    for old", "    table = {}\n    for old"),
        ("    for old", "    module = sys.modules['os']\n    for old"),
        ("def register", "@print\ndef register"),
        ("def register(module_name, table)", "def register(module_name, table, *more)"),
        ("module = sys.modules[module_name]", "pass"),
        ("module = sys.modules[module_name]", "'a text alone'; module = 1"),
        (
            '    """Bind old names."""\n    module = sys.modules[module_name]\n    short = module_name.split(".")[-1]\n',
            "    global module\n",
        ),
        ("for old, new in table.items()", "for old, new in list(table.items())"),
    ],
)
def test_call_with_table_that_may_do_something_else_is_not_followed(package: Package, was: str, becomes: str) -> None:
    assert was in REGISTRY
    assert isinstance(package(registry=REGISTRY.replace(was, becomes), lib=OLD_NAMES).read("lib.old"), Unknown)


def test_name_that_a_star_may_not_import_is_unknown_there(package: Package) -> None:
    registry = REGISTRY.replace("old not in module.__all__", "new")
    reader = package(registry=registry, lib=OLD_NAMES, stars="from lib import *")
    assert isinstance(reader.read("lib.old"), Signature)
    assert isinstance(reader.read("stars.old"), Unknown)
    conditional = OLD_NAMES.replace("register(__", "if input():\n    register(__")
    assert isinstance(package(registry=REGISTRY, lib=conditional).read("lib.old"), Unknown)


COMPUTED = """
import sys
import torch._C as _C
for one in ("cos", "sin"):
    symbol = f"_sym_{one}"
    globals()[symbol] = lambda: one
for one in dir(_C._VariableFunctions):
    if one in ("private",):
        continue
    made = getattr(_C._VariableFunctions, one)
    if one == "hidden":
        one = "_" + one
    globals()[one] = made
def register_device(device, module):
    setattr(sys.modules[__name__], device, module)
"""


def compiled_namespace(package: Package, text: str, **files: str) -> SignatureReader:
    files = {"torch____init__": "", "torch___C____init__": "", "torch___C___VariableFunctions": "", **files}
    return package(pkg____init__=text, pkg__optim="class AdamW:\n  def __init__(self, lr): ...", **files)


def test_path_through_what_could_only_be_function_does_not_exist(package: Package) -> None:
    reader = compiled_namespace(package, COMPUTED)
    answer = reader.read("pkg.optm.AdamW")
    assert isinstance(answer, DoesNotExist), answer
    assert (answer.missing, answer.where, answer.nearest) == ("pkg.optm", "pkg", ("pkg.optim.AdamW",))
    assert isinstance(reader.read("pkg.optm"), Unknown)  # it may be one of the functions
    assert isinstance(reader.read("pkg.optm.Missing"), Unknown)  # nothing near leads to that end either


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("_C._VariableFunctions", "_C"),
        ("made = getattr", "made = wrap or getattr"),
        ("globals()[one] = made", "made = other; globals()[one] = made"),
        ('f"_sym_{one}"', 'f"{one}_sym"'),
        ('f"_sym_{one}"', 'f"_sym_{one}"; symbol = one'),
        ("def register_device(device, module):", "def register_device(module):\n    device = compute()"),
        ("def register_device", "register('optm')\ndef register_device"),
    ],
)
def test_a_path_through_what_may_be_more_than_a_function_is_unknown(package: Package, was: str, becomes: str) -> None:
    assert was in COMPUTED
    assert isinstance(compiled_namespace(package, COMPUTED.replace(was, becomes)).read("pkg.optm.AdamW"), Unknown)


def test_name_that_installed_package_bears_may_be_registered_by_it(package: Package) -> None:
    assert isinstance(compiled_namespace(package, COMPUTED, pkg_optm="").read("pkg.optm.AdamW"), Unknown)


def test_name_that_another_file_sets_is_not_called_missing(package: Package) -> None:
    """Lightning's graveyard patches names into its own packages."""
    reader = package(pkg____init__="import pkg.patch", pkg__patch="import pkg\nsetattr(pkg, 'Given', object)")
    assert isinstance(reader.read("pkg.Given"), Unknown)
    assert isinstance(reader.read("pkg.Givn"), DoesNotExist)


def test_a_missing_package_has_no_nearest_that_lacks_the_rest(package: Package) -> None:
    answer = package().read("emial.networks.UNet")
    assert isinstance(answer, DoesNotExist)
    assert answer.nearest == ()
    near = package().read("emial.message.Message")
    assert isinstance(near, DoesNotExist)
    assert near.nearest == ("email.message.Message",)


def test_missing_module_and_missing_name_are_told_apart(package: Package) -> None:
    reader = package(pkg____init__="", pkg__optim="class AdamW: ...")
    module = reader.read("pkg.optm.AdamW")
    assert isinstance(module, DoesNotExist)
    assert (module.missing, module.nearest) == ("pkg.optm", ("pkg.optim.AdamW",))
    name = reader.read("pkg.optim.AdmW")
    assert isinstance(name, DoesNotExist)
    assert (name.missing, name.nearest) == ("pkg.optim.AdmW", ("pkg.optim.AdamW",))
    top = reader.read("pgk.optim.AdamW")
    assert isinstance(top, DoesNotExist)
    assert (top.missing, top.is_module, top.nearest) == ("pgk", True, ("pkg.optim.AdamW",))


def test_a_module_cannot_be_called(package: Package) -> None:
    answer = package(pkg____init__="", pkg__trainer="class Trainer: ...").read("pkg.trainer")
    assert isinstance(answer, DoesNotExist)
    assert (answer.reason, answer.nearest) == ("is a module, which cannot be called", ("pkg.trainer.Trainer",))


def test_no_module_is_the_nearest_of_a_missing_name(package: Package) -> None:
    init = "from pkg.datamodule import OwnDataModule\nfrom pkg.module import OwnModule, Mode"
    modules = {"pkg__datamodule": "class OwnDataModule: ...", "pkg__module": "class OwnModule: ...\nclass Mode: ..."}
    reader = package(pkg____init__=init, pkg__trainer="class Trainer: ...", pkg__models="", **modules)
    data, module = reader.read("pkg.DataModule"), reader.read("pkg.Module")
    assert isinstance(data, DoesNotExist)
    assert isinstance(module, DoesNotExist)
    assert data.nearest[0] == "pkg.OwnDataModule"
    assert module.nearest == ("pkg.OwnModule", "pkg.OwnDataModule", "pkg.Mode")
    only_a_module, nothing = reader.read("pkg.trainr"), reader.read("pkg.modls")
    assert isinstance(only_a_module, DoesNotExist)
    assert isinstance(nothing, DoesNotExist)
    assert only_a_module.nearest == ("pkg.trainer.Trainer",)
    assert "pkg.models" not in nothing.nearest


def test_the_stub_of_a_compiled_module_is_read(package: Package, tmp_path: Path) -> None:
    reader = package(pkg____init__="")
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    (tmp_path / "pkg" / f"fast{suffix}").write_bytes(b"")
    assert isinstance(SignatureReader(cache_folder=None).read("pkg.fast.f"), Unknown)
    (tmp_path / "pkg" / "fast.pyi").write_text("def f(a: int, b: float = ...) -> int: ...\n")
    reader = SignatureReader(cache_folder=None)
    assert keywords(reader.read("pkg.fast.f")) == ("a", "b")
    assert isinstance(reader.read("pkg.fast.g"), Unknown)


def test_editable_installs_and_namespace_packages_are_followed(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    for folder in ("elsewhere/one", "elsewhere/two", "other/space"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "elsewhere/one/__init__.py").write_text("def f(a): ...")
    (tmp_path / "elsewhere/two/__init__.py").write_text("def f(b): ...")
    (tmp_path / "other/space/part.py").write_text("def f(c): ...")
    site.mkdir()
    (site / "other.pth").write_text(f"{tmp_path / 'other'}\n")
    (site / "__editable___two_finder.py").write_text(
        f"MAPPING: dict = {{'two': {str(tmp_path / 'elsewhere/two')!r}}}\n"
    )
    (site / "two.pth").write_text("import __editable___two_finder; __editable___two_finder.install()\n")
    (site / "custom_hook.py").write_text("KNOWN = {'three': 'somewhere'}\n")
    (site / "three.pth").write_text("import custom_hook\n")
    reader = SignatureReader(search_path=[site, tmp_path / "elsewhere"], cache_folder=None)
    assert keywords(reader.read("one.f")) == ("a",)
    assert keywords(reader.read("two.f")) == ("b",)
    assert keywords(reader.read("space.part.f")) == ("c",)
    assert isinstance(reader.read("three.f"), Unknown)
    assert isinstance(reader.read("four.f"), DoesNotExist)


def test_the_users_folder_is_found_as_project(tmp_path: Path) -> None:
    (tmp_path / "mine" / "models").mkdir(parents=True)
    (tmp_path / "mine" / "models" / "net.py").write_text("from project.models.base import Base\nclass Net(Base): ...")
    (tmp_path / "mine" / "models" / "base.py").write_text("class Base:\n  def __init__(self, width): ...")
    reader = SignatureReader(search_path=[], project=tmp_path / "mine", cache_folder=None)
    assert keywords(reader.read("project.models.net.Net")) == ("width",)
    missing = reader.read("project.models.net.Nett")
    assert isinstance(missing, DoesNotExist)
    assert missing.nearest == ("project.models.net.Net",)
    assert reader.is_subclass("project.models.net.Net", "project.models.base.Base") is True


def test_subclasses_are_known_unknown_or_not(package: Package) -> None:
    text = """
    import somewhere_missing
    from typing import TypeVar
    class Base: ...
    class Child(Base): ...
    class Other: ...
    class Partly(somewhere_missing.X, Base): ...
    class Unclear(somewhere_missing.X): ...
    Alias = Base
    def function(): ...
    """
    reader = package(lib=text)
    assert reader.is_subclass("lib.Child", "lib.Base") is True
    assert reader.is_subclass("lib.Child", "lib.Alias") is True
    assert reader.is_subclass("lib.Other", "lib.Base") is False
    assert reader.is_subclass("lib.Partly", "lib.Base") is True
    assert reader.is_subclass("lib.Unclear", "lib.Base") is None
    assert reader.is_subclass("lib.function", "lib.Base") is None
    assert reader.is_subclass("lib.Nothing", "lib.Base") is None


def test_source_that_python_cannot_read_is_unknown(package: Package) -> None:
    answer = package(lib="def thing(:\n").read("lib.thing")
    assert isinstance(answer, Unknown)
    assert "cannot be read as Python" in answer.reason


@pytest.mark.parametrize("target", ["", ".", "a..b", "not a name", "torch.nn.", "1.x"])
def test_a_target_that_is_no_dotted_name_does_not_exist(target: str) -> None:
    assert isinstance(SignatureReader(search_path=[], cache_folder=None).read(target), DoesNotExist)


def test_circles_in_the_source_end(package: Package) -> None:
    reader = package(
        one="from two import *\nfrom two import x\nclass A(B): ...\nclass B(A): ...\ny = y",
        two="from one import *\nfrom one import x",
    )
    for target in ("one.x", "one.A", "one.B", "one.y", "two.x", "one.missing"):
        assert isinstance(reader.read(target), (Unknown, DoesNotExist)), target


def test_nothing_is_imported(package: Package, tmp_path: Path) -> None:
    package(lib="raise RuntimeError('imported')\ndef thing(a): ...")
    code = (
        "import sys; from lighter_config.signatures import SignatureReader\n"
        f"r = SignatureReader(search_path=[{str(tmp_path)!r}], cache_folder=None)\n"
        "assert r.read('lib.thing').keywords == ('a',)\n"
        "assert 'lib' not in sys.modules and 'sparkwheel' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_project_folder_full_of_other_files_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets.py").write_text("class Net: ...")
    for folder in ("venv/lib", ".git", "data"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    (tmp_path / "venv/lib/x.py").write_text("setattr(nets, 'Nett', 1)")
    (tmp_path / ".git/x.py").write_text("setattr(nets, 'Nett', 1)")
    assert isinstance(
        SignatureReader(search_path=[], project=tmp_path, cache_folder=None).read("project.nets.Nett"), DoesNotExist
    )
    monkeypatch.setattr("lighter_config.signatures.text.modules._MAX_ENTRIES", 3)
    answer = SignatureReader(search_path=[], project=tmp_path, cache_folder=None).read("project.nets.Nett")
    assert isinstance(answer, Unknown)


@pytest.mark.parametrize(
    ("wrapper", "is_exact"),
    [
        ("def w(*args, **kwargs):\n      return f(*args, **kwargs)", True),
        ("def w(self, *args, **kwargs):\n      kwargs = dict(list(env.items()) + list(kwargs.items()))\n      return f(self, **kwargs)", True),
        ("def w(*args, **kwargs):\n      kwargs.pop('old', None)\n      return f(*args, **kwargs)", False),
        ("def w(*args, extra=1, **kwargs):\n      return f(*args, **kwargs)", False),
        ("def w(*args, **kwargs):\n      del kwargs['old']\n      return f(*args, **kwargs)", False),
        ("def w(*args, **kwargs):\n      return f(*args, **{k: v for k, v in kwargs.items() if k != 'old'})", False),
        ("def w(*args, **kwargs):\n      return f(*args, **rename(kwargs))", False),
    ],
)  # fmt: skip
def test_wrapper_that_takes_arguments_out_may_accept_more(read: Read, wrapper: str, is_exact: bool) -> None:
    text = (
        f"import functools\ndef d(f):\n    @functools.wraps(f)\n    {wrapper}\n    return w\n@d\ndef thing(a, b=1): ..."
    )
    answer = read(text)
    assert isinstance(answer, Signature)
    assert (answer.keywords, answer.is_exact) == (("a", "b"), is_exact)


@pytest.mark.parametrize(
    "text",
    [
        "thing = None\ndef fill():\n    global thing\n    thing = print",
        "def fill():\n    global thing\n    thing = print",
        "import sys\nsys.modules[__name__].__class__ = object",
    ],
)
def test_what_a_function_binds_anew_is_unknown(package: Package, text: str) -> None:
    assert isinstance(package(lib=text).read("lib.thing"), Unknown)


def test_more_ways_in_which_python_makes_names(package: Package) -> None:
    reader = package(
        lib="TimeoutError = TimeoutError\nclass thing(TimeoutError):\n  def __init__(self, a): ...",
        signed="import inspect\ndef thing(a): ...\nthing.__signature__ = inspect.Signature()",
        grown____init__="from .part import *",
        grown__part="__all__ = []\ndef add(name):\n  __all__.append(name)\nadd('thing')\ndef thing(a): ...",
    )
    assert keywords(reader.read("lib.thing")) == ("a",)
    assert isinstance(reader.read("signed.thing"), Unknown)
    assert isinstance(reader.read("grown.thing"), Unknown)


def test_an_import_that_leads_nowhere_is_told_as_what_it_is(package: Package) -> None:
    reader = package(
        lib="from not_installed_anywhere import thing\nfrom pkg.made_later import other\nfrom pkg.real import gone as kept",
        pkg__real="",
        pkg____init__="import sys\nsys.modules['pkg.made_later'] = object()",
    )
    missing = reader.read("lib.thing")
    assert isinstance(missing, DoesNotExist)
    assert missing.reason == "needs not_installed_anywhere, which is not installed"
    assert isinstance(reader.read("lib.other"), Unknown)
    gone = reader.read("lib.kept")
    assert isinstance(gone, DoesNotExist)
    assert gone.reason == "needs pkg.real.gone, which does not exist"
    assert isinstance(reader.read("pkg.made_later"), Unknown)


def test_attributes_of_objects_are_not_taken_for_names_of_module(package: Package) -> None:
    reader = package(
        pkg____init__="class Net:\n  def __init__(self, model):\n    self.model = model\n",
        other____init__="import sys\ndef f():\n  self = sys.modules['other']\n  self.model = 1\n",
    )
    assert isinstance(reader.read("pkg.model"), DoesNotExist)
    assert not isinstance(reader.read("other.model"), DoesNotExist)
