"""What the commands of ``lighter runs`` share."""

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.runs.record import Record
from lighter_cli.terminal.output import ADDED, REMOVED
from lighter_cli.terminal.shown import duration_text
from lighter_config import RECORDED_CONFIG, Finding, SourceError

Run = Annotated[str, Parameter(help="The name of a run, its id or a part of it, its folder, or 'last'.")]

STATUS_STYLES = {"finished": ADDED, "failed": REMOVED, "lost": REMOVED, "interrupted": "yellow", "running": "cyan"}


def recorded_json(record: Record) -> dict[str, Any]:
    """Return a record with its status and folder, for tools."""
    return {**record.content, "status": record.status, "folder": str(record.folder)}


def no_code(record: Record) -> SourceError:
    """Return the error for a record that does not hold the code of its run."""
    message = f"the record of run {record.folder.name} does not hold its code"
    return SourceError(Finding(message=message, fix=f"use its config: {record.folder / RECORDED_CONFIG}"))


def local(moment: str) -> str:
    """Return a time of a record in the time zone of this machine."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def duration(start: str, end: str | None) -> str:
    """Return how long a run took; an empty text when it has no end."""
    if end is None:
        return ""
    return duration_text((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
