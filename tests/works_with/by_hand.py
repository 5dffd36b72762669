"""The numbers and predictions of a recipe, without Lighter's logging and without Lightning's loops."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lighter_cli.running.loaded_experiment import LoadedExperiment


@dataclass(frozen=True, slots=True)
class ByHand:
    """Values by the names under which they are logged, and the prediction of each sample."""

    values: dict[str, float]
    preds: list[Any]


def by_hand(experiment: LoadedExperiment, checkpoint: Path) -> ByHand:
    """Validate the network of a checkpoint: mean loss over the samples, metrics over all samples at once."""
    system = experiment.build("validate").model
    system.load_state_dict(torch.load(checkpoint, weights_only=True)["state_dict"])
    system.eval()
    return _of_system(experiment, system)


def _of_system(experiment: LoadedExperiment, system: Any) -> ByHand:
    adapters = system._adapters["val"]
    sums: dict[str, float] = {}
    preds, targets, inputs, count = [], [], [], 0
    with torch.no_grad():
        for batch in system.dataloaders["val"]:
            input, target, _ = adapters["batch"](batch)
            pred = system.network(input) if system.inferer is None else system.inferer(input, system.network)
            loss = adapters["criterion"](system.criterion, input, target, pred)
            for term, value in (loss if isinstance(loss, dict) else {"total": loss}).items():
                sums[term] = sums.get(term, 0.0) + float(value) * len(pred)
            inputs, targets, preds, count = [*inputs, input], [*targets, target], [*preds, *pred], count + len(pred)
    values = {f"val/loss/{term}/epoch": value / count for term, value in sums.items()}
    values["val/loss/epoch"] = sums["total"] / count
    if len(sums) == 1:
        del values["val/loss/total/epoch"]
    for name, metric in (experiment.config.resolve("system::metrics::val") if system.val_metrics else {}).items():
        adapters["metrics"](metric, *(_joined(parts) for parts in (inputs, targets)), torch.stack(preds))
        found = metric.aggregate() if hasattr(metric, "aggregate") else metric.compute()
        values[f"val/metrics/{name}/epoch"] = float(found)
    return ByHand(values, preds)


def _joined(parts: list[Any]) -> Any:
    return torch.cat(parts) if isinstance(parts[0], torch.Tensor) else parts
