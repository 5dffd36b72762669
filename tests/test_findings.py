"""Each finding is in the table of findings/README.md, whose rules and pages exist."""

import re
from pathlib import Path

from lighter_cli.checking.tool_table import names_of_checks

ROOT = Path(__file__).parents[1]
ROWS = re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "findings/README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_table_has_every_finding_once() -> None:
    assert [name for name, _ in ROWS] == sorted(file.stem for file in (ROOT / "findings").glob("*.sh"))


def test_rules_and_pages_of_findings_exist() -> None:
    rules = {rule for _, where in ROWS for rule in re.findall(r"^rule `(\w+)`", where)}
    pages = {page for _, where in ROWS for page in re.findall(r"^page `(.+)`", where)}
    assert rules <= {*names_of_checks()}
    assert len(rules) > 4
    assert all((ROOT / page).is_file() for page in pages)
