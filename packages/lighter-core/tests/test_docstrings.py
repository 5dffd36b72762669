import doctest
import importlib
import pkgutil

import pytest

import lighter
from lighter.callbacks.writers import file_formats

NEED_MATPLOTLIB = ("lighter.callbacks.pictures.confusion_matrix", "lighter.callbacks.pictures.figure")
MODULES = [name for _, name, _ in pkgutil.walk_packages(lighter.__path__, "lighter.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name, monkeypatch):
    if name in NEED_MATPLOTLIB:
        pytest.importorskip("matplotlib", reason="figures need matplotlib, the extra `figures`")
    monkeypatch.setattr(file_formats, "_FORMATS", dict(file_formats._FORMATS))  # an example registers a format
    assert doctest.testmod(importlib.import_module(name)).failed == 0
