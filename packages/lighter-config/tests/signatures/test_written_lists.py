"""Lists and mappings of a module that later statements change, and the bases of a class that a list holds."""
# ruff: noqa: E501  # one source a line

from collections.abc import Callable

import pytest

Takes = Callable[..., tuple[str, ...] | None]

EITHER = "\nif items:\n  def thing(a): ...\nelse:\n  def thing(b): ..."
BASES = "class A:\n  def __init__(self, a): ...\nclass B:\n  def __init__(self, b): ...\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("items = []", ("b",)),
        ("items = [1]", ("a",)),
        ("items = []\nitems.append(1)", ("a",)),
        ("items: list = []\nitems += [1]", None),
        ("items = []\ntry:\n  import json\n  items.append(1)\nexcept ImportError:\n  pass", ("a",)),
        ("items = []\ntry:\n  import nowhere_at_all\n  items.append(1)\nexcept ImportError:\n  pass", ("b",)),
        ("items = []\ntry:\n  items.append(1)\n  import nowhere_at_all\nexcept ImportError:\n  pass", ("a",)),
        ("import sys\nitems = []\nif sys.version_info > (3,):\n  items.extend([1])", ("a",)),
        ("items = []\nif not items:\n  items.insert(0, 1)", ("a",)),
        ("items = [1]\nitems.clear()", None),
        ("items = [1]\ndef change(): items.clear()\nchange()", None),
        ("items = [1]\nothers = items\nothers.clear()", None),
        ("items = [1]\n(lambda given: given.clear())(items)", None),
        ("items = []\nfor one in (1, 2): items.append(one)", None),
        ("import os\nitems = []\nif os.environ: items.append(1)", None),
        ("items = {}\nitems['a'] = 1", None),
        ("items = set()\nitems.add(1)", None),
    ],
)  # fmt: skip
def test_a_changed_list_decides_as_it_is_then(takes: Takes, text: str, expected: tuple[str, ...] | None) -> None:
    assert takes(text + EITHER) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class thing(*(A,)): ...", ("a",)),
        ("class thing(*[A], *(B,)): ...", ("a",)),
        ("bases = (B, A)\nclass thing(*bases): ...", ("b",)),
        ("bases = []\nbases.append(A)\nclass thing(*bases): ...\nbases.insert(0, B)", ("a",)),
        ("bases = [A]\nbases.insert(0, B)\nclass thing(*bases): ...", ("b",)),
        ("bases = []\ntry:\n  import nowhere_at_all\n  bases.append(A)\nexcept ImportError:\n  bases.append(B)\nclass thing(*bases): ...", ("b",)),
        ("bases = []\ntry:\n  from json import JSONEncoder as E\n  bases.append(E)\nexcept ImportError:\n  pass\nif bases:\n  class thing(*bases):\n    def __init__(self, c): ...\nelse:\n  class thing(A): ...", ("c",)),
        ("bases = []\nif bases:\n  class thing(*bases): ...\nelse:\n  bases.append(A)\n  class thing(*bases):\n    d = 1", ("a",)),
        ("bases = [A]\nbases[0] = B\nclass thing(*bases): ...", None),
        ("bases = [A]\nother = bases\nother[0] = B\nclass thing(*bases): ...", None),
        ("def choose(): return [A]\nclass thing(*choose()): ...", None),
        ("bases = [A]\nA = B\nclass thing(*bases): ...", None),
        ("def make(bases):\n  class thing(*bases): ...\n  return thing\nbases = [A]\nthing = make([B])", None),
        ("class Outer:\n  bases = [B]\n  class thing(*bases): ...\nbases = [A]\nthing = Outer.thing", None),
    ],
)  # fmt: skip
def test_the_bases_in_a_list_are_those_of_the_class(takes: Takes, text: str, expected: tuple[str, ...] | None) -> None:
    assert takes(BASES + text) == expected
