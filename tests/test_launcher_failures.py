"""The table of failures says what tests show: each cell is kept by tests that exist."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/how-to/laptop-to-cluster.md"
FAILURES = tomllib.loads((Path(__file__).parent / "launcher_failures.toml").read_text(encoding="utf-8"))
LAUNCHERS = ("one machine", "two machines", "SLURM", "Ray")


def expected_table() -> str:
    rows = [("what ends", *LAUNCHERS), ("---",) * 5]
    rows += [(failure, *(cells[launcher]["does"] for launcher in LAUNCHERS)) for failure, cells in FAILURES.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows).replace("|  |", "| |").replace("|  |", "| |")


def test_the_page_has_the_table_of_the_file() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"<!-- table -->\n(.*?)\n<!-- end of the table -->", text, re.DOTALL)
    assert found is not None
    assert found[1] == expected_table()


def test_each_cell_has_tests_that_exist() -> None:
    folders = ("tests/slurm", "tests/ray", "tests/ranks", "packages/lighter-cli/tests")
    sources = [file.read_text(encoding="utf-8") for folder in folders for file in (ROOT / folder).rglob("test_*.py")]
    existing = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, flags=re.MULTILINE)}
    for failure, cells in FAILURES.items():
        assert tuple(cells) == LAUNCHERS
        for launcher, cell in cells.items():
            assert bool(cell["does"]) == bool(cell["tests"]), (failure, launcher)
            assert set(cell["tests"]) <= existing, (failure, launcher)
