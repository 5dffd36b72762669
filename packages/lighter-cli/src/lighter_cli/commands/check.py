"""``lighter check``: every mistake of an experiment at once, nothing built and torch not imported."""

from typing import Annotated, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import MutuallyExclusive

from lighter_cli.commands._inputs import Words
from lighter_cli.terminal import output, standard_input
from lighter_config import Stage

_ONE_OF = Group(show=False, validator=MutuallyExclusive())  # type: ignore[no-untyped-call]


def check(
    *words: Words,
    stage: Annotated[
        Stage | None,
        Parameter(
            group=("Parameters", _ONE_OF),
            help="Judge what this stage builds, and what it needs. Without it, everything is judged; what fit needs is "
            "only warned about, where there is data to train on.",
        ),
    ] = None,
    all_stages: Annotated[
        bool,
        Parameter(
            group=("Parameters", _ONE_OF),
            negative=(),
            show_default=False,
            help="Judge the four stages; a finding says which of them it is for.",
        ),
    ] = False,
    each: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Check every word alone; a comma list is one experiment, overrides apply to all. A file without a "
            "trainer is a fragment: what it holds is checked, not what it lacks.",
        ),
    ] = False,
    deep: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Import the targets that their source does not settle; build nothing."
        ),
    ] = False,
    output_format: Annotated[
        Literal["text", "json", "github"],
        Parameter(name="--format", help="Text to read, JSON for tools, or annotations of a GitHub workflow."),
    ] = "text",
) -> int:
    """Find every mistake, with its place, without importing torch. The exit code is 1 when there is an error."""
    from lighter_cli.checking.checker import Checker
    from lighter_cli.checking.output import annotation_lines, as_json, text_lines

    stages = tuple(Stage) if all_stages else (stage,) if stage is not None else ()
    checker = Checker(stages, deep=deep)
    restored = standard_input.restore(words)
    reports = list(checker.check_each(restored)) if each else [checker.check(restored)]
    if output_format == "json":
        output.write_json(as_json(reports))
    elif output_format == "github":
        output.write_lines(annotation_lines(reports))
    else:
        output.write_lines(text_lines(reports, output.width(), deep=deep))
    return int(any(one.has_errors for one in reports))
