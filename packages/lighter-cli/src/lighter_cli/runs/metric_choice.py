"""Choose the metrics of a run that a table shows."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

NUM_SHOWN = 4

_STEP = ("/step", "_step")
_OPTIMIZER = ("train/optimizer/", "lr-")


def metrics_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metrics at the best checkpoint of the run that a record is of; without one, the last ones."""
    at_best = content.get("at_best")
    return at_best["metrics"] if at_best else content["metrics"]  # type: ignore[no-any-return]


def chosen_metrics(content: Mapping[str, Any]) -> dict[str, float]:
    """Return the few metrics of a record that a table shows, the monitored one first.

    Values of single steps, and what optimizers are set to, are left out.
    """
    metrics = {name: value for name, value in metrics_of(content).items() if type(value) in (int, float)}
    monitor = content.get("monitor", {}).get("name")
    chosen = in_order(metrics, [monitor])
    return {name: metrics[name] for name in chosen[:NUM_SHOWN]}


def in_order(names: Iterable[str], monitors: Collection[str | None]) -> list[str]:
    """Return the names of metrics that a table shows: those monitored, those of test and validation data, the rest."""
    ordered = sorted(names, key=lambda name: (name not in monitors, not name.startswith(("test", "val"))))
    return [name for name in ordered if name in monitors or not (name.endswith(_STEP) or name.startswith(_OPTIMIZER))]
