"""``lighter runs diff``: what differs between two runs."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, cast

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.commands.runs._run import Run, no_code
from lighter_cli.inspecting.diff import difference_lines, json_of
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.record import Record
from lighter_cli.terminal import output
from lighter_cli.terminal.output import ADDED, HEADING, PATH, PLACE, REMOVED, Line
from lighter_config import Difference, Kind, Place, load
from lighter_config import diff as differences_between
from lighter_config.sections import PROJECT
from lighter_config.sources.recorded_places import Places, recorded_places

if TYPE_CHECKING:
    from lighter_cli.code.comparison import FileDifference
    from lighter_cli.code.stored import StoredCode

    _Codes: TypeAlias = tuple[StoredCode | None, StoredCode | None]

_COMPARED = ("stage", "status", "words", "options", "seed", "project", "git", "versions", "devices", "metrics")

ShowCode = Annotated[
    bool, Parameter(name="--code", negative=(), show_default=False, help="Print how the code differs, too.")
]


def diff(first: Run, second: Run, /, *, show_code: ShowCode = False, as_json: Json = False) -> None:
    """Print what differs between two runs: inputs, versions, results, and the config with the places of values."""
    from lighter_cli.code.comparison import differences_of_code  # lists do not need it
    from lighter_cli.code.stored import stored_code

    before, after = find_run(first), find_run(second)
    codes = stored_code(before.folder), stored_code(after.folder)
    facts = [
        replace(difference, before_place=None, after_place=None)
        for difference in differences_between(*(load(facts) for facts in _compared((before, after), codes)))
    ]
    places = recorded_places(before.folder), recorded_places(after.folder)
    configs = [
        _with_recorded_places(difference, *places)
        for difference in differences_between(load([str(before.folder)]), load([str(after.folder)]))
        if difference.path != PROJECT or before.content["project"] != after.content["project"]  # else it has moved
    ]
    files = list(differences_of_code(*_both(codes, (before, after)))) if show_code else []
    if as_json:
        shown = {"record": json_of(facts), "config": json_of(configs)}
        output.write_json(shown | ({"code": list(map(asdict, files))} if show_code else {}))
        return
    output.write_lines(difference_lines(_title(before), _title(after), facts))
    output.write_lines([[""], [("config", HEADING)]])
    output.write_lines(difference_lines("", "", configs)[2:])
    if show_code:
        output.write_lines([[""], [("code", HEADING)], *_code_lines(files)])


def _title(record: Record) -> str:
    return f"{record.folder.name} ({record.content['stage']}, {record.status})"


def _compared(records: tuple[Record, Record], codes: "_Codes") -> Iterator[dict[str, Any]]:
    """Yield the facts of two records to compare; a list becomes one text, so that it is compared in one piece."""
    for record, code in zip(records, codes, strict=True):
        facts = {name: record.content[name] for name in _COMPARED}
        facts |= {"status": record.status, "words": shlex.join(record.content["words"])}
        if code is not None and None not in codes:  # older records do not have them
            facts["packages"] = code.packages
        yield facts


def _both(codes: "_Codes", records: tuple[Record, Record]) -> "tuple[StoredCode, StoredCode]":
    """Return the code of two runs.

    Raises:
        SourceError: A record does not hold it.
    """
    for code, record in zip(codes, records, strict=True):
        if code is None:
            raise no_code(record)
    return cast("tuple[StoredCode, StoredCode]", codes)


def _code_lines(files: "Sequence[FileDifference]") -> Iterator[Line]:
    styles = {"+": ADDED, "-": REMOVED, "@": PLACE}
    if not files:
        yield [""]
        yield ["no difference"]
    for file in files:
        yield [""]
        yield [(file.path, PATH), f"   {file.kind}"]
        yield from ([(f"  {line}", styles.get(line[:1], ""))] for line in file.lines)


def _with_recorded_places(difference: Difference, before: Places, after: Places) -> Difference:
    """Replace the places in the stored configs by those that the values came from when the runs started."""
    return replace(
        difference,
        before_place=None if difference.kind is Kind.ADDED else _place_at(difference.path, before),
        after_place=None if difference.kind is Kind.REMOVED else _place_at(difference.path, after),
    )


def _place_at(path: str, places: Places) -> Place | None:
    inside = (chain for at, chain in places.items() if at == path or at.startswith(f"{path}::"))
    chain = next(inside, None)
    return Place(chain[0]) if chain else None
