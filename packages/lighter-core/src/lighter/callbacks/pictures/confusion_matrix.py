"""Draw a confusion matrix of each epoch."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torchmetrics import Metric, SumMetric
from torchmetrics.classification import MulticlassConfusionMatrix

from lighter.callbacks.pictures.class_labels import class_labels, names_of
from lighter.callbacks.pictures.figure_pixels import check_matplotlib, pixels_of
from lighter.callbacks.pictures.matrix_figure import Counts, caption_of, draw_matrix, normalized
from lighter.callbacks.pictures.picture import Matrix, Picture
from lighter.callbacks.pictures.picture_callback import Moment, PictureCallback, PictureMode
from lighter.callbacks.writers.sample_values import Key
from lighter.errors import PictureError, nearest_names
from lighter.lightning.metric_states import load_state, state_of

Normalize = Literal["none", "true", "pred", "all"]


class ConfusionMatrix(PictureCallback):
    """Draw a confusion matrix of each epoch, over the samples of all ranks; its numbers are kept beside the picture.

    It counts what the step returns as ``pred`` and ``target``: labels, or scores such as logits and probabilities, of
    samples, pixels or tokens. A row is a true class, a column a predicted one. Samples that a `DistributedSampler`
    repeats, to give all ranks the same number, count once. If a step returns something else, give ``pred`` or
    ``target`` a function of its output.

    With two classes, ``pred`` may be a single score for each sample: logits if one of the epoch is outside [0, 1], else
    probabilities.

    Needs ``pip install lighter-core[figures]``.

    Args:
        num_classes: The number of classes; 2 for a binary task.
        labels: The names of the classes; by default their numbers.
        normalize: What the drawn numbers are shares of: ``true`` classes (the rows), ``pred`` classes (the columns),
            ``all`` samples, or counts with ``none``.
        ignore_index: A target that does not count.
        threshold: The probability from which a single score means the second class.
        pred: The key of the predictions, or a function of the step's output.
        target: The key of the targets, or a function of the step's output.
        name: The last part of the picture's name, after the mode.
        modes: What to draw: ``train``, ``val``, ``test``.
        every_n_epochs: Draw only the last of this many epochs of a fit.
        directory: A folder for the pictures; see `PictureCallback`.

    Raises:
        PictureError: An argument is not valid, or matplotlib is missing. Later: the step did not return ``pred`` or
            ``target``, they have several labels for a sample (multilabel), or a label is not a class.

    Source:
        The counts are those of `torchmetrics.classification.MulticlassConfusionMatrix`.

    >>> callbacks = [ConfusionMatrix(3, labels=["cat", "dog", "bird"], normalize="true")]
    """

    def __init__(
        self,
        num_classes: int,
        labels: Sequence[str] | None = None,
        *,
        normalize: Normalize = "none",
        ignore_index: int | None = None,
        threshold: float = 0.5,
        pred: Key = "pred",
        target: Key = "target",
        name: str = "confusion_matrix",
        modes: Sequence[PictureMode] = ("val",),
        every_n_epochs: int = 1,
        directory: str | Path | None = None,
    ) -> None:
        where = type(self).__name__
        super().__init__(
            name, {"pred": pred, "target": target}, modes=modes, every_n_epochs=every_n_epochs, directory=directory
        )
        if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 2:
            raise PictureError(f"`num_classes` must be 2 or more, got {num_classes!r}", where=where)
        if normalize not in get_args(Normalize):
            raise PictureError(
                f"unknown `normalize` {normalize!r}",
                where=where,
                expected=", ".join(get_args(Normalize)),
                nearest=nearest_names(str(normalize), get_args(Normalize)),
            )
        check_matplotlib(where)
        self.num_classes = num_classes
        self.labels = names_of(labels, num_classes, where)
        self.normalize: Normalize = normalize
        self.ignore_index = ignore_index
        self.threshold = threshold

    def make_collector(self, trainer: Trainer, loader: str) -> "MatrixCollector":
        """Return a collector whose counts are zero."""
        return MatrixCollector(
            self.num_classes,
            ignore_index=self.ignore_index,
            threshold=self.threshold,
            device=trainer.lightning_module.device,
        )

    def draw(self, collector: "MatrixCollector", moment: Moment, trainer: Trainer) -> Iterator[Picture | Matrix]:
        """Add the counts of all ranks, and draw them on rank zero."""
        counts = collector.counts()
        if not trainer.is_global_zero or not counts.any():
            return
        title = f"{moment.name}, epoch {moment.epoch}"
        figure = draw_matrix(counts, normalized(counts, self.normalize), self.labels, title)
        caption = caption_of(counts, self.labels)
        yield Picture(moment.name, moment.epoch, moment.step, moment.x, pixels_of(figure), caption)
        yield Matrix(moment.name, moment.epoch, moment.step, self.labels, counts.tolist())


class MatrixCollector:
    """Counts pairs of true and predicted classes.

    Args:
        num_classes: The number of classes.
        ignore_index: A target that does not count.
        threshold: The probability from which a single score means the second class.
        device: Where to count.
    """

    is_full = False

    def __init__(
        self, num_classes: int, *, ignore_index: int | None, threshold: float, device: torch.device | str = "cpu"
    ) -> None:
        self._num_classes, self._ignore_index, self._threshold = num_classes, ignore_index, threshold
        # `class_labels` validates what they get
        make = partial(MulticlassConfusionMatrix, num_classes, ignore_index=ignore_index, validate_args=False)
        self._metrics: dict[str, Metric] = {"counts": make()}
        if num_classes == 2:  # a batch with few samples does not show whether they are logits, but the epoch does
            self._metrics["counts_if_logits"] = make()
            self._metrics["num_outside"] = SumMetric()
        for metric in self._metrics.values():
            metric.to(device)

    def add(self, values: Mapping[str, Any], indices: Sequence[int | None], where: str) -> None:
        """Count a batch without the samples that a sampler repeats."""
        labels = class_labels(
            values["pred"],
            values["target"],
            self._num_classes,
            ignore_index=self._ignore_index,
            threshold=self._threshold,
            where=where,
        )
        kept = None
        if None in indices:
            kept = torch.tensor([index is not None for index in indices], device=labels.target.device)
        self._update("counts", labels.pred, labels.target, kept)
        if "num_outside" in self._metrics:
            logits = labels.pred if labels.pred_if_logits is None else labels.pred_if_logits
            self._update("counts_if_logits", logits, labels.target, kept)
            if labels.num_outside is not None:
                self._metrics["num_outside"].update(labels.num_outside)

    def _update(self, name: str, pred: Tensor, target: Tensor, kept: Tensor | None) -> None:
        if kept is not None:
            pred, target = pred[kept], target[kept]
        self._metrics[name].update(pred, target)

    def counts(self) -> Counts:
        """Return the counts of all ranks, ``(true, pred)``; under DDP a collective call."""
        found = {name: self._synchronized(name) for name in self._metrics}
        name = "counts_if_logits" if "num_outside" in found and found["num_outside"] > 0 else "counts"
        return np.asarray(found[name].cpu().numpy(), dtype=np.int64)

    def _synchronized(self, name: str) -> Tensor:
        metric = self._metrics[name]
        state = "confmat" if isinstance(metric, MulticlassConfusionMatrix) else "sum_value"
        # `compute` would warn of a rank without a batch
        with metric.sync_context(should_sync=True, should_unsync=True):
            return torch.as_tensor(getattr(metric, state)).clone()

    def state(self) -> Any:
        """Return the counts of all ranks for a checkpoint; under DDP a collective call."""
        return {name: state_of(metric) for name, metric in self._metrics.items()}

    def load(self, state: Any) -> None:
        """Continue with the counts of a checkpoint."""
        for name, metric in self._metrics.items():
            load_state(metric, state[name])
