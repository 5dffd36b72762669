"""Reports in a real browser: what is drawn, sorted and shown, and that text stays text."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_runs import METRICS, list_runs_in, write_run, write_runs, write_sweep

Command = Callable[..., subprocess.CompletedProcess[str]]
Open = Callable[..., Any]

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"

DRAWN = """() => [...document.querySelectorAll('[data-figure]')]
  .filter((place) => place.clientWidth).every((place) => place.querySelector('svg'))"""


def made(in_process: Command, *words: str) -> Path:
    done = in_process("report", *words, "-o", "page.html")
    assert done.returncode == 0, done.stderr
    return Path("page.html")


def inked(place: Any) -> float:
    """Return which part of the pixels of an element differs from its most frequent colour."""
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(place.screenshot())).convert("RGB")
    counts = [count for count, _ in image.getcolors(maxcolors=2**24)]
    return 1 - max(counts) / sum(counts)


def check(page: Any, *, least: int) -> None:
    """Check that all figures in view of a reader are drawn, in pixels, without an error or a request."""
    page.wait_for_function(DRAWN)
    figures = [place for place in page.query_selector_all("[data-figure]") if place.is_visible()]
    assert len(figures) >= least
    for place in figures:
        place.scroll_into_view_if_needed()
        assert inked(place) > 0.003, place.get_attribute("aria-label")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.seen == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_page_of_a_run_is_drawn(
    in_process: Command, one_run: Path, open_page: Open, width: int, scheme: str
) -> None:
    page = open_page(made(in_process, "last"), width=width, scheme=scheme)
    check(page, least=5)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_the_page_of_thirty_runs_is_drawn(
    in_process: Command, tmp_path: Path, open_page: Open, width: int, scheme: str
) -> None:
    folders = write_runs(tmp_path, 30)
    page = open_page(made(in_process, *map(str, folders)), width=width, scheme=scheme)
    check(page, least=6)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_page_of_a_sweep_is_drawn(
    in_process: Command, tmp_path: Path, open_page: Open, width: int, scheme: str
) -> None:
    pytest.importorskip("optuna")
    write_sweep(tmp_path / "lighter_sweeps" / "s", 200, epochs=40)
    page = open_page(made(in_process, "s"), width=width, scheme=scheme)
    check(page, least=8)
    # the curves of all trials come in pieces, each a line that begins with a move
    moves = """() => [...document.querySelectorAll('[data-figure] path')]
      .reduce((sum, path) => Math.max(sum, (path.getAttribute('d') || '').split('M').length - 1), 0)"""
    page.wait_for_function(f"() => ({moves})() > 100")


def test_a_click_on_a_heading_sorts_the_table(in_process: Command, twelve_runs: list[Path], open_page: Open) -> None:
    page = open_page(made(in_process, *map(str, twelve_runs)))
    heading = page.locator("th button", has_text="vars::lr")
    column = heading.locator("xpath=..").evaluate("heading => heading.cellIndex")
    cells = page.locator(".scroll").first.locator(f"tbody td:nth-child({column + 1})")

    def values() -> list[float]:
        return [float(text) for text in cells.all_inner_texts()]

    heading.click()
    assert values() == sorted(values()) != []
    assert heading.locator("xpath=..").get_attribute("aria-sort") == "ascending"
    heading.focus()
    page.keyboard.press("Enter")
    assert values() == sorted(values(), reverse=True)


def test_the_tooltip_shows_the_value_at_the_pointer(in_process: Command, one_run: Path, open_page: Open) -> None:
    page = open_page(made(in_process, "last", "--metric", "val/loss/epoch"))
    svg = page.locator("[data-figure] svg")
    svg.wait_for()
    lines = [json.loads(line) for line in (one_run / "epochs.jsonl").read_text().splitlines()]
    values = [line["metrics"]["val/loss/epoch"] for line in lines]
    box = svg.bounding_box()
    page.mouse.move(box["x"] + 52, box["y"] + 16)  # the first and largest value is at the upper end of the axis
    text = page.locator(".tip").text_content()
    assert "val/loss/epoch" in text
    assert "epoch 0" in text
    assert f"{values[0]:.4g}" in text


def test_controls_draw_the_curves_again(in_process: Command, one_run: Path, open_page: Open) -> None:
    page = open_page(made(in_process, "last", "--metric", "val/loss/epoch"))
    svg = page.locator("[data-figure] svg")
    before = svg.inner_html()
    page.select_option("[data-control=x]", "time")
    page.wait_for_function("before => document.querySelector('[data-figure] svg').innerHTML !== before", arg=before)
    assert "seconds" in svg.text_content() or "minutes" in svg.text_content()
    paths = svg.locator("path[stroke-opacity='0.25'], g[stroke-opacity='0.25']").count()
    page.locator("[data-control=smooth]").fill("0.8")
    page.wait_for_function(
        "() => document.querySelector('[data-figure] svg').innerHTML.includes('stroke-opacity=\"0.25\"')"
    )
    assert paths == 0  # the raw line is kept, faint, only below a smoothed one
    page.check("[data-control=log]")
    assert page.seen == []


def test_text_of_a_config_cannot_become_markup(in_process: Command, tmp_path: Path, open_page: Open) -> None:
    words = ["config.yaml", f"vars::name={HOSTILE}"]
    folders = [
        write_run(
            tmp_path / "lighter_runs" / f"20260301-09000{index}-aaaaa{index}",
            metrics=["val/metrics/Accuracy/epoch", f"val/{HOSTILE}"],
            words=words,
            error=HOSTILE,
            name=f"{index} {HOSTILE}",
            note=HOSTILE,
            values={"vars::name": f"{HOSTILE} {index}"},
        )
        for index in range(2)
    ]
    for folder in folders:
        (folder / "config.yaml").write_text(f"vars:\n  name: '{HOSTILE}'\n")
    for names in ([str(folders[0])], list(map(str, folders))):
        page = open_page(made(in_process, *names))
        page.wait_for_function(DRAWN)
        for place in page.query_selector_all("[data-figure] svg"):
            box = place.bounding_box()
            place.scroll_into_view_if_needed()
            place.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
        assert page.seen == []
        own = page.locator("main img, body script:not([type])")
        assert own.count() == 4  # the two libraries and Lighter's two
        assert HOSTILE in page.locator("body").inner_text() or HOSTILE in page.locator("body").text_content()


def test_many_metrics_are_drawn_when_they_are_looked_at(in_process: Command, tmp_path: Path, open_page: Open) -> None:
    names = [*METRICS, *(f"val/{'long' * 48}{index}" for index in range(490))]
    folder = write_run(tmp_path / "lighter_runs" / "20260301-090000-aaaaaa", metrics=names, epochs=5)
    page = open_page(made(in_process, str(folder)), width=400)
    page.wait_for_function("() => document.querySelectorAll('[data-drawn]').length >= 12")
    assert page.evaluate("document.querySelectorAll('[data-drawn]').length") < 100
    page.get_by_text("more metrics").click()
    page.wait_for_function("() => document.querySelectorAll('[data-drawn]').length >= 14")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.seen == []


def test_a_light_page_has_no_scripts(in_process: Command, one_run: Path, open_page: Open) -> None:
    pytest.importorskip("matplotlib")
    file = made(in_process, "last", "--light")
    assert "<script" not in file.read_text()
    page = open_page(file, scheme="dark")
    drawn = page.query_selector_all(".plot svg")
    assert len(drawn) >= 5
    assert all(inked(place) > 0.003 for place in drawn)
    assert page.seen == []


def test_a_page_prints_with_all_sections_open(in_process: Command, one_run: Path, open_page: Open) -> None:
    list_runs_in(one_run.parents[1], [one_run])
    page = open_page(made(in_process, "last"))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.section:not([open])").count() == 0
    assert page.pdf()[:5] == b"%PDF-"
