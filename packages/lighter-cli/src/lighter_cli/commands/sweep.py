"""``lighter sweep``: run many trials of an experiment, which differ in what ``PATH:=DIMENSION`` says."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from lighter_cli.commands._inputs import Allow, Json, Safe
from lighter_cli.terminal import output, standard_input

if TYPE_CHECKING:
    from lighter_cli.sweeps.plan import Plan
    from lighter_config import Finding

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
        Parameter(help="How trials are chosen. Without this option: tpe with an objective, a grid without one."),
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


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """Where and how the trials run."""

    workers: Annotated[
        int | None, Parameter(help="Trials at once. By default one on a CPU, or one for each trainer::devices GPUs.")
    ] = None
    share: Annotated[int, Parameter(help="Trials on one GPU.")] = 1
    name: Annotated[
        str | None,
        Parameter(help="The folder below lighter_sweeps. By default the first file's name and four letters."),
    ] = None
    preflight: Annotated[
        bool | None,
        Parameter(
            show_default=False,
            help="Rehearse the first trial, each choice, and both ends of each range before the first trial. By "
            "default with more than 4 trials and a choice that is a mapping, a file or text.",
        ),
    ] = None
    retry: Annotated[Literal["failed"] | None, Parameter(help="Run again what failed.")] = None
    slurm: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Submit --workers SLURM jobs that run the trials, and return at once."
        ),
    ] = False
    ray: Annotated[
        str | None,
        Parameter(
            help="Run the trials on the Ray cluster at this address: auto, HOST:PORT or ray://HOST:PORT. By default as "
            "many at once as it has room for."
        ),
    ] = None


_DEFAULTS = SearchOptions()
_DEFAULT_WORK = WorkOptions()


def sweep(
    *inputs: SweepInputs,
    search: SearchOptions = _DEFAULTS,
    work: WorkOptions = _DEFAULT_WORK,
    safe: Safe = False,
    allow: Allow = None,
    dry_run: Annotated[
        bool,
        Parameter(
            name="--dry-run", negative=(), show_default=False, help="Check, print what would run, and write nothing."
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Run many trials of an experiment, which differ in what PATH:=DIMENSION says."""
    from lighter_cli.sweeps.plan import plan_of
    from lighter_cli.sweeps.preview import preview_json, preview_lines
    from lighter_cli.sweeps.rehearsed_cases import needed_in
    from lighter_cli.sweeps.space_check import findings_of
    from lighter_cli.sweeps.sweep import find_folder
    from lighter_cli.terminal.findings_log import log_findings
    from lighter_config import Finding, SourceError
    from lighter_config.space import SpaceOptions

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
    plan = plan_of(standard_input.restore(inputs), options, work.name)
    space = plan.space
    found = findings_of(space, safe=safe, allow=allow or ())
    log_findings(found)
    if not dry_run:
        return _run(plan, work, found, safe=safe, allow=allow or (), is_json=as_json)
    rehearsed = needed_in(find_folder(plan, Path.cwd()), space, work.preflight)
    if as_json:
        output.write_json(preview_json(space, rehearsed))
    else:
        output.write_lines(preview_lines(space, output.width(), rehearsed))
    return 0


def _run(
    plan: "Plan", work: WorkOptions, found: "Sequence[Finding]", *, safe: bool, allow: Sequence[str], is_json: bool
) -> int:
    from importlib.util import find_spec

    from lighter_cli.errors import SweepError
    from lighter_config import Finding

    if find_spec("optuna") is None:
        message = "sweeps need Optuna, which is not installed"
        raise SweepError(Finding(message=message, fix="pip install 'lighter-cli[sweep]'"))
    _refuse_torchrun()
    if work.slurm and work.ray is not None:
        raise SweepError(Finding(message="--slurm and --ray exclude each other", fix="leave one of them out"))
    if work.slurm and work.preflight:
        message = "--preflight rehearses on this machine, and --slurm runs nothing here"
        raise SweepError(
            Finding(message=message, fix="leave --preflight out, and run `lighter preflight` where GPUs are")
        )
    if work.ray is not None and find_spec("ray") is None:
        raise SweepError(
            Finding(message="--ray needs Ray, which is not installed", fix="pip install 'lighter-cli[ray]'")
        )
    from lighter_cli.sweeps.run import SweepOptions, run_sweep

    options = SweepOptions(
        workers=work.workers,
        share=work.share,
        retry=work.retry is not None,
        safe=safe,
        allow=allow,
        preflight=work.preflight,
        reported=found,
        is_json=is_json,
        slurm=work.slurm,
        ray=work.ray,
    )
    return run_sweep(plan, options)


def _refuse_torchrun() -> None:
    from lighter_cli.checking.launcher_check import find_launcher
    from lighter_cli.errors import SweepError
    from lighter_config import Finding

    launcher = find_launcher(os.environ)
    if launcher is not None and launcher.name == "torchrun":
        number = 1 if launcher.per_node is None else launcher.per_node.number
        raise SweepError(
            Finding(
                message="torchrun cannot start a sweep: each of its processes would be one",
                expected=("lighter sweep, which starts the ranks of each trial itself",),
                fix=f"leave out torchrun, and write trainer::devices={number}",
            )
        )
