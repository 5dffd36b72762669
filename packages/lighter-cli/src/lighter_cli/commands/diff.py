"""``lighter diff``: show what differs between two experiments after merging."""

from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Inputs, Json
from lighter_cli.inspecting.diff import show_differences


def diff(
    *inputs: Inputs,
    against: Annotated[
        list[str],
        Parameter(
            consume_multiple=True,
            negative=(),
            help="The experiment to compare with: files, runs and overrides.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Print what differs between two experiments after merging, with the place on both sides."""
    show_differences(inputs, against=against, json=as_json)
