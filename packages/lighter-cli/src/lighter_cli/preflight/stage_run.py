"""Build and run one stage of a rehearsal."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter import Mode
from lighter_cli.checking.seeds import find_seed
from lighter_cli.lightning_package import class_beside, derived, is_sigterm
from lighter_cli.preflight.failures import Parts, loader_of
from lighter_cli.preflight.measures import StageMeasures
from lighter_cli.preflight.network_calls import Labels, NetworkCalls
from lighter_cli.preflight.observer import StageObserver
from lighter_cli.running.build import Experiment, build, seeded
from lighter_cli.running.file_systems import only_storage
from lighter_cli.running.first_error import raising_the_first_error
from lighter_cli.running.monitor_check import checking_monitors
from lighter_cli.running.runner import method_arguments, stage_args
from lighter_cli.running.start_checkpoint import cannot_be_loaded
from lighter_cli.running.trainer_call import quiet_about_fit, remove_finders
from lighter_config import Config, Stage, prune
from lighter_config.signatures import SignatureReader

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_NO_PREDICTIONS = {Stage.PREDICT: {"return_predictions": False}}
_QUIET = {Stage.VALIDATE: {"verbose": False}, Stage.TEST: {"verbose": False}}


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The config of a rehearsal, and what its stages share.

    Attributes:
        config: The config that is built: with the words of the rehearsal.
        written: The config as the user wrote it, for places.
        limits: The user's own limits of batches, by mode.
        folder: The temporary folder.
        reader: Reads signatures.
        parts: What was built, by path.
        is_safe: Whether ``--safe`` was given.
    """

    config: Config
    written: Config
    limits: Mapping[str, Any]
    folder: Path
    reader: SignatureReader
    parts: Parts
    is_safe: bool = False


@dataclass(slots=True)
class StageRun:
    """How a stage went.

    Attributes:
        stage: The stage.
        left_out: Why it was not run; empty if it was.
        error: What it raised.
        seen: What was measured.
        used_checkpoint: Whether it loaded the checkpoint of the fit.
    """

    stage: Stage
    left_out: str = ""
    error: BaseException | None = None
    seen: StageMeasures | None = None
    used_checkpoint: bool = False

    @property
    def is_started(self) -> bool:
        """Whether its loop began."""
        return self.seen is not None and self.seen.is_started

    @property
    def failed_to_load(self) -> bool:
        """Whether it failed where a checkpoint is loaded: after building, and before its loop."""
        return self.error is not None and self.used_checkpoint and not self.is_started


def run_stage(stage: Stage, rehearsed: Rehearsed, checkpoint: Path | None) -> StageRun:
    """Build a stage anew and run it; what it raises is kept, except when the user or the system ends the process.

    Args:
        stage: The stage.
        rehearsed: What to run.
        checkpoint: The checkpoint to load.

    Raises:
        KeyboardInterrupt: The user ended it.
        SystemExit: A SIGTERM did.
    """
    run = StageRun(stage)
    pruned = prune(rehearsed.config, stage, rehearsed.reader)
    observer: StageObserver | None = None
    try:
        with seeded(find_seed(pruned)), only_storage() if rehearsed.is_safe else nullcontext():
            experiment = _built(pruned, rehearsed)
            trainer = experiment.trainer
            run.left_out = _lacking(stage, experiment, stage_args(pruned, stage))
            if run.left_out:
                return run
            observer = derived(StageObserver, trainer, "Callback")(
                stage, rehearsed.written, rehearsed.limits, rehearsed.folder
            )
            run.seen = observer.seen
            run.used_checkpoint = checkpoint is not None
            _call(stage, pruned, experiment, observer, checkpoint, rehearsed)
    except BaseException as error:
        interruption = observer.seen.interruption if observer is not None else None
        if isinstance(error, KeyboardInterrupt) or isinstance(interruption, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        if is_sigterm(error):
            raise
        run.error = error
    finally:
        rehearsed.parts.add(pruned)
    return run


def _built(pruned: Config, rehearsed: Rehearsed) -> Experiment:
    try:
        experiment = build(pruned)
    finally:
        rehearsed.parts.add(pruned)  # for who writes what, while it runs
    return experiment


def _call(
    stage: Stage,
    pruned: Config,
    experiment: Experiment,
    observer: StageObserver,
    checkpoint: Path | None,
    rehearsed: Rehearsed,
) -> None:
    trainer, model = experiment.trainer, experiment.model
    file = None if checkpoint is None else str(checkpoint)
    arguments = method_arguments(
        file,
        options={},
        safe=rehearsed.is_safe,
        args=stage_args(pruned, stage),
        defaults=_NO_PREDICTIONS.get(stage, _QUIET.get(stage, {})),
    )
    remove_finders(trainer)
    _without_display(trainer)
    if stage is Stage.FIT:
        observer.seen.epochs = epochs_of(trainer)
        trainer.fit_loop.max_epochs = 1  # not by a word: other values of the config may refer to it
    trainer.callbacks.append(observer)  # type: ignore[attr-defined]
    NetworkCalls(model, lambda: labels_of(Mode.of(trainer), rehearsed.written), observer.seen.findings.append)
    with (
        checking_monitors(trainer, rehearsed.written) if stage is Stage.FIT else quiet_about_fit(),
        raising_the_first_error(trainer),
    ):
        try:
            getattr(trainer, stage)(model, datamodule=experiment.datamodule, **arguments)
        except pickle.UnpicklingError as error:
            raise cannot_be_loaded(str(checkpoint), error) from error


def epochs_of(trainer: Trainer) -> int | None:
    """Return the epochs that a whole fit has at most; ``None`` without a limit."""
    epochs = trainer.max_epochs
    return epochs if epochs is not None and epochs >= 0 else None


def labels_of(mode: Any, config: Config) -> Labels:
    """Return where the loader of a mode and the criterion are in a config."""
    expanded = config.expanded()
    criteria = ("system::criterion", "model::criterion", "system", "model")
    criterion = next((path for path in criteria if expanded.has(path)), "")
    return Labels(str(mode), loader_of(str(mode), config), criterion)


def _without_display(trainer: Trainer) -> None:
    """Remove bars and summaries: four stages of them say less than the report."""
    if trainer.progress_bar_callback is not None:
        trainer.progress_bar_callback.disable()
    summary = class_beside(trainer, "callbacks.ModelSummary")
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [callback for callback in callbacks if not isinstance(callback, summary)]


def _lacking(stage: Stage, experiment: Experiment, arguments: Mapping[str, Any]) -> str:
    """Return why a stage cannot run with what was built: no data, or no step; empty if it has both."""
    base = class_beside(experiment.trainer, "LightningModule")
    mode = stage.modes[0]
    loader, step = f"{mode}_dataloader", {"val": "validation_step", "train": "training_step"}.get(mode, f"{mode}_step")
    given = arguments.get("train_dataloaders" if stage is Stage.FIT else "dataloaders")
    holders = [one for one in (experiment.datamodule, experiment.model) if one is not None]
    if given is None and not any(_defines(one, loader, base) for one in holders):
        return f"there is no {loader}"
    if step != "predict_step" and not _defines(experiment.model, step, base):
        return f"the model has no {step}"
    return ""


def _defines(holder: Any, name: str, base: type) -> bool:
    method = getattr(holder, name, None)
    return method is not None and getattr(method, "__func__", method) is not getattr(base, name)
