"""``lighter fit``, ``validate``, ``test`` and ``predict``: run a stage of an experiment."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.terminal import process, standard_input

Words = Annotated[
    str,
    Parameter(
        help="Config files, and overrides such as trainer::max_epochs=3; later ones win. '-' reads standard input."
    ),
]
CkptPath = Annotated[
    str | None,
    Parameter(name=["--ckpt-path", "--ckpt_path"], help="The checkpoint to start from: last, best or a file."),
]
WeightsOnly = Annotated[
    bool | None,
    Parameter(help="Load tensors and plain values alone from the checkpoint; --no-weights-only unpickles any object."),
]
Verbose = Annotated[bool | None, Parameter(help="Print the table of results.")]
ReturnPredictions = Annotated[
    bool | None, Parameter(help="Keep all predictions in memory; off by default, writers store them as they come.")
]
NoCheck = Annotated[
    bool,
    Parameter(name="--no-check", negative=(), show_default=False, help="Do not look for mistakes in the config first."),
]
Safe = Annotated[
    bool,
    Parameter(
        name="--safe",
        negative=(),
        show_default=False,
        help="Refuse targets outside a list, and expressions beyond arithmetic and calls on values. Not a sandbox.",
    ),
]
Allow = Annotated[
    list[str] | None,
    Parameter(
        name="--allow", negative=(), help="With --safe: allow this callable or package too; may be given several times."
    ),
]
Traceback = Annotated[
    bool, Parameter(name="--traceback", negative=(), show_default=False, help="Show every frame when something fails.")
]


def fit(
    *words: Words,
    ckpt_path: CkptPath = None,
    weights_only: WeightsOnly = None,
    safe: Safe = False,
    allow: Allow = None,
    no_check: NoCheck = False,
    traceback: Traceback = False,
) -> None:
    """Train, validating along the way."""
    _run("fit", words, ckpt_path, no_check, traceback, safe=safe, allow=allow, weights_only=weights_only)


def validate(
    *words: Words,
    ckpt_path: CkptPath = None,
    weights_only: WeightsOnly = None,
    verbose: Verbose = None,
    safe: Safe = False,
    allow: Allow = None,
    no_check: NoCheck = False,
    traceback: Traceback = False,
) -> None:
    """Evaluate on the validation data."""
    _run(
        "validate",
        words,
        ckpt_path,
        no_check,
        traceback,
        safe=safe,
        allow=allow,
        weights_only=weights_only,
        verbose=verbose,
    )


def test(
    *words: Words,
    ckpt_path: CkptPath = None,
    weights_only: WeightsOnly = None,
    verbose: Verbose = None,
    safe: Safe = False,
    allow: Allow = None,
    no_check: NoCheck = False,
    traceback: Traceback = False,
) -> None:
    """Evaluate on the test data."""
    _run(
        "test",
        words,
        ckpt_path,
        no_check,
        traceback,
        safe=safe,
        allow=allow,
        weights_only=weights_only,
        verbose=verbose,
    )


def predict(
    *words: Words,
    ckpt_path: CkptPath = None,
    weights_only: WeightsOnly = None,
    return_predictions: ReturnPredictions = None,
    safe: Safe = False,
    allow: Allow = None,
    no_check: NoCheck = False,
    traceback: Traceback = False,
) -> None:
    """Predict, for writers among the trainer's callbacks to store."""
    # nobody can use what a command returns, and keeping it would fill the memory
    defaults = {"return_predictions": False}
    options = {"weights_only": weights_only, "return_predictions": return_predictions}
    _run("predict", words, ckpt_path, no_check, traceback, safe=safe, allow=allow, defaults=defaults, **options)


def _run(
    stage: str, words: Sequence[str], ckpt_path: str | None, no_check: bool, traceback: bool, **options: Any
) -> None:
    from lighter_cli.running.gc_pause import gc_paused
    from lighter_cli.running.runner import Runner

    process.show_full_tracebacks(traceback)
    inputs = standard_input.restore(words)
    Runner(gc_paused).run(stage, inputs, ckpt_path=ckpt_path, check_first=not no_check, **options)
