"""Run a stage: a flat list of steps from the inputs to a method of the Trainer."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lighter_cli.project import make_search_path_importable
from lighter_cli.running.file_systems import only_storage
from lighter_cli.running.preparation import checks_for, prepare
from lighter_cli.running.start_checkpoint import (
    check_args_were_read,
    refuse_folder,
    shared_with_ranks,
    start_checkpoint,
)
from lighter_cli.runs.inputs import (
    experiment_files,
    experiment_overrides,
    record_with_code,
    recorded_runs,
    what_changed,
)
from lighter_cli.runs.labels import labels
from lighter_cli.runs.lookup import look_up_run
from lighter_cli.runs.trial import Trial
from lighter_cli.terminal.argument_names import spelled
from lighter_config import Config, Finding, Secrets, Source, SourceError, Stage, as_recorded, load

if TYPE_CHECKING:
    from lighter_cli.running.build import Experiment

_logger = logging.getLogger(__name__)

Input: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Config | Source
"""What an experiment is loaded from; a ``Run`` is a path."""

Inputs: TypeAlias = Input | Sequence[Input]


class Runner:
    """Run a stage of an experiment, as the command line does.

    Args:
        importing: Make the context manager in which torch and the rest that a stage needs are imported.
        trial: The trial of a sweep that the run is.

    Attributes:
        experiment: The trainer, model and data of the stage that ran last; ``None`` before.
        record_folder: The folder of its record. It exists only on rank zero, and not for a ``fast_dev_run``.

    >>> Runner().run("fit", ["exp.yaml", "trainer::max_epochs=3"])  # doctest: +SKIP
    """

    def __init__(
        self, importing: Callable[[], AbstractContextManager[None]] = nullcontext, trial: Trial | None = None
    ) -> None:
        self.experiment: Experiment | None = None
        self.record_folder: Path | None = None
        self._importing = importing
        self._trial = trial

    def run(
        self,
        stage: str,
        inputs: Inputs,
        *,
        ckpt_path: str | os.PathLike[str] | None = None,
        check_first: bool = True,
        safe: bool = False,
        allow: Sequence[str] | None = None,
        name: str | None = None,
        tags: Sequence[str] = (),
        note: str | None = None,
        defaults: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Load a config, check it, build what the stage needs, and run the stage.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.
            inputs: One input or several, later ones win: config files, runs (also their names and ids), checkpoints,
                overrides and mappings. The first can be a loaded config.
            ckpt_path: ``last``, ``best`` or a file to start from.
            check_first: Run the checks before anything is built.
            safe: Refuse targets that are not on the list of ``--safe``, and expressions that do more than arithmetic
                and calls on referenced objects. This reduces accidents; it is not a sandbox.
            allow: Packages and callables to add to that list.
            name: A name for the run, by which commands find it.
            tags: Tags of the run.
            note: A note about the run.
            defaults: Arguments of the Trainer's method that ``args::<stage>`` may change.
            options: Arguments of the Trainer's method that beat ``args::<stage>``; ``None`` counts as not given.

        Returns:
            What Lightning returns: ``None`` for fit, a list of metrics for validate and test, predictions for predict.

        Raises:
            ConfigError: The config cannot be used; its ``findings`` list every error.
            ValueError: The stage is unknown.
        """
        stage = Stage(stage)
        given = labels(name, tags, note)
        config = _load(inputs, stage)
        self.record_folder = None
        runs = recorded_runs(config)
        checks = checks_for(ckpt_path, runs)
        prepared = prepare(config, stage, check_first=check_first, checks=checks, safe=safe, allow=allow or ())
        checkpoint = start_checkpoint(prepared.config, stage, option=ckpt_path, runs=runs)
        if safe and options.get("weights_only") is not False:
            refuse_folder(checkpoint)
        project = prepared.project.folder if prepared.project is not None else None
        _log_start(checkpoint, stage, config, project)

        with self._importing():  # torch is imported here; all that the config alone shows has been reported
            from lighter_cli.running.build import build, import_lightning, seeded
            from lighter_cli.running.trainer_call import call_trainer, make_recorder
            from lighter_cli.runs.request import Request

            import_lightning(prepared.config)
        make_search_path_importable()

        with seeded(prepared.seed), shared_with_ranks(checkpoint), only_storage() if safe else nullcontext():
            self.experiment = build(prepared.config)
            args = stage_args(prepared.config, stage, option=ckpt_path)
            request = Request(
                stage=stage,
                config=as_recorded(config, seed=prepared.seed, seed_from=prepared.seed_from),
                secrets=Secrets(config),
                files=experiment_files(config, runs),
                overrides=experiment_overrides(config, runs),
                options=method_arguments(checkpoint, options=options, safe=safe, args=args, defaults=defaults or {}),
                seed=prepared.seed,
                project=project,
                labels=given,
                trial=self._trial,
            )
            recorder = make_recorder(self.experiment.trainer, request)
            self.record_folder = recorder.folder(self.experiment.trainer)
            return call_trainer(self.experiment, request, recorder)


