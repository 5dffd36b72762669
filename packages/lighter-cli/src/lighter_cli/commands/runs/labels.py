"""``lighter runs tag`` and ``note``: change the tags and the note of a run."""

from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.atomic_files import NOT_WRITABLE
from lighter_cli.commands.runs._run import Run
from lighter_cli.runs.labels import change_labels, changed_tags
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.record import Record
from lighter_cli.terminal import output
from lighter_cli.terminal.shown import shown_path
from lighter_config import Finding, SourceError

Changes = Annotated[
    str, Parameter(allow_leading_hyphen=True, help="+TAG adds a tag, -TAG removes one.", negative=(), required=True)
]
Text = Annotated[str, Parameter(help="The note; an empty text removes it.")]


def tag(run: Run, /, *changes: Changes) -> None:
    """Add and remove tags of a run: `lighter runs tag last +paper -draft`."""
    record = find_run(run)
    tags = changed_tags(record.content.get("tags", ()), changes)
    _change(record, tags=tags)
    output.write_lines([[f"run {record.folder.name}: {', '.join(tags) or 'no tags'}"]])


def note(run: Run, text: Text, /) -> None:
    """Write the note of a run, in place of the earlier one."""
    record = find_run(run)
    _change(record, note=text)
    output.write_lines([[f"run {record.folder.name}: {text or 'no note'}"]])


def _change(record: Record, **changed: Any) -> None:
    try:
        change_labels(record.folder, **changed)
    except OSError as error:
        message = f"run {record.folder.name} cannot be changed: {error.strerror or error}"
        fix = f"see who may write to {shown_path(record.folder)}" if error.errno in NOT_WRITABLE else ""
        raise SourceError(Finding(message=message, fix=fix)) from error
