"""The files and folders that the pages name are in the repository."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = {
    "lighter_config": ROOT / "packages/lighter-config/src",
    "lighter": ROOT / "packages/lighter-core/src",
    "lighter_cli": ROOT / "packages/lighter-cli/src",
}
FOLDERS = dict.fromkeys(("benchmarks", "docs", "examples", "packages", "tests"), ROOT)
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("packages/*/README.md"),
    *ROOT.glob("packages/*/src/**/*.md"),
]
_PATH = re.compile(rf"`((?:{'|'.join((*SOURCES, *FOLDERS))})/[\w./-]*)`")


def test_paths_on_the_pages_exist() -> None:
    named = {(page, path) for page in PAGES for path in _PATH.findall(page.read_text(encoding="utf-8"))}
    assert len(named) > 100
    places = SOURCES | FOLDERS
    assert [(page, path) for page, path in sorted(named) if not (places[path.partition("/")[0]] / path).exists()] == []


def test_the_architecture_page_names_every_folder() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    for package, source in SOURCES.items():
        folders = [folder for folder in (source / package).iterdir() if folder.is_dir() and folder.name[0] not in "_."]
        missing = [folder.name for folder in folders if f"`{package}/{folder.name}/" not in page]
        assert missing == []
