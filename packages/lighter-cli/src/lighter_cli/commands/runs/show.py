"""``lighter runs show``: what is recorded about a run."""

from collections.abc import Iterator

from lighter_cli.commands._inputs import Json
from lighter_cli.commands.runs._run import STATUS_STYLES, Run, recorded_json
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.record import Record
from lighter_cli.runs.shown_facts import facts_of, sections_of
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH, PLACE, Line, Part


def show(run: Run, /, *, as_json: Json = False) -> None:
    """Print what is recorded about a run."""
    record = find_run(run)
    if as_json:
        output.write_json(recorded_json(record))
        return
    output.write_lines(_record_lines(record))


def _record_lines(record: Record) -> Iterator[Line]:
    yield [(record.folder.name, PATH)]
    yield from output.rows([(name, _styled(name, text)) for name, text in facts_of(record)])
    for title, values in sections_of(record):
        yield [""]
        yield [(title, HEADING)]
        yield from output.rows(values)


def _styled(name: str, text: str) -> Part:
    if name == "status":
        return text, STATUS_STYLES.get(text, "")
    return (text, PLACE) if name == "folder" else text
