"""Use an experiment in a notebook: read its config, check it, build its objects, run its stages."""

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.project import make_search_path_importable
from lighter_cli.running.file_systems import only_storage
from lighter_cli.running.fit_result import FitResult
from lighter_cli.running.preparation import checks_for, find_mistakes, prepare
from lighter_cli.running.runner import Input, Runner
from lighter_cli.running.start_checkpoint import refuse_folder, start_checkpoint
from lighter_cli.runs.inputs import recorded_runs
from lighter_cli.runs.lookup import look_up_run
from lighter_cli.runs.run import Run, run_of
from lighter_config import RECORD_FILE, Config, Finding, Secrets, Stage, load, parse_sources
from lighter_config.regular_files import is_regular

if TYPE_CHECKING:
    from lighter_cli.running.build import Experiment


def load_experiment(*inputs: Input) -> "LoadedExperiment":
    """Load an experiment as the commands do, without building anything or changing the process.

    Args:
        inputs: Config files, runs (also their names and ids), checkpoints, overrides and mappings; later ones win.
            The first can be a loaded config.

    Raises:
        ConfigError: The inputs do not make a config.

    >>> experiment = load_experiment({"trainer": {"_target_": "pytorch_lightning.Trainer"}}, "trainer::max_epochs=3")
    >>> experiment.config.get("trainer::max_epochs")
    3
    """
    return LoadedExperiment(load(inputs, look_up_run=look_up_run))


class LoadedExperiment:
    """A config, with the commands as methods.

    Attributes:
        config: The merged config.
        built: The trainer, model and data of the stage that ran last here; ``None`` before.
        last_run: The record of that stage, also if it failed or was interrupted; ``None`` if there is none.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.built: Experiment | None = None
        self.last_run: Run | None = None

    def __repr__(self) -> str:
        words = Secrets(self.config).masked.words  # a notebook keeps what it shows
        sections = ", ".join(str(section) for section in self.config.tree)
        return f"<experiment {shlex.join(words)}: {sections}>"

    def override(self, *inputs: str | os.PathLike[str] | Mapping[str, Any]) -> "LoadedExperiment":
        """Return a new experiment with more inputs, which win; this one stays as it is, and no file is read again.

        Args:
            inputs: Overrides, mappings, config files.

        Raises:
            ConfigError: The inputs do not make a config, or do not fit this one.

        >>> experiment = load_experiment({"vars": {"lr": 0.1}, "lr": "@vars::lr"})
        >>> experiment.override("vars::lr=1e-2").config.get("vars::lr"), experiment.config.get("vars::lr")
        (0.01, 0.1)
        """
        return LoadedExperiment(load([self.config, *parse_sources(inputs, look_up_run=look_up_run)]))

    def check(self, stage: str | None = None) -> list[Finding]:
        """Return the errors, warnings and notes about the config, without importing or building anything.

        Args:
            stage: Also report what this stage lacks.
        """
        return find_mistakes(self.config, None if stage is None else Stage(stage))

    def build(self, stage: str, *, safe: bool = False, allow: Sequence[str] = ()) -> "Experiment":
        """Check the config and build new objects of what a stage uses, seeded as in the stage.

        The model has the weights of the checkpoint that the stage would start from: one among the inputs, that of a
        run among them, or ``args::<stage>::ckpt_path``. The optimizer's state stays in the checkpoint.

        Args:
            stage: ``fit``, ``validate``, ``test`` or ``predict``.
            safe: Refuse targets that are not on the list of ``--safe``, and expressions that do more than arithmetic
                and calls on referenced objects. This reduces accidents; it is not a sandbox.
            allow: Packages and callables to add to that list.

        Returns:
            The objects: ``trainer``, ``model`` and ``datamodule``.

        Raises:
            ConfigError: The config or the checkpoint cannot be used.
        """
        runs = recorded_runs(self.config)
        prepared = prepare(self.config, Stage(stage), checks=checks_for(None, runs), safe=safe, allow=allow)
        checkpoint = start_checkpoint(prepared.config, Stage(stage), runs=runs)
        if safe:
            refuse_folder(checkpoint)
        from lighter_cli.running.build import build, seeded
        from lighter_cli.running.checkpoint_weights import load_checkpoint_weights

        make_search_path_importable()
        with seeded(prepared.seed), only_storage() if safe else nullcontext():
            experiment = build(prepared.config)
        if checkpoint is not None:
            load_checkpoint_weights(experiment.model, checkpoint)
        return experiment

    def fit(self, **options: Any) -> FitResult:
        """Train; the options are those of ``Runner.run``."""
        self._run("fit", options)
        if self.last_run is not None:
            return FitResult(self.last_run, self.last_run.metrics)
        from lighter_cli.runs.metric_values import numbers

        assert self.built is not None
        return FitResult(None, numbers(self.built.trainer.callback_metrics))

    def validate(self, **options: Any) -> Any:
        """Evaluate on the validation data, and return the list of metrics; the options are those of ``Runner.run``."""
        return self._run("validate", options)

    def test(self, **options: Any) -> Any:
        """Evaluate on the test data, and return the list of metrics; the options are those of ``Runner.run``."""
        return self._run("test", options)

    def predict(self, **options: Any) -> Any:
        """Predict, and return the predictions; the options are those of ``Runner.run``."""
        return self._run("predict", options)

    def _run(self, stage: str, options: Mapping[str, Any]) -> Any:
        runner = Runner()
        try:
            return runner.run(stage, self.config, **options)
        finally:
            self.built, self.last_run = runner.experiment, _recorded(runner.record_folder)


def _recorded(folder: Path | None) -> Run | None:
    return run_of(folder) if folder is not None and is_regular(folder / RECORD_FILE) else None
