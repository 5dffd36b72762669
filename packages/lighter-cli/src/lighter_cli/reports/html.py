"""Write a page as one HTML file: text is escaped, and nothing is fetched."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from importlib.resources import files

from lighter_cli.reports.figure_kinds import Points
from lighter_cli.reports.figures import GREY, NUM_COLOURS, Axis, Curves, Figure
from lighter_cli.reports.page import (
    Block,
    Cell,
    Facts,
    Figures,
    Listing,
    Page,
    Pictures,
    Section,
    Sentences,
    Shares,
    Table,
)

MARK = '<meta name="generator" content="lighter report">'
"""What tells a report from other files, so that only a report is overwritten."""

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_LIBRARIES = ("d3.min.js", "plot.umd.min.js")
_SCRIPTS = ("charts.js", "report.js")
_TABLE_ROWS_SHOWN = 2_000


def write_html(page: Page, *, drawn: Iterable[str] | None = None, refresh_s: float | None = None) -> str:
    """Return the page as HTML.

    Args:
        page: The page.
        drawn: An SVG for each figure, in order; the page then has no scripts. ``None`` lets scripts draw them.
        refresh_s: Seconds after which a browser loads the page again.
    """
    writer = _Writer(None if drawn is None else iter(drawn))
    body = "".join(writer.section(section) for section in page.sections)
    summary = "".join(f"<p>{escape(text)}</p>" for text in page.summary)
    summary += "".join(f"<p>{escape(what)}: <code>{escape(text)}</code></p>" for what, text in page.commands)
    refresh = "" if refresh_s is None else f'<meta http-equiv="refresh" content="{refresh_s:g}">'
    made = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{MARK}'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">{refresh}'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{_asset('report.css')}</style></head>\n"
        f'<body><header><h1>{escape(page.title)}</h1><div class="summary">{summary}</div></header>\n'
        f"<main>{body}</main>\n<footer>Made by <code>lighter report</code> on {made}. "
        f"It shows what the records held then.</footer>\n{writer.scripts()}</body></html>\n"
    )


def _asset(name: str) -> str:
    return files("lighter_cli.reports").joinpath("assets", name).read_text(encoding="utf-8")


class _Writer:
    """Writes sections and collects what scripts need."""

    def __init__(self, drawn: Iterator[str] | None) -> None:
        self._drawn = drawn
        self._figures: list[dict[str, object]] = []
        self._axes: dict[Axis, int] = {}
        self._names: set[str] = set()

    def section(self, section: Section) -> str:
        """Return a section with its blocks."""
        blocks = "".join(map(self._block, section.blocks))
        is_open = " open" if section.is_open else ""
        return (
            f'<details class="section"{is_open}><summary><h2>{escape(section.title)}</h2></summary>'
            f'<div class="blocks">{blocks}</div></details>\n'
        )

    def scripts(self) -> str:
        """Return the data of the figures and the scripts; nothing for a page that is drawn already."""
        libraries = _LIBRARIES if self._figures else ()
        if self._drawn is not None:
            return ""
        axes = [axis.data() for axis in self._axes]
        data = json.dumps({"axes": axes, "figures": self._figures}, separators=(",", ":"), allow_nan=False)
        # the only text that could end the element or open a comment in it
        data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        code = "".join(f"<script>{_asset(name)}</script>\n" for name in (*libraries, *_SCRIPTS))
        return f'<script type="application/json" id="data">{data}</script>\n{code}'

    def _block(self, block: Block) -> str:
        if isinstance(block, Facts):
            rows = (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in block.rows)
            return f"<dl>{''.join(rows)}</dl>"
        if isinstance(block, Sentences):
            return "".join(f"<p>{escape(text)}</p>" for text in block.texts)
        if isinstance(block, Table):
            return _table(block)
        if isinstance(block, Listing):
            rows = (f"<tr><td>{escape(line)}</td><td>{escape(note)}</td></tr>" for line, note in block.lines)
            return f'<div class="listing" tabindex="0"><table role="presentation">{"".join(rows)}</table></div>'
        if isinstance(block, Shares):
            return _shares(block)
        if isinstance(block, Pictures):
            return _pictures(block)
        return self._figures_block(block)

    def _figures_block(self, block: Figures) -> str:
        small = [figure for figure in block.figures if isinstance(figure, Points) and figure.is_small]
        large = [figure for figure in block.figures if figure not in small]
        controls = ""
        if self._drawn is None and any(isinstance(figure, Curves) for figure in large):
            controls = _controls(
                any(curve.axis.steps for figure in large if isinstance(figure, Curves) for curve in figure.curves)
            )
        text = controls + "".join(map(self._figure, large))
        return text + (f'<div class="multiples">{"".join(map(self._figure, small))}</div>' if small else "")

    def _figure(self, figure: Figure) -> str:
        small = ' class="small"' if isinstance(figure, Points) and figure.is_small else ""
        name = f"figure-{figure.name}"
        while name in self._names:
            name += "-"
        self._names.add(name)
        alt = escape(figure.alt())
        caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
        head = f'<div class="head"><h3>{escape(figure.title)}</h3><div class="keys">{_keys(figure)}</div>'
        if self._drawn is not None:
            plot = f'<div class="plot drawn" role="img" aria-label="{alt}">{next(self._drawn)}</div>'
            return f'<figure id="{escape(name)}"{small}>{head}</div>{plot}{caption}</figure>'
        number = len(self._figures)
        data = {"kind": figure.kind, **figure.data()}
        for curve in data.get("curves", ()):
            curve["axis"] = self._axes.setdefault(curve["axis"], len(self._axes))
        self._figures.append(data)
        return (
            f'<figure id="{escape(name)}"{small}>{head}</div>'
            f'<div class="plot" role="img" aria-label="{alt}" data-figure="{number}"><noscript>{alt} '
            f"Scripts draw this figure; a page made with --light needs none.</noscript></div>{caption}"
            f"<details><summary>In words</summary>{alt}</details></figure>"
        )


def _keys(figure: Figure) -> str:
    dashed = {curve.label for curve in figure.curves if curve.is_dashed} if isinstance(figure, Curves) else set()
    return "".join(
        f"<span>{_swatch(colour, is_dashed=label in dashed)}{escape(label)}</span>" for label, colour in figure.keys
    )


def _swatch(colour: int, *, is_dashed: bool = False) -> str:
    value = css_colour(colour)
    return f'<i class="swatch{" dashed" * is_dashed}" style="background:{value};border-color:{value}"></i>'


def css_colour(colour: int) -> str:
    """Return the colour of an index into the palette."""
    return "var(--grey)" if colour == GREY else f"var(--c{colour % NUM_COLOURS})"


def _controls(has_steps: bool) -> str:
    options = "".join(f"<option>{name}</option>" for name in ("epoch", "step", "time"))
    places = f'<label>x <select data-control="x">{options}</select></label>' if has_steps else ""
    return (
        f'<div class="controls">{places}'
        '<label>smoothing <input type="range" data-control="smooth" min="0" max="0.95" step="0.05" value="0"></label>'
        '<label><input type="checkbox" data-control="log"> log scale</label></div>'
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col"><button type="button">{_breakable(name)}</button></th>' for name in table.headings)
    rows = []
    for number, row in enumerate(table.rows[:_TABLE_ROWS_SHOWN]):
        best = ' class="best"' if number == table.best else ""
        rows.append(f"<tr{best}>{''.join(map(_cell, row))}</tr>")
    more = len(table.rows) - _TABLE_ROWS_SHOWN
    said = f'<p class="caption">{more:,} more rows are left out.</p>' if more > 0 else ""
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table>{body}</table></div>{said}'


def _breakable(name: str) -> str:
    """Return a name that a narrow column may break between the parts of a path."""
    return re.sub(r"(::|/)", r"\1<wbr>", escape(name))


def _cell(cell: Cell) -> str:
    mark = "" if cell.colour is None else _swatch(cell.colour)
    if cell.key is None:
        return f"<td>{mark}{escape(cell.text)}</td>"
    return f'<td class="number" data-key="{cell.key!r}">{mark}{escape(cell.text)}</td>'


def _shares(shares: Shares) -> str:
    parts = [(name, share) for name, share in shares.parts if share > 0]
    bars = "".join(
        f'<i style="width:{share:.2%};background:{css_colour(index)}" title="{escape(name)} {share:.1%}"></i>'
        for index, (name, share) in enumerate(parts)
    )
    text = ", ".join(f"{name} {share:.1%}" for name, share in parts)
    keys = "".join(
        f"<span>{_swatch(index)}{escape(name)} {share:.1%}</span>" for index, (name, share) in enumerate(parts)
    )
    drawn = f'<div class="shares" role="img" aria-label="{escape(text)}">{bars}</div>'
    return f'<figure>{drawn}<div class="keys">{keys}</div></figure>'


def _pictures(pictures: Pictures) -> str:
    shown = "".join(
        f'<figure><img loading="lazy" alt="{escape(pictures.name)}, {escape(one.caption)}" '
        f'src="data:image/png;base64,{base64.b64encode(one.content).decode()}"><figcaption>{escape(one.caption)}</figcaption></figure>'
        for one in pictures.pictures
    )
    return f'<h3>{escape(pictures.name)}</h3><div class="pictures">{shown}</div>'
