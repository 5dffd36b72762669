"""The options by which the commands of ``lighter runs`` select runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.runs.run import Run
from lighter_cli.runs.selection import check_columns, check_names, parse_condition, parse_since

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
    tag: Annotated[_Several, Parameter(negative=(), help="Only runs with this tag.")] = None
    sweep: Annotated[str | None, Parameter(help="Only the trials of this sweep.")] = None

    @property
    def is_everything(self) -> bool:
        """Return whether no option is given."""
        return not (self.where or self.status or self.stage or self.since or self.tag or self.sweep)

    def selected(self, runs: Iterable[Run]) -> Iterator[Run]:
        """Yield the runs that fulfil all options; only ``where`` reads their records.

        Raises:
            SourceError: An option cannot be used.
        """
        statuses, stages, tags = separated(self.status), separated(self.stage), separated(self.tag)
        check_names(statuses, stages)
        since = None if self.since is None else parse_since(self.since, datetime.now(UTC))
        conditions = [parse_condition(text) for text in self.where or ()]
        found = (
            run
            for run in runs
            if (not stages or run.stage in stages)
            and (since is None or run.start >= since)
            and set(tags) <= set(run.tags)
            and self.sweep in (None, run.sweep)
            and (not statuses or run.status in statuses)
        )
        if not conditions:
            yield from found
            return
        readable = [run for run in found if run.is_readable()]
        if readable:
            check_columns((condition.column for condition in conditions), readable)
        yield from (run for run in readable if all(condition.holds(run) for condition in conditions))


EVERYTHING = Selection()


def separated(given: Iterable[str] | None) -> list[str]:
    """Return the words of an option that may be given several times, or once with commas."""
    return list(chain.from_iterable(text.split(",") for text in given or ()))
