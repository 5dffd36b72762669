import doctest
import importlib
import pkgutil

import pytest

import lighter
from lighter.callbacks.writers import file_formats

MODULES = [name for _, name, _ in pkgutil.walk_packages(lighter.__path__, "lighter.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name, monkeypatch):
    monkeypatch.setattr(file_formats, "_FORMATS", dict(file_formats._FORMATS))  # an example registers a format
    assert doctest.testmod(importlib.import_module(name)).failed == 0
