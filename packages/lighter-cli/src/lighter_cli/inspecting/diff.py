"""Show what differs between two experiments after merging: what ``lighter diff`` prints."""

import shlex
from collections.abc import Sequence

from lighter_cli.inspecting.merged_inputs import load_merged
from lighter_cli.terminal import output, standard_input
from lighter_cli.terminal.output import ADDED, HEADING, PATH, PLACE, REMOVED, Line
from lighter_config import Difference, Finding, Kind, Place, SourceError
from lighter_config import diff as differences_between

_EXAMPLE = "lighter diff exp.yaml trainer::max_epochs=3 --against exp.yaml"


def show_differences(inputs: Sequence[str], *, against: Sequence[str], json: bool = False) -> None:
    """Print what differs between two experiments after merging, with the place on both sides.

    Args:
        inputs: Files, runs and overrides.
        against: Those of the experiment to compare with.
        json: Whether JSON is printed.

    Raises:
        ConfigError: There are no inputs, or they do not make a config.
    """
    if not inputs:
        raise SourceError(Finding(message="no config given before --against", fix=f"name two experiments: {_EXAMPLE}"))
    before, after = load_merged(against, example=_EXAMPLE), load_merged(inputs, example=_EXAMPLE)
    differences = differences_between(before, after)
    if json:
        output.write_json(json_of(differences))
        return
    output.write_lines(difference_lines(_name(against), _name(inputs), differences))


def _name(inputs: Sequence[str]) -> str:
    return shlex.join(standard_input.restore(inputs))


def difference_lines(before: str, after: str, differences: Sequence[Difference]) -> list[Line]:
    """Return the lines that show the differences of two configs.

    Args:
        before: The name of the first config.
        after: The name of the second.
        differences: What differs, in the order in which it is shown.
    """
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
            "path": difference.path,
            "kind": str(difference.kind),
            "before": difference.before,
            "after": difference.after,
            "before_place": None if difference.before_place is None else str(difference.before_place),
            "after_place": None if difference.after_place is None else str(difference.after_place),
        }
        for difference in differences
    ]


def _side(sign: str, style: str, value: object, place: Place | None) -> list[Line]:
    first, *rest = output.yaml_lines(value)
    where = "" if place is None else str(place)
    return [((f"{sign} {first}", style), (where, PLACE)), *(((f"{sign} {line}", style), "") for line in rest)]
