"""What the commands of ``lighter runs`` share."""

from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.runs.record import Record
from lighter_cli.terminal.output import ADDED, REMOVED
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
