"""The pictures of docs/how-to/editor.md show what the server answers now."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("pygls")
FOLDER = Path(__file__).parents[2] / "docs" / "assets" / "editor"


def test_pictures_of_the_documentation_are_current():
    drawn = runpy.run_path(str(FOLDER / "draw.py"))["pictures"]()
    kept = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.svg")}
    assert kept == drawn, "run python docs/assets/editor/draw.py"
