"""``lighter fit``, ``validate``, ``test`` and ``predict``: run a stage of an experiment."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.commands._importing import importing
from lighter_cli.commands._inputs import Allow, Inputs, Safe
from lighter_cli.runs.trial import TRIAL_VARIABLE, Trial
from lighter_cli.terminal import process


@Parameter(name="*")  # its fields are options of the command
@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """The options that every stage has."""

    ckpt_path: Annotated[
        str | None,
        Parameter(name=["--ckpt-path", "--ckpt_path"], help="The checkpoint to start from: last, best or a file."),
    ] = None
    weights_only: Annotated[
        bool | None,
        Parameter(
            help="Load only tensors and plain values from the checkpoint; --no-weights-only unpickles any object."
        ),
    ] = None
    safe: Safe = False
    allow: Allow = None
    no_check: Annotated[
        bool,
        Parameter(
            name="--no-check", negative=(), show_default=False, help="Do not look for mistakes in the config first."
        ),
    ] = False
    traceback: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Show every frame when something fails.")
    ] = False
    name: Annotated[str | None, Parameter(help="A name for the run, by which commands find it.")] = None
    tag: Annotated[list[str] | None, Parameter(negative=(), help="A tag of the run; may be given several times.")] = (
        None
    )
    note: Annotated[str | None, Parameter(help="A note about the run.")] = None
    slurm: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Submit it as a SLURM job, and return at once.")
    ] = False


_DEFAULTS = StageOptions()

# the closing lines have the results; Lightning's table cuts names and numbers that do not fit
_OWN_TABLE = {"verbose": False}

Verbose = Annotated[bool | None, Parameter(help="Print Lightning's table of results, too.")]
ReturnPredictions = Annotated[
    bool | None, Parameter(help="Keep all predictions in memory; off by default, writers store them as they come.")
]


def fit(*inputs: Inputs, options: StageOptions = _DEFAULTS) -> None:
    """Train, validating along the way."""
    _run("fit", inputs, options)


def validate(*inputs: Inputs, options: StageOptions = _DEFAULTS, verbose: Verbose = None) -> None:
    """Evaluate on the validation data."""
    _run("validate", inputs, options, defaults=_OWN_TABLE, verbose=verbose)


def test(*inputs: Inputs, options: StageOptions = _DEFAULTS, verbose: Verbose = None) -> None:
    """Evaluate on the test data."""
    _run("test", inputs, options, defaults=_OWN_TABLE, verbose=verbose)


def predict(*inputs: Inputs, options: StageOptions = _DEFAULTS, return_predictions: ReturnPredictions = None) -> None:
    """Predict, for writers among the trainer's callbacks to store."""
    # nobody can use what a command returns, and keeping it would fill the memory
    defaults = {"return_predictions": False}
    _run("predict", inputs, options, defaults=defaults, return_predictions=return_predictions)


def _trial(stage: str) -> Trial | None:
    folder = os.environ.get(TRIAL_VARIABLE)
    if folder is None or stage != "fit":
        return None
    from lighter_cli.sweeps.trial_callback import callbacks_of_trial

    return Trial(Path(folder), callbacks_of_trial(Path(folder)))


def _run(stage: str, inputs: Sequence[str], options: StageOptions, **arguments: Any) -> None:
    from lighter_cli.inspecting.merged_inputs import parse_words
    from lighter_cli.running.runner import Runner

    process.show_full_tracebacks(options.traceback)
    if options.slurm:
        _submit(stage, inputs, options, arguments)
        return
    Runner(importing, trial=_trial(stage)).run(
        stage,
        parse_words(inputs),
        ckpt_path=options.ckpt_path,
        weights_only=options.weights_only,
        safe=options.safe,
        allow=options.allow,
        check_first=not options.no_check,
        name=options.name,
        tags=options.tag or (),
        note=options.note,
        **arguments,
    )


def _submit(stage: str, inputs: Sequence[str], options: StageOptions, arguments: Mapping[str, Any]) -> None:
    from lighter_cli.inspecting.merged_inputs import load_merged
    from lighter_cli.slurm.stage_job import submit_stage
    from lighter_cli.terminal import output
    from lighter_cli.terminal.shown import shown_path
    from lighter_config import Stage

    config = load_merged(inputs, example=f"lighter {stage} config.yaml --slurm", are_errors_logged=False)
    job = submit_stage(
        Stage(stage),
        config,
        _words(options, arguments),
        ckpt_path=options.ckpt_path,
        check_first=not options.no_check,
        safe=options.safe,
        allow=options.allow or (),
    )
    rows: list[output.Line] = [
        [("job", output.HEADING), job.name],
        [("log", output.HEADING), shown_path(job.log)],
        [("to look", output.HEADING), f"squeue --jobs={job.name}; lighter runs list"],
        [("to stop", output.HEADING), f"scancel {job.name}"],
    ]
    output.write_lines(output.rows(rows, indent=0))


def _words(options: StageOptions, arguments: Mapping[str, Any]) -> list[str]:
    """Return the options of a stage that the job gets, too, as words."""
    flags = {
        "weights-only": options.weights_only,
        "safe": options.safe or None,
        "traceback": options.traceback or None,
        **{name.replace("_", "-"): value for name, value in arguments.items() if name != "defaults"},
    }
    words = [f"--{name}" if value else f"--no-{name}" for name, value in flags.items() if value is not None]
    texts = [("name", options.name), ("note", options.note), *(("tag", tag) for tag in options.tag or ())]
    texts += [("allow", name) for name in options.allow or ()]
    return words + [word for name, value in texts if value is not None for word in (f"--{name}", value)]
