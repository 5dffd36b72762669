"""The page that says why the numbers are right keeps its promises: each one has a test that exists.

`numbers.toml` holds the promises word for word, each with the tests that keep it.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "numbers.md"
TESTS_OF = tomllib.loads((Path(__file__).parent / "numbers.toml").read_text(encoding="utf-8"))
SECTIONS = {"situations": "What is compared with a loop by hand", "defects": "What earlier versions got wrong"}


def promises(heading: str) -> list[str]:
    """The list below a heading of the page."""
    (section,) = re.findall(
        rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return re.findall(r"^- (.+)$", section, re.MULTILINE)


def test_the_page_promises_what_the_file_lists() -> None:
    assert set(TESTS_OF) == set(SECTIONS)
    for name, heading in SECTIONS.items():
        assert promises(heading) == list(TESTS_OF[name])


def test_every_promise_has_a_test_that_exists() -> None:
    sources = [path.read_text(encoding="utf-8") for path in ROOT.glob("packages/lighter-core/tests/**/test_*.py")]
    existing = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, flags=re.MULTILINE)}
    tests_of = {promise: tests for section in TESTS_OF.values() for promise, tests in section.items()}
    assert len(tests_of) > 50
    assert {promise: tests for promise, tests in tests_of.items() if not tests or not set(tests) <= existing} == {}
