import doctest
import importlib
import pkgutil

import pytest

import lighter

MODULES = [name for _, name, _ in pkgutil.walk_packages(lighter.__path__, "lighter.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