def method_arguments(
    checkpoint: str | None,
    *,
    options: Mapping[str, Any],
    safe: bool,
    args: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the arguments of the Trainer's method. Of several values, the first in this order is used:

    1. ``ckpt_path`` is always the checkpoint found, even if that is ``None``.
    2. ``options``: flags of the command line, or keywords in Python. ``None`` counts as not given.
    3. ``--safe`` sets ``weights_only=True``.
    4. ``args``: the section ``args::<stage>`` of the config.
    5. ``defaults``: what the command changes of Lightning's defaults.
    6. ``weights_only=True``: Lightning's own default depends on where the checkpoint is.
    """
    return {
        "weights_only": True,
        **defaults,
        **args,
        **({"weights_only": True} if safe else {}),
        **{name: value for name, value in options.items() if value is not None},
        "ckpt_path": checkpoint,
    }


def stage_args(config: Config, stage: Stage, *, option: str | os.PathLike[str] | None = None) -> Mapping[str, Any]:
    """Build the arguments of the Trainer's method; `args`, or those of the stage, may be a reference or expression.

    Raises:
        SourceError: One of them is not a mapping.
        CheckpointError: Their ``ckpt_path`` became known after the search for a checkpoint.
    """
    given: Any = config.resolve("args", default=None)
    for path, expected in (
        ("args", "the arguments of each stage"),
        (f"args::{stage}", f"arguments of Trainer.{stage}"),
    ):
        if path != "args":
            given = given.get(stage)
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise SourceError(
                Finding(
                    message=f"{path} must be a mapping, is {given!r}",
                    path=path,
                    place=config.place(path),
                    excerpt=config.excerpt(path),
                    expected=(expected,),
                )
            )
    args: Mapping[str, Any] = given
    if option is None:  # it beats `args`
        check_args_were_read(config, stage, args)
    return args


def _load(inputs: Inputs, stage: Stage) -> Config:
    if not inputs:
        raise SourceError(Finding(message="no config given", fix=f"name one: lighter {stage} config.yaml"))
    return inputs if isinstance(inputs, Config) else load(inputs, look_up_run=look_up_run)


def _log_start(checkpoint: str | None, stage: Stage, config: Config, project: Path | None) -> None:
    record = record_with_code(config, checkpoint)
    if checkpoint is not None and (changes := what_changed(checkpoint, project, are_files_compared=record is not None)):
        _logger.warning("%s", changes)
    if record is not None:
        from lighter_cli.code.comparison import changes_since  # most stages start from no run

        for change in changes_since(record, project):
            _logger.warning("%s", change)
    if checkpoint is None and stage is not Stage.FIT:
        _logger.warning("no %s: the network keeps its initial weights", spelled("--ckpt-path", "ckpt_path"))
