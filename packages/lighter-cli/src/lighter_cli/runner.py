"""The experiment as a flat list of steps: the one road from words to a ``Trainer`` method."""

import logging
import os
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

from lighter_cli.checkpoints import cannot_be_loaded, find_checkpoint, handed_to_ranks
from lighter_cli.project import locate_project, make_importable
from lighter_cli.seeds import find_seed
from lighter_config import (
    DEFAULT_CHECKS,
    CheckError,
    Finding,
    Severity,
    SignatureReader,
    SourceError,
    Stage,
    check,
    load,
    parse_sources,
    prune,
)
from lighter_config.checks.checkpoint_files import check_checkpoint_files

_logger = logging.getLogger(__name__)

_LEVELS = {Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.NOTE: logging.INFO}


class Runner:
    """Run a stage of an experiment, as the command line does.

    >>> Runner().run("fit", ["exp.yaml", "trainer::max_epochs=3"])  # doctest: +SKIP
    """

    def run(
        self,
        stage: str,
        inputs: Sequence[str | os.PathLike[str] | Mapping[str, Any]],
        *,
        ckpt_path: str | os.PathLike[str] | None = None,
        check_first: bool = True,
        defaults: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        """Load a config, check it, build what the stage needs, and run it.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.
            inputs: Config files, overrides and mappings; later ones win.
            ckpt_path: ``last``, ``best`` or a file to start from.
            check_first: Look for every mistake before anything is built.
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
        config = load(parse_sources(inputs))
        project = locate_project(config)
        reader = SignatureReader(project=project.folder if project is not None else None)
        _report(project.notes if project is not None else ())
        checks = [one for one in DEFAULT_CHECKS if ckpt_path is None or one is not check_checkpoint_files]
        _report(_without_errors(check(config, stage, reader=reader, checks=checks)) if check_first else config.notes)
        pruned = prune(config, stage, reader)
        if project is not None:
            make_importable(project)
        seed = find_seed(pruned)
        checkpoint = find_checkpoint(pruned, stage, option=ckpt_path)
        if checkpoint is None and stage is not Stage.FIT:
            _logger.warning("no --ckpt-path: the network keeps the weights that it is built with")

        # torch is imported from here on; what the config alone shows has been said above
        from lighter_cli.build import build, seeded
        from lighter_cli.record import ConfigRecorder, Request

        with seeded(seed), handed_to_ranks(checkpoint):
            experiment = build(pruned)
            arguments = {
                "weights_only": True,
                **(defaults or {}),
                **pruned.resolve(f"args::{stage}", default={}),
                **{name: value for name, value in options.items() if value is not None},
                "ckpt_path": checkpoint,
            }
            request = Request(
                stage=stage,
                config=config,
                words=[str(word) for word in inputs],
                options=arguments,
                seed=seed,
                project=project.folder if project is not None else None,
            )
            with ConfigRecorder(request).recording(experiment.trainer):
                method = getattr(experiment.trainer, stage)
                try:
                    return method(experiment.model, datamodule=experiment.datamodule, **arguments)
                except pickle.UnpicklingError as error:
                    raise cannot_be_loaded(str(checkpoint), error) from error


def _without_errors(findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return the findings when none stops the run.

    Raises:
        CheckError: At least one is an error; all are in it.
    """
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise CheckError(*findings)
    return findings


def _report(findings: Sequence[Finding]) -> None:
    for finding in findings:
        _logger.log(_LEVELS[finding.severity], "%s", finding)
