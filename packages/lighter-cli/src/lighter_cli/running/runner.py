"""The experiment as a flat list of steps: the one road from words to a ``Trainer`` method."""

import logging
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from lighter_cli.distributed.slurm_restart import checkpoint_of_restarted_job
from lighter_cli.running.preparation import prepare
from lighter_cli.running.start_checkpoint import cannot_be_loaded, find_checkpoint, handed_to_ranks
from lighter_cli.runs.inputs import experiment_files, experiment_overrides, recorded_runs, what_changed
from lighter_config import DEFAULT_CHECKS, Config, Finding, SourceError, Stage, load, parse_sources
from lighter_config.checks.checkpoint_files import check_checkpoint_files

if TYPE_CHECKING:
    from lighter_cli.running.build import Experiment

_logger = logging.getLogger(__name__)


class Runner:
    """Run a stage of an experiment, as the command line does.

    Args:
        importing: What torch, Lightning and the rest that a stage needs are imported in.

    Attributes:
        experiment: The trainer, model and data of the stage that ran last; ``None`` before.

    >>> Runner().run("fit", ["exp.yaml", "trainer::max_epochs=3"])  # doctest: +SKIP
    """

    def __init__(self, importing: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self.experiment: Experiment | None = None
        self._importing = importing

    def run(
        self,
        stage: str,
        inputs: Config | Sequence[str | os.PathLike[str] | Mapping[str, Any]],
        *,
        ckpt_path: str | os.PathLike[str] | None = None,
        check_first: bool = True,
        safe: bool = False,
        allow: Sequence[str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Load a config, check it, build what the stage needs, and run it.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.
            inputs: Config files, runs, checkpoints, overrides and mappings, later ones win; or a loaded config.
            ckpt_path: ``last``, ``best`` or a file to start from.
            check_first: Look for every mistake before anything is built.
            safe: Refuse targets that are not on the list of ``--safe``, and expressions that do more than arithmetic
                and calls on what they refer to. Fewer accidents, not a sandbox.
            allow: Packages and callables to add to that list.
            defaults: Arguments of the Trainer's method that ``args::<stage>`` may change.
            options: Arguments of the Trainer's method that beat ``args::<stage>``; ``None`` counts as not given.

        Returns:
            What Lightning returns: ``None`` for fit, a list of metrics for validate and test, predictions for predict.

        Raises:
            ConfigError: The config cannot be used; its ``findings`` say everything that is wrong.
            ValueError: There is no such stage.
        """
        stage = Stage(stage)
        if not inputs:
            raise SourceError(
                Finding(message=f"there is nothing to {stage}", fix=f"name a config: lighter {stage} config.yaml")
            )
        config = inputs if isinstance(inputs, Config) else load(parse_sources(inputs))
        runs = recorded_runs(config)
        # a file that the option or a run among the words replaces may be gone
        is_replaced = ckpt_path is not None or bool(runs)
        checks = [check for check in DEFAULT_CHECKS if not is_replaced or check is not check_checkpoint_files]
        prepared = prepare(config, stage, check_first=check_first, checks=checks, safe=safe, allow=allow or ())
        files, overrides = experiment_files(config, runs), experiment_overrides(config, runs)
        checkpoint = checkpoint_of_restarted_job(os.environ, files, overrides) if stage is Stage.FIT else None
        checkpoint = checkpoint or find_checkpoint(prepared.config, stage, option=ckpt_path, runs=runs)
        if checkpoint is not None and (changes := what_changed(checkpoint)):
            _logger.info("%s", changes)
        if checkpoint is None and stage is not Stage.FIT:
            _logger.warning("no --ckpt-path: the network keeps the weights that it is built with")

        # torch is imported from here on; what the config alone shows has been said above
        with self._importing():
            from lighter_cli.distributed.rank_failures import ending_together
            from lighter_cli.distributed.slurm_requeue import requeuing
            from lighter_cli.running.build import build, seeded
            from lighter_cli.runs.recorder import ConfigRecorder
            from lighter_cli.runs.request import Request

        with seeded(prepared.seed), handed_to_ranks(checkpoint):
            self.experiment = experiment = build(prepared.config)
            arguments = {
                "weights_only": True,
                **(defaults or {}),
                **prepared.config.resolve(f"args::{stage}", default={}),
                **({"weights_only": True} if safe else {}),
                **{name: value for name, value in options.items() if value is not None},
                "ckpt_path": checkpoint,
            }
            request = Request(
                stage=stage,
                config=config,
                files=files,
                overrides=overrides,
                options=arguments,
                seed=prepared.seed,
                project=prepared.project.folder if prepared.project is not None else None,
            )
            trainer, recorder = experiment.trainer, ConfigRecorder(request)
            with (
                requeuing(trainer, recorder.folder(trainer)),
                recorder.recording(trainer),
                ending_together(trainer, checkpoint, abandon=partial(recorder.abandon, trainer)),
            ):
                method = getattr(trainer, stage)
                try:
                    return method(experiment.model, datamodule=experiment.datamodule, **arguments)
                except pickle.UnpicklingError as error:
                    raise cannot_be_loaded(str(checkpoint), error) from error
