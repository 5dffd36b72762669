"""The result of a fit from Python, which shows itself as text and in a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lighter_cli.runs.html import metrics_html, run_html
from lighter_cli.runs.run import Run

_OF_OPTIMIZERS = "/optimizer/"


@dataclass(frozen=True, slots=True, repr=False)
class FitResult:
    """The result of a fit.

    Attributes:
        run: The record of the fit; ``None`` if it has none, as with ``fast_dev_run`` and on other ranks than zero.
        metrics: The last value of each metric.
    """

    run: Run | None
    metrics: Mapping[str, float]

    @property
    def best_metrics(self) -> Mapping[str, float]:
        """The metrics when the best checkpoint was saved; empty without one."""
        return {} if self.run is None else self.run.best_metrics

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """One mapping for each epoch: ``epoch``, ``step``, ``time_s``, and each metric that it logged."""
        return [] if self.run is None else self.run.history

    @property
    def best_epoch(self) -> int | None:
        """The epoch in which the best checkpoint was saved, from 0; ``None`` without one."""
        return None if self.run is None else self.run.best_epoch

    @property
    def best_checkpoint(self) -> Path | None:
        """The best checkpoint; ``None`` if the fit monitored nothing."""
        return None if self.run is None else self.run.best_checkpoint

    @property
    def last_checkpoint(self) -> Path | None:
        """The last checkpoint; ``None`` if the fit saved none."""
        return None if self.run is None else self.run.last_checkpoint

    def __repr__(self) -> str:
        title = "fit without a record" if self.run is None else f"fit {self.run.id}, {self.run.status}"
        best = "" if self.best_epoch is None else f", best in epoch {self.best_epoch}"
        names = sorted(name for name in self.metrics if _OF_OPTIMIZERS not in name)
        width = max(map(len, names), default=0)
        return "\n".join([title + best, *(f"{name:<{width}}  {self._values(name)}" for name in names)])

    def _values(self, name: str) -> str:
        best = f" ({self.best_metrics[name]:.6g} at the best checkpoint)" if name in self.best_metrics else ""
        return f"{self.metrics[name]:.6g}{best}"

    def _repr_html_(self) -> str:
        return metrics_html("fit without a record", self.metrics) if self.run is None else run_html(self.run)
