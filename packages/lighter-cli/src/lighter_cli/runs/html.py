"""Show runs in a notebook: tables, and small curves as inline SVG."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lighter_cli.runs.run import Run

_WIDTH, _HEIGHT, _MARGIN = 120, 28, 2
_MOST_CURVES = 12
_MOST_ROWS = 50


def run_html(run: "Run") -> str:
    """Return a run as HTML: status, and for each metric its last and best value and its curve. All text is escaped."""
    title = " ".join(filter(None, (run.name, run.id)))
    best, last = run.best_metrics, run.metrics
    names = list(dict.fromkeys([*run.listed_metrics, *last, *best]))
    curves = [_svg(run.curve(name)) for name in names[:_MOST_CURVES]] + [""] * (len(names) - _MOST_CURVES)
    rows = [
        (escape(name), _number(last.get(name)), _number(best.get(name)), curve)
        for name, curve in zip(names, curves, strict=True)
    ]
    facts = [run.stage, run.status]
    if run.best_epoch is not None:
        facts.append(f"best in epoch {run.best_epoch}")
    heading = f"<p><b>{escape(title)}</b> {escape(', '.join(facts))}</p>"
    return heading + _table(("metric", "last", "at the best checkpoint", "curve"), rows)


def metrics_html(title: str, metrics: Mapping[str, float]) -> str:
    """Return metrics as an HTML table with a title; all text is escaped."""
    rows = [(escape(name), _number(value)) for name, value in metrics.items()]
    return f"<p>{escape(title)}</p>" + _table(("metric", "last"), rows)


def runs_html(runs: "Sequence[Run]") -> str:
    """Return runs as an HTML table, the newest 50; all text is escaped."""
    metrics = list(dict.fromkeys(name for run in runs for name in run.listed_metrics))
    rows = [
        (
            *map(escape, (run.id, run.name, run.stage, run.status, _moment(run.start))),
            *(_number(run.listed_metrics.get(name)) for name in metrics),
        )
        for run in runs[-_MOST_ROWS:]
    ]
    more = f"<p>the newest {_MOST_ROWS} of {len(runs):,} runs</p>" if len(runs) > _MOST_ROWS else ""
    return more + _table(("id", "name", "stage", "status", "start", *metrics), rows)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else ""


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _svg(curve: Sequence[tuple[int, float]]) -> str:
    """Return a curve as a line; epochs without a finite value are left out, and one point draws nothing."""
    points = [(epoch, value) for epoch, value in curve if math.isfinite(value)]
    if len(points) < 2:  # a line has two ends
        return ""
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    text = " ".join(
        f"{_scaled(epoch, first, last, _WIDTH):.1f},{_HEIGHT - _scaled(value, low, high, _HEIGHT):.1f}"
        for epoch, value in points
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<polyline points="{text}" fill="none" stroke="currentColor"/></svg>'
    )


def _scaled(value: float, low: float, high: float, length: float) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return _MARGIN + share * (length - 2 * _MARGIN)
