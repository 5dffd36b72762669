"""What a module raises while it is imported is the user's error, and nothing else is shown."""

import re
import traceback
from pathlib import Path

import pytest

from lighter_config import load
from lighter_config.building.imports import NoSuchTargetError, locate


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose modules fail, each in its own way."""
    folder = tmp_path / re.sub(r"\W", "_", f"failing_{tmp_path.name}")  # modules of a test stay in the process
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "value.py").write_text("raise ValueError('no data')\n")
    (folder / "attribute.py").write_text("import math\nmath.square(2)\n")
    (folder / "missing.py").write_text("import no_such_package\n")
    (folder / "syntax.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder.name


MODULES = [
    ("value", ValueError, "no data"),
    ("attribute", AttributeError, "square"),
    ("missing", ModuleNotFoundError, "no_such_package"),
    ("syntax", SyntaxError, "syntax"),
]


@pytest.mark.parametrize(("module", "kind", "text"), MODULES)
def test_a_failing_module_shows_its_own_error_alone(
    package: str, module: str, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        load([{"net": {"_target_": f"{package}.{module}.Net"}}]).resolve("net")
    report = "".join(traceback.format_exception(caught.value))
    assert "During handling" not in report
    assert "direct cause" not in report
    assert caught.value.__notes__[0].startswith(f"while importing {package}.{module}.Net for net (")


@pytest.mark.parametrize(("module", "kind", "text"), MODULES)
def test_a_failing_module_of_an_expression_names_the_path(
    package: str, module: str, kind: type[Exception], text: str
) -> None:
    config = load([{"_imports_": {"mine": f"{package}.{module}.Net"}, "net": "$mine()"}])
    with pytest.raises(kind, match=text) as caught:
        config.resolve("net")
    assert caught.value.__context__ is None
    assert caught.value.__notes__[0].startswith(f"while importing {package}.{module}.Net for net (")


def test_an_attribute_that_is_none_is_found(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "empty.py").write_text("NOTHING = None\n")
    assert locate(f"{package}.empty.NOTHING") is None


def test_a_missing_name_has_no_other_error_in_front(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "models.py").write_text("class Net: ...\n")
    with pytest.raises(NoSuchTargetError) as caught:
        locate(f"{package}.models.Nett")
    assert caught.value.nearest == (f"{package}.models.Net",)
    assert caught.value.__context__ is None
