"""``lighter show``: print the merged config, as YAML that runs again."""

from typing import Annotated

from cyclopts import Parameter

from lighter_cli.commands._inputs import Inputs, Json
from lighter_cli.inspecting.show import show_config
from lighter_config import Stage


def show(
    *inputs: Inputs,
    stage: Annotated[
        Stage | None, Parameter(help="Show only what this stage uses, with every copy written out.")
    ] = None,
    resolve: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Write out copies, references to plain values, and expressions on them; build nothing.",
        ),
    ] = False,
    blame: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Show beside each value the place that set it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the merged config. The output is YAML that runs again."""
    show_config(inputs, stage=stage, resolve=resolve, blame=blame, json=as_json)
