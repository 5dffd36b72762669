"""How each of several fits went: its best epoch, whether it overfits, where its time went, and which code it ran."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lighter_cli.reports.figures import number_text
from lighter_cli.reports.page import Cell, Section, Table
from lighter_cli.reports.verdicts import best_epoch, code_name, overfit_after, part_name, waits_for_data
from lighter_cli.runs.epochs import Epoch
from lighter_cli.runs.run import Run
from lighter_cli.runs.shown_facts import shares_of

_MOST_TOLD = 3


class Fit:
    """A fit among others.

    Args:
        run: Its run.
        name: A short name.
        colour: The colour of its mark.
        epochs: Its epochs.

    Attributes:
        best: The epoch with the best value of the monitored metric; ``None`` if there is none.
        overfit_after: The epoch after which it overfits; ``None`` if it does not.
        shares: The parts of its time, largest first; empty if that is not recorded.
        code: The short name of its code.
    """

    def __init__(self, run: Run, name: str, colour: int, epochs: Sequence[Epoch]) -> None:
        self.run = run
        self.name = name
        self.colour = colour
        self.epochs = epochs
        self.best = best_epoch(run, epochs)
        self.overfit_after = overfit_after(epochs)
        spent = run.record.get("time_spent") or {}
        self.shares = shares_of(spent) if spent.get("total_s", 0) > 0 else []
        self.code = code_name(run)

    def facts(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "best_epoch": None if self.best is None else self.best.epoch,
            "overfit_after": self.overfit_after,
            "time_shares": dict(self.shares),
            "code": self.code or None,
        }


def fits_section(fits: Sequence[Fit]) -> Section:
    """Return the table of fits."""
    names = {fit.run.monitor[0] for fit in fits if fit.run.monitor}
    best = f"best {next(iter(names))}" if len(names) == 1 else "best"
    headings = ["run", "monitors", best, "in epoch", "last", "overfits after epoch", "time went to", "code"]
    rows = [_row(fit) for fit in fits]
    told = [column for column in range(1, len(headings)) if any(row[column].text for row in rows)]
    used = [0, *(column for column in told if column != 1 or len(names) > 1)]
    return Section("How each fit went", [Table([headings[i] for i in used], [[row[i] for i in used] for row in rows])])


def told_fits(fits: Sequence[Fit]) -> list[str]:
    """Return sentences about all fits: how many overfit, which wait for data, whether they ran the same code."""
    found: list[str] = []
    if overfit := [f"{fit.name} after epoch {fit.overfit_after}" for fit in fits if fit.overfit_after is not None]:
        found.append(f"{len(overfit)} of {len(fits)} fits overfit: {_listed(overfit)}.")
    elif any(fit.best is not None for fit in fits):
        found.append("None of the fits clearly overfits.")
    if waiting := [fit.name for fit in fits if waits_for_data(fit.shares)]:
        found.append(
            f"{len(waiting)} of {len(fits)} fits waited for data, so more workers may help: {_listed(waiting)}."
        )
    codes = Counter(fit.code for fit in fits)
    if len(codes) > 1:
        shown = [f"{code or 'in no repository'} ({count})" for code, count in codes.most_common()]
        found.append(f"They ran {len(codes)} states of the code, which may explain differences: {_listed(shown)}.")
    elif code := fits[0].code:
        found.append(f"All ran the code of commit {code}.")
    return found


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_MOST_TOLD])}{', …' * (len(names) > _MOST_TOLD)}"


def _row(fit: Fit) -> list[Cell]:
    monitor = fit.run.monitor[0] if fit.run.monitor else ""
    logged = [epoch for epoch in fit.epochs if monitor in epoch.metrics]
    parts = ", ".join(f"{part_name(name)} {share:.0%}" for name, share in fit.shares[:2] if share >= 0.01)
    return [
        Cell(fit.name, colour=fit.colour),
        Cell(monitor),
        _number(None if fit.best is None else fit.best.metrics[monitor]),
        _number(None if fit.best is None else fit.best.epoch),
        _number(logged[-1].metrics[monitor] if logged else None),
        _number(fit.overfit_after),
        Cell(parts, fit.shares[0][1] if fit.shares else None),
        Cell(fit.code),
    ]


def _number(value: float | None) -> Cell:
    return Cell("") if value is None else Cell(number_text(value), float(value))
