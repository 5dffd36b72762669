"""``lighter sweep``: run many trials of an experiment, which differ in what ``PATH:=DIMENSION`` says."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json
from lighter_cli.terminal import output, standard_input

SweepInputs = Annotated[
    str,
    Parameter(
        name="WORDS",
        help="Config files, runs, overrides, and dimensions: system::optimizer::lr:=1e-4..1e-1:log, "
        "vars::batch_size:=32,64, and :=a.yaml,b.yaml for files.",
    ),
]


@Parameter(name="*")  # its fields are options of the command
@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What judges a trial, and how far to go."""

    maximize: Annotated[
        list[str] | None,
        Parameter(name="--max", negative=(), help="A logged name of which more is better; may be given several times."),
    ] = None
    minimize: Annotated[
        list[str] | None,
        Parameter(name="--min", negative=(), help="A logged name of which less is better; may be given several times."),
    ] = None
    trials: Annotated[int | None, Parameter(help="The number of trials in all.")] = None
    hours: Annotated[float | None, Parameter(help="No trial starts after this many hours; running ones end.")] = None
    patience: Annotated[int | None, Parameter(help="Stop after this many trials without a better one.")] = None
    sampler: Annotated[
        Literal["tpe", "grid", "random", "qmc", "gp", "cmaes", "nsga2"] | None,
        Parameter(help="How trials are chosen. By default a grid if there is no objective, else tpe."),
    ] = None
    prune: Annotated[
        bool | Literal["median", "hyperband", "patient", "wilcoxon"],
        Parameter(negative=(), show_default=False, help="Stop bad trials early; --prune alone is median."),
    ] = False
    repeat: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="The path of a dimension that repeats each trial, such as seed; may be given several times.",
        ),
    ] = None


_DEFAULTS = SearchOptions()


def sweep(
    *inputs: SweepInputs,
    search: SearchOptions = _DEFAULTS,
    safe: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Refuse targets outside a list, and expressions beyond arithmetic and calls on values. Not a sandbox.",
        ),
    ] = False,
    allow: Annotated[
        list[str] | None,
        Parameter(negative=(), help="With --safe: allow this callable or package too; may be given several times."),
    ] = None,
    dry_run: Annotated[
        bool,
        Parameter(
            name="--dry-run", negative=(), show_default=False, help="Check, print what would run, and write nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Run many trials of an experiment, which differ in what PATH:=DIMENSION says."""
    from lighter_cli.sweeps.preview import preview_json, preview_lines
    from lighter_cli.sweeps.space_check import findings_of
    from lighter_cli.terminal.findings_log import log_findings
    from lighter_config import Finding, SourceError, load, parse_sources
    from lighter_config.space import SpaceOptions, read_space

    if not inputs:
        example = "lighter sweep config.yaml system::optimizer::lr:=1e-4..1e-1:log --min val/loss/epoch --trials 20"
        raise SourceError(Finding(message="no config given", fix=f"name one: {example}"))
    options = SpaceOptions(
        maximize=tuple(search.maximize or ()),
        minimize=tuple(search.minimize or ()),
        repeat=tuple(search.repeat or ()),
        sampler=search.sampler,
        pruner="median" if search.prune is True else search.prune or None,
        trials=search.trials,
        hours=search.hours,
        patience=search.patience,
    )
    space = read_space(load(parse_sources(standard_input.restore(inputs), sweeping=True)), options)
    log_findings(findings_of(space, safe=safe, allow=allow or ()))
    if as_json:
        output.write_json(preview_json(space))
    else:
        output.write_lines(preview_lines(space, output.width()))
    return 0
