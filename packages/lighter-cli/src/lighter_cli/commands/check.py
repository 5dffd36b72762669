"""``lighter check``: report every mistake of an experiment at once, without building anything or importing torch."""

from typing import Annotated, Literal

from cyclopts import ArgumentCollection, Group, Parameter

from lighter_cli.commands._inputs import Allow, Inputs, Safe
from lighter_cli.inspecting.check import check_inputs
from lighter_cli.terminal import standard_input
from lighter_config import Stage


def _at_most_one(arguments: ArgumentCollection) -> None:
    names = [argument.name for argument in arguments if argument.has_tokens]
    if len(names) > 1:
        raise ValueError(f"use either {' or '.join(names)}, not both")


_ONE_OF = Group(show=False, validator=_at_most_one)


def check(
    *inputs: Inputs,
    stage: Annotated[
        Stage | None,
        Parameter(
            group=("Parameters", _ONE_OF),
            help="Check what this stage builds, and what it needs. Without it, everything is checked; what fit "
            "lacks is only a warning, and only where there is data to train on.",
        ),
    ] = None,
    all_stages: Annotated[
        bool,
        Parameter(
            group=("Parameters", _ONE_OF),
            negative=(),
            show_default=False,
            help="Check for all four stages; a finding names its stages when it does not hold for all.",
        ),
    ] = False,
    each: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Check every input alone; a comma list is one experiment, overrides apply to all. A file without a "
            "trainer is a fragment: what it holds is checked, not what it lacks.",
        ),
    ] = False,
    deep: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Import the targets whose source does not tell what they take; build nothing.",
        ),
    ] = False,
    shapes: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Also let the batch that the section `shapes` describes pass through the network, the criterion and "
            "the metrics, in another process: without data, values or memory.",
        ),
    ] = False,
    safe: Safe = False,
    allow: Allow = None,
    verbose: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Name the unknown targets, and say why they are unknown.")
    ] = False,
    strict: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Fail on warnings too: the exit code is 1 for them.")
    ] = False,
    output_format: Annotated[
        Literal["text", "json", "github"],
        Parameter(name="--format", help="Text for people, JSON for tools, or annotations of a GitHub workflow."),
    ] = "text",
) -> int:
    """Find every mistake, with its place, without importing torch. The exit code is 1 when there is an error."""
    return check_inputs(
        inputs,
        stage=stage,
        all_stages=all_stages,
        each=each,
        deep=deep,
        shapes=shapes,
        safe=safe,
        allow=standard_input.restore(allow or ()),
        verbose=verbose,
        strict=strict,
        format=output_format,
    )
