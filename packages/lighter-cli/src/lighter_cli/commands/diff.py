"""``lighter diff``: what differs between two experiments after merging."""

import shlex
from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json, Words, load_merged
from lighter_cli.terminal import output, standard_input
from lighter_cli.terminal.output import ADDED, HEADING, PATH, PLACE, REMOVED, Line
from lighter_config import Difference, Finding, Kind, Place, SourceError
from lighter_config import diff as differences_between

_EXAMPLE = "lighter diff exp.yaml trainer::max_epochs=3 --against exp.yaml"


def diff(
    *words: Words,
    against: Annotated[
        list[str],
        Parameter(consume_multiple=True, negative=(), help="The experiment to compare with, named in the same way."),
    ],
    as_json: Json = False,
) -> None:
    """Print what differs between two experiments after merging, with the place on both sides."""
    if not words:
        raise SourceError(Finding(message="nothing is named to compare", fix=f"name two experiments: {_EXAMPLE}"))
    before, after = load_merged(against, example=_EXAMPLE), load_merged(words, example=_EXAMPLE)
    differences = differences_between(before, after)
    if as_json:
        output.write_json(json_of(differences))
        return
    output.write_lines(difference_lines(_name(against), _name(words), differences))


def _name(words: Sequence[str]) -> str:
    return shlex.join(standard_input.restore(words))


def difference_lines(before: str, after: str, differences: Sequence[Difference]) -> list[Line]:
    """Return what ``diff`` prints for the differences of two configs, under the names of both."""
    lines: list[Line] = [[(f"--- {before}", HEADING)], [(f"+++ {after}", HEADING)]]
    if not differences:
        return [*lines, [""], ["no difference"]]
    for difference in differences:
        cells: list[Line] = []
        if difference.kind is not Kind.ADDED:
            cells += _side("-", REMOVED, difference.before, difference.before_place)
        if difference.kind is not Kind.REMOVED:
            cells += _side("+", ADDED, difference.after, difference.after_place)
        lines += [[""], [(difference.path, PATH)], *output.rows(cells)]
    return lines


def json_of(differences: Sequence[Difference]) -> list[dict[str, object]]:
    """Return the differences as JSON values."""
    return [
        {
            "path": one.path,
            "kind": str(one.kind),
            "before": one.before,
            "after": one.after,
            "before_place": None if one.before_place is None else str(one.before_place),
            "after_place": None if one.after_place is None else str(one.after_place),
        }
        for one in differences
    ]


def _side(sign: str, style: str, value: object, place: Place | None) -> list[Line]:
    first, *rest = output.yaml_lines(value)
    where = "" if place is None else str(place)
    return [((f"{sign} {first}", style), (where, PLACE)), *(((f"{sign} {line}", style), "") for line in rest)]
