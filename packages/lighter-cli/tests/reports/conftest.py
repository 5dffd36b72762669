"""Made records, and a browser where there is one."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
from made_runs import list_runs_in, write_run, write_runs

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def one_run(tmp_path: Path) -> Path:
    """A fit of thirty epochs, whose validation loss rises again."""
    (tmp_path / "config.yaml").write_text("a: 1\n")
    folder = write_run(tmp_path / "lighter_runs" / "20260301-090000-aaaaaa", epochs=60)
    list_runs_in(tmp_path, [folder])
    return folder


@pytest.fixture
def twelve_runs(tmp_path: Path) -> list[Path]:
    """Four learning rates with three seeds each."""
    folders = write_runs(tmp_path, 12)
    list_runs_in(tmp_path, folders)
    return folders


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium; tests that need it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright for Python")
    named = os.environ.get("CHROMIUM")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on the PATH")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a file in the browser; its errors and requests are in ``page.seen``."""
    contexts: list[Any] = []

    def opened(file: Path, *, width: int = 1280, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.seen = []
        page.on("console", lambda message: page.seen.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.seen.append(str(error)))
        page.on("dialog", lambda dialog: (page.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: page.seen.append(request.url) if request.url.startswith("http") else None)
        page.goto(file.absolute().as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
