"""Show inputs, targets and predictions side by side."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from pytorch_lightning import Trainer

from lighter.callbacks.pictures.figure_pixels import check_pillow
from lighter.callbacks.pictures.image_grid import grid_of, legend_of
from lighter.callbacks.pictures.image_samples import Sample, SampleCollector, SampleRenderer
from lighter.callbacks.pictures.label_colors import colored
from lighter.callbacks.pictures.picture import Picture
from lighter.callbacks.pictures.picture_callback import Moment, PictureCallback, PictureMode
from lighter.callbacks.pictures.rendering import Kind, View
from lighter.callbacks.writers.sample_values import Key
from lighter.errors import PictureError, nearest_names

_COLUMNS_WITHOUT_MAPS = 4
_LONGEST_CAPTION = 1000
_MOST_IN_LEGEND = 40


class ImageLogger(PictureCallback):
    """Show inputs, targets and predictions side by side, the same samples in each epoch.

    The samples are the first of the first epoch that is drawn; later epochs find them by the ``identifier`` that the
    step returns, else by their index in the dataset. If a loader shuffles and there is no identifier, each epoch shows
    the samples that come first. With several ranks they are those of rank 0.

    An input is an image, ``(C, H, W)`` or ``(H, W)``, or a volume, ``(C, D, H, W)``, of which slices are shown. Targets
    and predictions with its spatial dimensions are shown beside it: integers, and scores of classes, as the colors of a
    label map, with a legend; other numbers as images. Classes are written below. Predictions are shown as their target
    is.

    Needs ``pip install lighter-core[images]``.

    Args:
        max_images: The number of samples.
        mean: What the transforms subtracted from each channel of images in [0, 1]; it is added again.
        std: What each channel was then divided by.
        channels: The channels of an image to show: one in gray, or three as red, green and blue. By default all if they
            are one or three, else the first.
        axis: The spatial axis of a volume along which slices are cut: 0, 1 or 2.
        slices: The indices of the slices, or how many, evenly spaced; by default the middle one.
        overlay: Lay label maps over the input, half transparent, where a label is not 0.
        labels: The names of the classes.
        ignore_index: The label that does not count; it is gray.
        target_as: How targets are shown, ``image``, ``labels`` or ``class``, if it is not as said above.
        pred_as: The same for predictions.
        spatial_dims: The number of spatial dimensions, 2 or 3; by default those of the input after its channels.
        min_size: Smaller images are enlarged by a whole factor until their longer side has so many pixels.
        max_size: Larger images are reduced to so many pixels.
        input: The key of the inputs, or a function of the step's output.
        target: The key of the targets; ``None`` to leave them out.
        pred: The key of the predictions; ``None`` to leave them out.
        identifier: The key of the samples' names.
        name: The last part of the picture's name, after the mode.
        modes: What to show: ``train``, ``val``, ``test``, ``predict``.
        every_n_epochs: Show only the last of this many epochs of a fit.
        directory: A folder for the pictures; see `PictureCallback`.

    Raises:
        PictureError: An argument is not valid, or Pillow is missing. Later: the step did not return a key, or a value
            is not an image.

    >>> callbacks = [ImageLogger(4, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])]
    """

    def __init__(
        self,
        max_images: int = 8,
        *,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        channels: int | Sequence[int] | None = None,
        axis: int = 0,
        slices: int | Sequence[int] = 1,
        overlay: bool = False,
        labels: Sequence[str] | None = None,
        ignore_index: int | None = None,
        target_as: Kind | None = None,
        pred_as: Kind | None = None,
        spatial_dims: int | None = None,
        min_size: int = 128,
        max_size: int = 512,
        input: Key = "input",  # noqa: A002  # the role's name
        target: Key | None = "target",
        pred: Key | None = "pred",
        identifier: Key = "identifier",
        name: str = "images",
        modes: Sequence[PictureMode] = ("val",),
        every_n_epochs: int = 1,
        directory: str | Path | None = None,
    ) -> None:
        keys: dict[str, Key] = {"input": input}
        keys |= {} if target is None else {"target": _if_returned if target == "target" else target}
        keys |= {} if pred is None else {"pred": pred}
        keys["identifier"] = _identifier_if_returned if identifier == "identifier" else identifier
        super().__init__(name, keys, modes=modes, every_n_epochs=every_n_epochs, directory=directory)
        self.max_images = max_images
        view = View(axis, slices, channels, _floats(mean), _floats(std), min_size, max_size)
        self._renderer = SampleRenderer(
            view, overlay, labels, ignore_index, {"target": target_as, "pred": pred_as}, spatial_dims
        )
        self._chosen: dict[str, list[str]] = {}
        _check(self._renderer, max_images)
        check_pillow(type(self).__name__)

    def state(self) -> dict[str, Any]:
        """Return which samples are shown, and the unfinished training epoch."""
        chosen = {"chosen": {loader: list(names) for loader, names in self._chosen.items()}} if self._chosen else {}
        return {**super().state(), **chosen}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Show the samples of the checkpoint's run again."""
        super().load_state(state)
        self._chosen = {loader: list(names) for loader, names in state.get("chosen", {}).items()}

    def make_collector(self, trainer: Trainer, loader: str) -> SampleCollector:
        """Return a collector without samples; those of other ranks than rank zero stay empty."""
        num_samples = self.max_images if trainer.is_global_zero else 0
        return SampleCollector(loader, num_samples, self._chosen.get(loader), self._renderer)

    def draw(self, collector: SampleCollector, moment: Moment, trainer: Trainer) -> Iterator[Picture]:
        """Put the samples below each other on rank zero."""
        samples = collector.samples
        if not samples:
            return
        self._chosen.setdefault(collector.loader, [sample.name for sample in samples])
        blocks = [block for sample in samples for block in sample.blocks]
        num_columns = 1 if len(samples[0].columns) > 1 else _COLUMNS_WITHOUT_MAPS
        heading = " | ".join(samples[0].columns)
        pixels = grid_of([block.numpy() for block in blocks], num_columns, heading)
        if labels := sorted(frozenset().union(*(sample.labels for sample in samples)))[:_MOST_IN_LEGEND]:
            names = [self._renderer.label_name(label) for label in labels]
            colors = colored(torch.tensor(labels)[None])[0].tolist()
            pixels = np.concatenate([pixels, legend_of(names, colors, pixels.shape[1])])
        yield Picture(moment.name, moment.epoch, moment.step, moment.x, pixels, _caption(heading, samples))


