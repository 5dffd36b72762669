"""What a report costs: processor time and size of pages, and how fast a browser shows them.

The browser is a headless Chromium that is installed, driven by Playwright. With ``--dashboard``, the time from the
command to the first figure is compared with ``optuna-dashboard`` on the same sweep, in turns. A row that misses its
mark says so, and the exit code is then 1.

    python benchmarks/report.py --dashboard
"""

import argparse
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from many_runs import ENVIRONMENT, run, run_python

sys.path.insert(0, str(Path(__file__).parents[1] / "packages/lighter-cli/tests/reports"))
from made_runs import list_runs_in, write_run, write_sweep

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

FIRST_FIGURE = """
window.firstFigure = null;
new MutationObserver(() => {
  if (window.firstFigure === null && document.querySelector("[data-drawn] svg")) {
    window.firstFigure = -1;
    requestAnimationFrame(() => setTimeout(() => { window.firstFigure = performance.now(); }));
  }
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
"""Notes when the first figure has been painted, in milliseconds since the page began to load."""

SCROLL = """() => new Promise((done) => {
  const frames = [];
  let last = performance.now(), y = 0;
  function step() {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    y += 60;
    scrollTo(0, y);
    if (y < document.documentElement.scrollHeight) requestAnimationFrame(step);
    else done(frames.slice(1));
  }
  requestAnimationFrame(step);
})"""
"""Scrolls through the page, 60 pixels a frame, and returns the milliseconds of each frame."""


def verdict(name: str, value: str, mark: str, is_met: bool) -> bool:
    """Print a row of the table."""
    print(f"| {name:<58} | {value:<34} | {mark:<14} | {'met' if is_met else 'MISSED'} |", flush=True)
    return is_met


def seconds(repeats: int, measure: Callable[[], float]) -> tuple[float, str]:
    """Return the median of a measure, and its range; the first one warms up."""
    found = [measure() for _ in range(repeats + 1)][1:]
    return statistics.median(found), f"{min(found):.2f} to {max(found):.2f}"


def page_costs(folder: Path, repeats: int) -> bool:
    """Measure the processor time and the size of two pages."""
    start, _ = seconds(repeats, lambda: run_python(folder, sys.executable, "-c", "pass").seconds)
    one, spread = seconds(repeats, lambda: run(folder, "report", "aaaaaa", "-o", "one.html").seconds)
    is_met = verdict(
        "one run, 100 epochs of 10 metrics",
        f"{one - start:.2f} s beyond Python ({spread})",
        "under 1 s",
        one - start < 1,
    )
    sweep, spread = seconds(repeats, lambda: run(folder, "report", "thousand", "-o", "sweep.html").seconds)
    is_met &= verdict("sweep, 1,000 trials of 50 epochs", f"{sweep:.2f} s ({spread})", "under 5 s", sweep < 5)
    size = (folder / "sweep.html").stat().st_size / 2**20
    return is_met & verdict("size of that page", f"{size:.2f} MiB", "under 8 MB", size * 2**20 < 8e6)


def browser_costs(browser: Any, folder: Path, repeats: int) -> bool:
    """Measure when the first figure is painted, and the frames of scrolling."""
    firsts: list[float] = []
    longest: list[float] = []
    for _ in range(repeats):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(FIRST_FIGURE)
        page.goto((folder / "sweep.html").as_uri())
        page.wait_for_function("() => window.firstFigure > 0")
        firsts.append(page.evaluate("window.firstFigure") / 1000)
        longest.append(max(page.evaluate(SCROLL)))
        page.close()
    first, frame = statistics.median(firsts), statistics.median(longest)
    is_met = verdict(
        "first figure of the sweep in Chromium", f"{first:.2f} s (to {max(firsts):.2f})", "under 1.5 s", first < 1.5
    )
    shown = f"{frame:.0f} ms ({min(longest):.0f} to {max(longest):.0f})"
    return is_met & verdict("longest frame while scrolling at once", shown, "at most 100 ms", frame <= 100)


def first_figure_of_report(browser: Any, folder: Path) -> float:
    """Return the seconds from the command to the first figure."""
    start = time.perf_counter()
    run(folder, "report", "thousand", "-o", "sweep.html")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((folder / "sweep.html").as_uri())
    page.wait_for_selector("[data-drawn] svg")
    took = time.perf_counter() - start
    page.close()
    return took


def first_figure_of_dashboard(browser: Any, folder: Path) -> float:
    """Return the same for optuna-dashboard, which opens the journal of the sweep."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    journal = folder / "lighter_sweeps" / "thousand" / "journal.log"
    program = str(Path(sys.executable).with_name("optuna-dashboard"))
    start = time.perf_counter()
    server = subprocess.Popen(
        [program, str(journal), "--port", str(port)],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        while True:
            try:
                page.goto(f"http://127.0.0.1:{port}/dashboard/studies/0")
                break
            except Exception:
                if server.poll() is not None:
                    raise SystemExit("optuna-dashboard ended") from None
                time.sleep(0.05)
        page.wait_for_selector(".js-plotly-plot .trace", state="attached", timeout=120_000)
        took = time.perf_counter() - start
        page.close()
    finally:
        server.terminate()
        server.wait()
    return took


def compare_with_dashboard(browser: Any, folder: Path, repeats: int) -> bool:
    """Compare the time from the command to the first figure, in turns."""
    ratios = []
    for number in range(repeats + 1):
        own, other = first_figure_of_report(browser, folder), first_figure_of_dashboard(browser, folder)
        if number:  # the first pair warms up
            ratios.append(own / other)
            print(f"  lighter report {own:.2f} s, optuna-dashboard {other:.2f} s", flush=True)
    ratio = statistics.median(ratios)
    shown = f"{ratio:.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
    return verdict("command to first figure, against optuna-dashboard", shown, "at most 0.5 x", ratio <= 0.5)


def main() -> int:
    """Measure everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--dashboard", action="store_true", help="compare with optuna-dashboard, which must be installed"
    )
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", end="\n\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.yaml").write_text("a: 1\n")
        list_runs_in(folder, [write_run(folder / "lighter_runs" / "20260301-000000-aaaaaa", epochs=100)])
        write_sweep(folder / "lighter_sweeps" / "thousand", 1_000, epochs=50, dimensions=5)
        is_met = page_costs(folder, options.repeats)
        program = next((path for one in BROWSERS if (path := shutil.which(one))), None)
        if program is None:
            print("no Chromium is on the PATH: what a browser shows is not measured")
            return 0 if is_met else 1
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            is_met &= browser_costs(browser, folder, options.repeats)
            if options.dashboard:
                is_met &= compare_with_dashboard(browser, folder, options.repeats)
            browser.close()
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
