"""The page that says why the numbers are right names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/explanation/numbers.md").read_text()))
    files = (ROOT / "packages/lighter-core/tests").glob("test_*.py")
    existing = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert len(named) > 30
    assert named <= existing, named - existing
