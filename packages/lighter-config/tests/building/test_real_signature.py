"""Signatures of objects whose annotations name what only type checkers import, which Python 3.14 allows."""

import sys
from types import ModuleType

import pytest

from lighter_config import load
from lighter_config.building.real_signature import real_signature

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="older Pythons evaluate annotations at once")

TEXT = """
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapes import Size

class Network:
    def __init__(self, size: Size = 1, *, depth: int = 2) -> None:
        self.compiled_with = None

    def compile(self, **options: Size) -> None:
        self.compiled_with = options
"""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> type:
    module = ModuleType("checked")
    exec(TEXT, vars(module))
    monkeypatch.setitem(sys.modules, "checked", module)
    return module.Network


def test_annotations_that_cannot_be_evaluated_are_text(network: type) -> None:
    parameters = real_signature(network).parameters
    assert [(one.name, one.annotation, one.default) for one in parameters.values()] == [
        ("size", "Size", 1),
        ("depth", "int", 2),
    ]


def test_such_a_network_is_compiled_in_place(network: type) -> None:
    config = load({"system": {"model": {"_target_": "checked.Network", "compile": True}}})
    assert config.resolve("system::model").compiled_with == {}
