"""The options by which the commands of ``lighter runs`` select runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.runs.listing import listed_runs
from lighter_cli.runs.run import Run, scanned
from lighter_cli.runs.selection import check_names, fulfilling, parse_condition, parse_moment
from lighter_config import Finding, SourceError

_Several = list[str] | None


@Parameter(name="*")  # its fields are options of the command
@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which runs a command uses: those that fulfil all of its options."""

    where: Annotated[
        _Several,
        Parameter(
            negative=(),
            help="Only runs with this value of the config or metric: vars::lr=1e-3, val/loss<0.5; also !=, <=, >, >=.",
        ),
    ] = None
    status: Annotated[
        _Several, Parameter(negative=(), help="Only these: finished, failed, interrupted, running, lost.")
    ] = None
    stage: Annotated[_Several, Parameter(negative=(), help="Only runs of these stages: fit, test, ...")] = None
    since: Annotated[
        str | None, Parameter(help="Only runs that started later: an age such as 12h, 2d, 1w, or a date.")
    ] = None
    before: Annotated[
        str | None, Parameter(help="Only runs that started earlier: an age such as 12h, 30d, or a date.")
    ] = None
    tag: Annotated[_Several, Parameter(negative=(), help="Only runs with this tag.")] = None
    sweep: Annotated[str | None, Parameter(help="Only the trials of this sweep, or one of them: NAME/7.")] = None
    last: Annotated[int | None, Parameter(help="Only the newest of them, at most so many.")] = None

    @property
    def is_everything(self) -> bool:
        """Return whether no option is given."""
        return self == EVERYTHING

    def selected(self, runs: Iterable[Run], *, keeps_records: bool = True) -> Iterator[Run]:
        """Yield the runs that fulfil all options; only ``where`` reads their records.

        Args:
            runs: The runs, newest first.
            keeps_records: Whether the records of all these runs are needed later, too.

        Raises:
            SourceError: An option cannot be used.
        """
        statuses, stages, tags = separated(self.status), separated(self.stage), separated(self.tag)
        check_names(statuses, stages)
        if self.last is not None and self.last < 1:
            raise SourceError(Finding(message=f"--last is {self.last}", expected=("a number of runs, at least 1",)))
        now = datetime.now(UTC)
        since = None if self.since is None else parse_moment(self.since, now)
        before = None if self.before is None else parse_moment(self.before, now)
        conditions = [parse_condition(text) for text in self.where or ()]
        found: Iterator[Run] = (
            run
            for run in runs
            if (not stages or run.stage in stages)
            and (since is None or run.start >= since)
            and (before is None or run.start < before)
            and set(tags) <= set(run.tags)
            and (self.sweep is None or f"{run.trial}/".startswith(f"{self.sweep}/"))
            and (not statuses or run.status in statuses)
        )
        if conditions:
            read = (run for run in found if run.is_readable())
            found = fulfilling(conditions, read if keeps_records else scanned(found))
        yield from islice(found, self.last)


EVERYTHING = Selection()


def selected_here(selection: Selection, *, keeps_records: bool = True) -> list[Run]:
    """Return the runs of the working directory that a selection has, oldest first.

    Args:
        selection: The selection.
        keeps_records: As in ``Selection.selected``.

    Raises:
        SourceError: An option cannot be used.
    """
    found = selection.selected(map(Run, listed_runs(Path.cwd())), keeps_records=keeps_records)
    return list(found)[::-1]


def separated(given: Iterable[str] | None) -> list[str]:
    """Return the words of an option that may be given several times, or once with commas."""
    return list(chain.from_iterable(text.split(",") for text in given or ()))