def _if_returned(output: Mapping[str, Any]) -> Any:
    return output.get("target")


def _identifier_if_returned(output: Mapping[str, Any]) -> Any:
    return output.get("identifier")


def _floats(values: Sequence[float] | float | None) -> list[float] | None:
    if values is None:
        return None
    return [float(value) for value in torch.as_tensor(values).reshape(-1)]


def _caption(heading: str, samples: Sequence[Sample]) -> str:
    caption = f"{heading}; {'; '.join(sample.text for sample in samples)}"
    return caption if len(caption) <= _LONGEST_CAPTION else f"{caption[: _LONGEST_CAPTION - 1]}…"


def _check(renderer: SampleRenderer, max_images: int) -> None:
    view = renderer.view
    numbers = {"max_images": max_images, "min_size": view.min_size, "max_size": view.max_size}
    if isinstance(view.slices, int):
        numbers["slices"] = view.slices
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise PictureError(f"`{name}` must be 1 or more, got {number!r}", where="ImageLogger")
    if view.min_size > view.max_size:
        raise PictureError(f"`min_size` {view.min_size} is larger than `max_size` {view.max_size}", where="ImageLogger")
    for name, given, valid in (
        ("axis", view.axis, (0, 1, 2)),
        ("spatial_dims", renderer.spatial_dims, (None, 2, 3)),
        ("target_as", renderer.kinds["target"], (None, *get_args(Kind))),
        ("pred_as", renderer.kinds["pred"], (None, *get_args(Kind))),
    ):
        if given not in valid:
            names = [str(one) for one in valid if one is not None]
            raise PictureError(
                f"unknown `{name}` {given!r}",
                where="ImageLogger",
                expected=", ".join(names),
                nearest=nearest_names(str(given), names),
            )
