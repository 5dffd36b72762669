"""The table of docs/reference/works-with.md: `python -m tests.works_with.page` writes it anew from `libraries.toml`."""

import re
from pathlib import Path

from tests.works_with.libraries import LIBRARIES

PAGE = Path(__file__).parents[2] / "docs/reference/works-with.md"
MARKED = re.compile(r"(?<=<!-- table -->\n).*?(?=\n<!-- end of the table -->)", re.DOTALL)


def table() -> str:
    """Return the rows of all libraries."""
    rows = [("library", "version", "expected", "what happened", "recipe or limit"), ("---",) * 5]
    rows += [
        (f"`{name}`", row.requires[0].partition("==")[2] if row.requires else "-", row.guess, row.happened, row.recipe)
        for name, row in LIBRARIES.items()
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    PAGE.write_text(MARKED.sub(lambda _: table(), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
