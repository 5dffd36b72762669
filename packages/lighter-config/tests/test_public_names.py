"""The package imports a name when it is first asked for."""

import subprocess
import sys

import lighter_config


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in lighter_config.__all__ if not hasattr(lighter_config, name)] == []


def test_names_are_listed_before_they_are_imported() -> None:
    code = (
        "import sys, lighter_config; print({*lighter_config.__all__} <= {*dir(lighter_config)}, "
        "[name for name in sys.modules if name.startswith('lighter_config.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "[]"]
