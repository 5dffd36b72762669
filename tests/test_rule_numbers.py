"""The rules of the config language have numbers, and whoever cites one cites one that exists."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference/config-language.md"
PYTHON = sorted(
    file
    for folder in ("packages", "tests", "benchmarks", "docs")
    for file in (ROOT / folder).rglob("*.py")
    if "templates" not in file.parts
)
_RULE = re.compile(r"^(?:\| |\*\*)(\d+\.\d+)(?: \||\*\*)", re.MULTILINE)
_CITED = re.compile(r"\brules? (\d+\.\d+(?:(?:, | to | and )\d+\.\d+)*)")


def numbers_on_the_page() -> list[str]:
    return _RULE.findall(PAGE.read_text(encoding="utf-8"))


def citations(text: str) -> Iterator[str]:
    """Yield each number that a text cites: ``rule 4.2``, ``rules 4.4 to 4.7``, ``rules 2.3, 2.5 and 2.6``."""
    for cited in _CITED.findall(text):
        yield from re.findall(r"\d+\.\d+", cited)


def test_rules_are_numbered_in_order_without_gaps() -> None:
    previous = (0, 0)
    for number in numbers_on_the_page():
        section, rule = map(int, number.split("."))
        assert (section, rule) in ((previous[0], previous[1] + 1), (previous[0] + 1, 1)), number
        previous = (section, rule)


def test_rules_that_the_code_cites_exist() -> None:
    existing = set(numbers_on_the_page())
    cited = {number: file for file in PYTHON for number in citations(file.read_text(encoding="utf-8"))}
    assert len(cited) > 10
    assert {number: file for number, file in cited.items() if number not in existing} == {}


def test_rules_that_the_pages_cite_exist() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("packages/*/README.md")]
    cited = {number for page in pages for number in citations(page.read_text(encoding="utf-8"))}
    assert cited <= set(numbers_on_the_page())


def test_documents_that_the_code_cites_exist() -> None:
    """A citation of a document that a reader cannot open explains nothing."""
    missing = set()
    for file in PYTHON:
        text = file.read_text(encoding="utf-8")
        cited = re.findall(r"(?<![\w/.{}*-])(?:docs/[\w/-]+|[A-Z][A-Z_]+)\.md\b", text)
        missing |= {(file, name) for name in cited if not (ROOT / name).is_file()}
        if "\N{SECTION SIGN}" in text:
            missing.add((file, "a numbered paragraph"))
    assert missing == set()
