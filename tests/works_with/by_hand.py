"""The numbers and predictions of a recipe, without Lighter's logging and without Lightning's loops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lighter_cli.running.loaded_experiment import LoadedExperiment


@dataclass(slots=True)
class ByHand:
    """Values by the names under which they are logged, and the prediction of each sample."""

    values: dict[str, float] = field(default_factory=dict)
    preds: list[Any] = field(default_factory=list)


def by_hand(library: str, experiment: LoadedExperiment, checkpoint: Path) -> ByHand:
    """Validate the network of a checkpoint: mean loss over the samples, metrics over all samples at once."""
    built = experiment.build("validate")
    built.model.load_state_dict(torch.load(checkpoint, weights_only=False)["state_dict"])
    built.model.eval()
    with torch.no_grad():
        return OTHERS.get(library, _of_system)(experiment, built)


def _of_system(experiment: LoadedExperiment, built: Any) -> ByHand:
    system, adapters, found = built.model, built.model._adapters["val"], ByHand()
    sums: dict[str, float] = {}
    inputs, targets = [], []
    for batch in system.dataloaders["val"]:
        input, target, _ = adapters["batch"](batch)  # noqa: A001  # the name of the role
        pred = system.network(input) if system.inferer is None else system.inferer(input, system.network)
        loss = adapters["criterion"](system.criterion, input, target, pred)
        for term, value in (loss if isinstance(loss, dict) else {"": loss}).items():
            sums[term] = sums.get(term, 0.0) + float(value) * len(pred)
        inputs, targets, found.preds = [*inputs, input], [*targets, target], [*found.preds, *pred]
    for term, value in sums.items():
        found.values[f"val/loss/{term}/epoch".replace("//", "/")] = value / len(found.preds)
    if "total" in sums:
        found.values["val/loss/epoch"] = found.values["val/loss/total/epoch"]
    roles = (_joined(inputs), _joined(targets), torch.stack(found.preds))
    metrics = experiment.config.resolve("system::metrics::val") if system.val_metrics else {}
    for name, (metric, parts) in _with_parts(metrics).items():
        is_of_monai = hasattr(metric, "aggregate")
        update = metric if is_of_monai else partial(_update, metric, parts)
        adapters["metrics"](update, *roles)
        value = metric.aggregate() if is_of_monai else metric.compute()
        found.values[f"val/metrics/{name}/epoch"] = float(value)
    return found


Parts = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]


def _with_parts(metrics: Mapping[str, Any]) -> dict[str, tuple[Any, Parts]]:
    """Return each metric under the name with which it is logged, and what it takes of pred and target."""
    named: dict[str, tuple[Any, Parts]] = {}
    for name, entry in metrics.items():
        if not isinstance(entry, Mapping):
            named[name] = entry, (_whole, _whole)
            continue
        parts = entry.get("pred", _whole), entry.get("target", _whole)
        if isinstance(entry["metric"], Mapping):
            named |= {f"{name}/{key}": (metric, parts) for key, metric in entry["metric"].items()}
        else:
            named[name] = entry["metric"], parts
    return named


def _whole(value: Any) -> Any:
    return value


def _update(metric: Any, parts: Parts, *given: Any, **named: Any) -> None:
    metric.update(*(part(value) for value, part in zip(given, parts, strict=True) if part is not None), **named)


def _joined(parts: list[Any]) -> Any:
    """Join the batches of one role, also where they are mappings of tensors."""
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(parts)
    if type(parts[0]) is dict:
        return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
    return parts


def _of_diffusers(experiment: LoadedExperiment, built: Any) -> ByHand:
    model, found, total = built.model, ByHand(), 0.0
    schedule = model.noise_schedule
    for index, (images, _) in enumerate(built.datamodule.val_dataloader()):
        generator = torch.Generator().manual_seed(index)
        noise = torch.randn(images.shape, generator=generator)
        times = torch.randint(100, (len(images),), generator=generator)
        kept = schedule.alphas_cumprod[times][:, None, None, None]
        noisy = kept.sqrt() * images + (1 - kept).sqrt() * noise
        total += float(((model.network(noisy, times).sample - noise) ** 2).mean()) * len(images)
        image = torch.randn(images.shape, generator=torch.Generator().manual_seed(index))
        schedule.set_timesteps(4)
        for time in schedule.timesteps:
            image = schedule.step(model.network(image, time).sample, time, image).prev_sample
        found.preds += image
    found.values["val/loss/epoch"] = total / len(found.preds)
    return found


def _of_detection(experiment: LoadedExperiment, built: Any) -> ByHand:
    from torchmetrics.detection import MeanAveragePrecision

    found, targets = ByHand(), []
    for batch in built.datamodule.val_dataloader():
        found.preds += built.model.network([image for image, _ in batch])
        targets += [target for _, target in batch]
    metric = MeanAveragePrecision(box_format="xyxy")
    metric.update(found.preds, targets)
    for name, value in metric.compute().items():
        numbers = {"": value} if value.ndim == 0 else {f"/{index}": item for index, item in enumerate(value)}
        found.values |= {f"val/metrics/MAP/{name}{index}/epoch": float(item) for index, item in numbers.items()}
    return found


def _of_torchgeo(experiment: LoadedExperiment, built: Any) -> ByHand:
    from torchmetrics.functional import accuracy, jaccard_index

    found, targets, total = ByHand(), [], 0.0
    for batch in built.datamodule.val_dataloader():
        scores, target = built.model.model(batch["image"].float()), batch["mask"].squeeze(1).long()
        total += float(torch.nn.functional.cross_entropy(scores, target)) * len(scores)
        found.preds += scores.softmax(1)
        targets.append(target)
    preds, whole = torch.stack(found.preds), torch.cat(targets)
    found.values = {
        "val_loss": total / len(preds),
        "val_MulticlassAccuracy": float(accuracy(preds, whole, task="multiclass", num_classes=2, average="micro")),
        "val_MulticlassJaccardIndex": float(
            jaccard_index(preds, whole, task="multiclass", num_classes=2, average="micro")
        ),
    }
    return found


def _of_forecasting(experiment: LoadedExperiment, built: Any) -> ByHand:
    found, targets, losses, roots = ByHand(), [], 0.0, 0.0
    for inputs, target in built.datamodule.val_dataloader():
        output = built.model(inputs)["prediction"]
        history = {"encoder_target": inputs["encoder_target"], "encoder_lengths": inputs["encoder_lengths"]}
        losses += float(built.model.loss(output, target, **history)) * len(output)
        roots += float(((output.squeeze(-1) - target[0]) ** 2).mean().sqrt()) * len(output)
        found.preds += output
        targets.append(target[0])
    preds, whole = torch.stack(found.preds).squeeze(-1), torch.cat(targets)
    error = (preds - whole).abs()
    found.values = {
        "val_loss": losses / len(preds),
        "val_MASE": losses / len(preds),
        "val_MAE": float(error.mean()),
        "val_RMSE": roots / len(preds),  # the mean of the batches' own, not that of the epoch
        "val_MAPE": float((error / (whole.abs() + 1e-8)).mean()),
        "val_SMAPE": float((2 * error / (preds.abs() + whole.abs() + 1e-8)).mean()),
    }
    return found


def _of_anomalib(experiment: LoadedExperiment, built: Any) -> ByHand:
    from torchmetrics.functional import auroc, f1_score

    built.datamodule.setup("test")
    found, targets, labels, scores = ByHand(), [], [], []
    for batch in built.datamodule.test_dataloader():
        returned = built.model(batch.image)
        scores += returned.pred_score
        found.preds += built.model.model(built.model.pre_processor(batch.image)).pred_score  # not yet normalised
        labels.append(returned.pred_label)
        targets.append(batch.gt_label)
    label, target = torch.cat(labels).flatten().int(), torch.cat(targets).int()
    found.values["image_AUROC"] = float(auroc(torch.stack(scores).flatten(), target, task="binary"))
    found.values["image_F1Score"] = float(f1_score(label, target, task="binary"))
    return found


OTHERS: dict[str, Callable[[LoadedExperiment, Any], ByHand]] = {
    "diffusers": _of_diffusers,
    "torchmetrics-detection": _of_detection,
    "torchgeo": _of_torchgeo,
    "pytorch-forecasting": _of_forecasting,
    "anomalib": _of_anomalib,
    "anomalib-patchcore": _of_anomalib,
}
"""Recipes whose model is not a System."""
