"""Module paths of the last release still work, and name the new ones."""

import sys
from importlib import import_module

import pytest

import lighter_cli


@pytest.mark.parametrize(
    ("module", "name"),
    [("runner", "Runner"), ("loaded_experiment", "load_experiment"), ("loaded_experiment", "LoadedExperiment")],
)
def test_an_old_module_path_warns_and_gives_the_same_object(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"lighter_cli.{module}", raising=False)
    with pytest.warns(DeprecationWarning, match=rf"lighter_cli\.running\.{module}; import .*{name}") as caught:
        old = import_module(f"lighter_cli.{module}")
    assert caught[0].filename != old.__file__
    assert getattr(old, name) is getattr(lighter_cli, name)
