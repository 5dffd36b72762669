"""The page that says why the numbers are right names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_test_that_the_page_names_exists_and_every_row_names_one() -> None:
    page = (ROOT / "docs" / "explanation" / "numbers.md").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("packages/lighter-core/tests/test_*.py")]
    existing = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, flags=re.M)}
    rows = [line for line in page.splitlines() if line.startswith("| ") and "tests in `" not in line]
    assert len(rows) > 50
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= existing, row
