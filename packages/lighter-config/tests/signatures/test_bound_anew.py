"""Names that stand for something else by the time a module has run; each was found among random modules."""

from collections.abc import Callable

import pytest

from lighter_config.signatures import Answer, Signature, Unknown

Read = Callable[..., Answer]

PART = "class Base:\n  def __init__(self, b): ...\n"


@pytest.mark.parametrize(
    "text",
    [
        "class Base:\n  def __init__(self, a): ...\nclass thing(Base): ...\nfrom part import *",
        "class Base:\n  def __init__(self, a): ...\nclass thing(Base): ...\nfrom part import Base",
        "from first import Base\nclass thing(Base): ...\nfrom part import Base",
        "from first import *\nclass thing(Base): ...\nfrom part import *",
    ],
)
def test_a_base_that_an_import_binds_anew_is_not_read(read: Read, text: str) -> None:
    assert isinstance(read(text, part=PART, first="class Base:\n  def __init__(self, a): ...\n"), Unknown)


@pytest.mark.parametrize(
    "text",
    [
        "from part import Base\nclass thing(Base): ...\nfrom part import *",
        "from part import Base\nclass thing(Base): ...\nfrom part import Base",
        "from part import *\nclass thing(Base): ...\nfrom part import Base",
        "Base = None\nfrom part import Base\nclass thing(Base): ...",
    ],
)
def test_a_base_that_is_imported_twice_is_read(read: Read, text: str) -> None:
    answer = read(text, part=PART)
    assert isinstance(answer, Signature)
    assert answer.keywords == ("b",)


@pytest.mark.parametrize(
    "text",
    [
        "from part import Base as thing\nthing.__init__ = lambda self, z: None",
        "from part import *\nBase.__init__ = lambda self, z: None\nclass thing(Base): ...",
        "from part import Base as thing\nsetattr(thing, '__init__', lambda self, z: None)",
        "from part import Base as thing\ndef patch(cls): cls.__init__ = lambda self, z: None\npatch(thing)",
    ],
)
def test_an_imported_class_that_a_module_changes_is_unknown(read: Read, text: str) -> None:
    assert isinstance(read(text, part=PART), Unknown)


def test_a_class_that_comes_through_a_module_that_changes_it_is_unknown(read: Read) -> None:
    middle = "from part import Base\nBase.__init__ = lambda self, z: None\n"
    assert isinstance(read("from middle import *", "lib.Base", part=PART, middle=middle), Unknown)


def test_an_imported_class_with_a_new_attribute_stays_known(read: Read) -> None:
    assert isinstance(read("from part import Base as thing\nthing.mark = 1\nprint(thing)", part=PART), Signature)
