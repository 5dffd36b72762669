"""Loggers of Lightning for trackers that have none."""

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only


class _OwnLogger(Logger):
    """A project and the name of a run."""

    def __init__(self, project: str, name: str) -> None:
        super().__init__()
        self._project = project
        self._name = name

    @property
    def name(self) -> str:
        """Return the project."""
        return self._project

    @property
    def version(self) -> str:
        """Return the name of the run."""
        return self._name


class ClearMLLogger(_OwnLogger):
    """Report each number under its first word as the title."""

    _task: Any = None

    def _started(self) -> Any:
        if self._task is None:
            from clearml import Task

            Task.set_random_seed(None)  # else `init` gives all random generators a seed of its own
            self._task = Task.init(self._project, self._name, reuse_last_task_id=False, auto_connect_frameworks=False)
        return self._task

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        """Show the config with the task."""
        self._started().connect(dict(params), name="config")

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Report the numbers of a step."""
        for name, value in metrics.items():
            self._started().get_logger().report_scalar(name.partition("/")[0], name, value, iteration=step or 0)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is still in memory."""
        if self._task is not None:
            self._task.close()
            self._task = None


class TrackioLogger(_OwnLogger):
    """Keep each number in the database of trackio on this machine."""

    _run: Any = None

    @rank_zero_only
    def log_hyperparams(self, params: Mapping[str, Any]) -> None:
        """Begin a run that has the config."""
        import trackio

        self._run = trackio.init(self._project, name=self._name, config=dict(params), embed=False)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Store the numbers of a step."""
        if self._run is None:
            self.log_hyperparams({})
        self._run.log(dict(metrics), step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is still in memory."""
        if self._run is not None:
            self._run.finish()
            self._run = None
