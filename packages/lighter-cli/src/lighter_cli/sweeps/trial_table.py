"""Lay out the trials of a sweep as a table, the best first: at the end of a sweep, and in ``lighter sweeps show``."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from lighter_cli.sweeps.overview import Overview, Row, is_feasible
from lighter_cli.sweeps.results import deviation_of
from lighter_cli.terminal import output
from lighter_cli.terminal.shown import duration_text
from lighter_cli.terminal.table import Column, table_lines

STYLES = {"finished": output.ADDED, "failed": output.REMOVED, "pruned": "yellow", "running": output.PATH}
_NUM_SHOWN = 20
_MAX_ERROR = 80
_WHOLE = re.compile(r"-?\d*")
_CHOICE = re.compile(r"\[[^\[\]]*\]")


def trial_lines(sweep: Overview, *, is_everything: bool) -> list[output.Line]:
    """Return the table of a sweep.

    On a terminal, a dimension has the last part of its path as its heading, and the dimensions that several choices
    have at one path share a column: a trial has one of them.

    Args:
        sweep: The sweep.
        is_everything: Show all trials, not only the best twenty.
    """
    rows = sweep.ranked if is_everything else sweep.ranked[:_NUM_SHOWN]
    width = output.width()
    columns = [*_facts(sweep, rows), *_dimensions(sweep, rows, is_exact=width is None), *_costs(rows)]
    columns = [column for column in columns if any(column.cells) or column.heading == "trial"]
    droppable = ["took", "epochs", *["state"] * (len({row["state"] for row in rows}) == 1)]
    table, left_out = table_lines(columns, width=width, droppable=droppable)
    lines = list(table)
    if num_more := len(sweep.ranked) - len(rows):
        where = f"`lighter sweeps show {sweep.name} --all`, or `lighter sweeps export`"
        lines.append([(f"… {num_more:,} more: {where}", output.PLACE)])
    if left_out:
        lines.append([(f"too wide for the terminal: {', '.join(left_out)}", output.PLACE)])
    return lines


def state_of(state: str, error: str) -> str:
    """Return the state of a trial with its reason.

    >>> state_of("failed", "ValueError: no"), state_of("pruned", "pruned at epoch 3"), state_of("finished", "")
    ('failed (ValueError: no)', 'pruned at epoch 3', 'finished')
    """
    if state == "failed" and error:
        return f"failed ({error.partition(chr(10))[0]:.{_MAX_ERROR}})"
    return error if state == "pruned" and error else state


def shown_value(value: str, deviation: str) -> str:
    """Return a value with its deviation over the repeats.

    >>> shown_value("0.9100000001", "0.01234"), shown_value("0.5", ""), shown_value("", "")
    ('0.91 ± 0.0123', '0.5', '')
    """
    return shown_number(value) + (f" ± {float(deviation):.3g}" if deviation else "")


def shown_number(text: str) -> str:
    """Return a number with at most six digits; a whole one with all of them.

    Raises:
        ValueError: The text is not a number.
    """
    return text if _WHOLE.fullmatch(text) else f"{float(text):.6g}"


def _facts(sweep: Overview, rows: Sequence[Row]) -> list[Column]:
    front = sweep.front()
    columns = [
        Column("trial", [(row["trial"], output.PATH) for row in rows], True),
        Column("state", [(state_of(row["state"], row.get("error", "")), STYLES.get(row["state"], "")) for row in rows]),
    ]
    for name in sweep.objectives:
        std = deviation_of(name)
        cells = [shown_value(row.get(name, ""), row.get(std, "")) for row in rows]
        columns.append(Column(name, cells, True))
    columns.append(Column("front", ["yes" if row["trial"] in front else "" for row in rows]))
    if not all(map(is_feasible, sweep.rows)):
        columns.append(Column("constraints", [_kept(sweep, row) for row in rows]))
    return columns


def _dimensions(sweep: Overview, rows: Sequence[Row], *, is_exact: bool) -> list[Column]:
    found = {name: [row.get(name, "") for row in rows] for name in sweep.dimensions}
    if is_exact:
        return [_values(name, cells) for name, cells in found.items()]
    by_path: dict[str, list[str]] = {}
    for name, cells in found.items():
        path = _CHOICE.sub("", name)
        by_path[path] = [before or cell for before, cell in zip(by_path.get(path, cells), cells, strict=True)]
    return [_values(short_name(path, by_path), cells) for path, cells in by_path.items()]


def short_name(path: str, paths: Collection[str]) -> str:
    """Return the last parts of a path, as many as no other path ends with.

    >>> paths = ["system::model::0::p", "system::model::4::p", "system::optimizer::lr"]
    >>> [short_name(path, paths) for path in paths]
    ['0::p', '4::p', 'lr']
    """
    parts = path.split("::")
    for num in range(1, len(parts)):
        ending = "::".join(parts[-num:])
        if sum(f"::{other}".endswith(f"::{ending}") for other in paths) == 1:
            return ending
    return path


def _costs(rows: Sequence[Row]) -> list[Column]:
    took = (row.get("took_s", "") for row in rows)
    return [
        Column("epochs", [row.get("epochs", "") for row in rows], True),
        Column("took", [duration_text(float(seconds)) if seconds else "" for seconds in took], True),
    ]


def _values(name: str, cells: Sequence[str]) -> Column:
    """Return the column of a dimension, which is one of numbers if all its values are."""
    try:
        return Column(name, list(map(shown_number, cells)), True)
    except ValueError:
        return Column(name, cells)


def _kept(sweep: Overview, row: Row) -> str:
    has_value = any(row.get(name) for name in sweep.objectives)
    return ("kept" if is_feasible(row) else "violated") if has_value else ""
