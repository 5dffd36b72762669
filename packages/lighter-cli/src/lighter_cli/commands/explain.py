"""``lighter explain``: show which places set a value, which argument takes it, and what refers to it."""

from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Inputs, Json
from lighter_cli.inspecting.explain import explain_value
from lighter_cli.terminal import standard_input


def explain(
    path: Annotated[str, Parameter(help="A path in the config, such as trainer::max_epochs.")],
    /,
    *inputs: Inputs,
    as_json: Json = False,
) -> None:
    """Print which places set a value, newest first, which argument takes it, and what refers to it."""
    explain_value(standard_input.restore([path])[0], inputs, json=as_json)
