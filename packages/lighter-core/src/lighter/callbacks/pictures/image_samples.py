"""Find the samples to show in an epoch, and render each as soon as it is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lighter.callbacks.pictures.image_grid import block_of
from lighter.callbacks.pictures.label_colors import colored, label_numbers, laid_over
from lighter.callbacks.pictures.picture import Pixels
from lighter.callbacks.pictures.rendering import Kind, View, as_pixels, class_of, cut, kind_of, labels_of, resized
from lighter.callbacks.writers.sample_values import split
from lighter.errors import PictureError
from lighter.lightning.metric_states import plain


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample that was rendered; nothing of its batch is kept.

    Attributes:
        name: Its identifier, else its index.
        columns: What stands side by side.
        blocks: Its images, one block for each slice, ``(H, W, 3)`` in uint8.
        text: What is written below them.
        labels: The labels of its label maps, without 0.
    """

    name: str
    columns: tuple[str, ...]
    blocks: tuple[Tensor, ...]
    text: str
    labels: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SampleRenderer:
    """Renders one sample; the arguments are those of `ImageLogger`."""

    view: View
    overlay: bool
    labels: Sequence[str] | None
    ignore_index: int | None
    kinds: Mapping[str, Kind | None]
    spatial_dims: int | None

    def render(self, name: str, values: Mapping[str, Any], where: str) -> Sample:
        """Render the values of a sample.

        Raises:
            PictureError: A value is not a tensor, or has the wrong dimensions.
        """
        tensors = {role: _as_tensor(role, value, where) for role, value in values.items() if value is not None}
        image = tensors.pop("input")
        num_spatial = self.spatial_dims or max(2, image.ndim - 1)
        if not num_spatial <= image.ndim <= num_spatial + 1 or num_spatial > 3:
            raise PictureError(
                f"`input` must be images or volumes, got samples of shape {tuple(image.shape)}",
                where=where,
                expected="(C, H, W), (H, W) or (C, D, H, W) for each sample",
                fix="give input= a function of the step's output that returns them",
            )
        kinds = self._kinds(tensors, num_spatial)
        texts = [f"{role} {self._class_name(tensors[role])}" for role, kind in kinds.items() if kind == "class"]
        maps = {role: tensors[role] for role, kind in kinds.items() if kind != "class"}
        text = f"{name}: {', '.join(texts)}" if texts else name
        rows, shown = self._rows(image, maps, kinds, num_spatial, where)
        numbers = [""] if len(rows) == 1 else [f", slice {number + 1} of {len(rows)}" for number in range(len(rows))]
        blocks = [torch.from_numpy(block_of(row, text + number)) for row, number in zip(rows, numbers, strict=True)]
        return Sample(name, ("input", *maps), tuple(blocks), text, frozenset(shown))

    def _kinds(self, tensors: Mapping[str, Tensor], num_spatial: int) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {}
        for role, value in tensors.items():
            given = self.kinds[role]
            kinds[role] = given or kind_of(value, num_spatial, kinds.get("target"))
        return kinds

    def _rows(
        self, image: Tensor, maps: Mapping[str, Tensor], kinds: Mapping[str, Kind], num_spatial: int, where: str
    ) -> tuple[list[list[Pixels]], set[int]]:
        """Return for each slice the images that stand side by side, and the labels in them."""
        parts = {}
        labels: set[int] = set()
        for role, value in maps.items():
            if not num_spatial <= value.ndim <= num_spatial + 1:
                raise PictureError(
                    f"`{role}` of shape {tuple(value.shape)} is not an image beside an input {tuple(image.shape)}",
                    where=where,
                    expected=f"{num_spatial} spatial dimensions, with or without channels",
                    fix=f"give {role}= a function of the step's output, or None to leave it out",
                )
            is_labels = kinds[role] == "labels"
            parts[role] = cut(labels_of(value, num_spatial) if is_labels else value, self.view, num_spatial)
        rows = []
        for number, part in enumerate(cut(image, self.view, num_spatial)):
            shown = as_pixels(resized(part, self.view, is_labels=False), self.view)
            row = [shown]
            for role, slices in parts.items():
                is_labels = kinds[role] == "labels"
                resized_part = resized(slices[number], self.view, is_labels=is_labels)
                row.append(self._drawn(shown, resized_part) if is_labels else as_pixels(resized_part, self.view))
                if is_labels:
                    labels.update(label_numbers(slices[number], self.ignore_index))
            rows.append(row)
        return rows, labels

    def _drawn(self, image: Pixels, labels: Tensor) -> Pixels:
        if self.overlay and image.shape[:2] == labels.shape:
            return laid_over(image, labels, self.ignore_index)
        return np.asarray(colored(labels, self.ignore_index).numpy())

    def _class_name(self, value: Tensor) -> str:
        number = class_of(value)
        if number is None:
            return f"{value.item():.4g}" if value.numel() == 1 else f"of shape {tuple(value.shape)}"
        return self.label_name(number)

    def label_name(self, number: int) -> str:
        """Return what a label is called: its name, else its number."""
        return self.labels[number] if self.labels is not None and 0 <= number < len(self.labels) else str(number)


class SampleCollector:
    """Finds samples by their names, else takes the first.

    Args:
        loader: The mode and the number of the loader.
        num_samples: How many to take.
        chosen: The names of the samples to find, if they were chosen in an earlier epoch.
        renderer: Renders each.
    """

    def __init__(self, loader: str, num_samples: int, chosen: Sequence[str] | None, renderer: SampleRenderer) -> None:
        self.loader = loader
        self._num_samples = num_samples
        self._chosen = None if chosen is None else list(chosen)[:num_samples]
        self._renderer = renderer
        self._found: dict[int, Sample] = {}  # by its place

    @property
    def is_full(self) -> bool:
        """Whether all samples are found."""
        return len(self._found) >= (self._num_samples if self._chosen is None else len(self._chosen))

    @property
    def samples(self) -> list[Sample]:
        """The samples found, in the order of the first epoch."""
        return [self._found[place] for place in sorted(self._found)]

    def add(self, values: Mapping[str, Any], indices: Sequence[int | None], where: str) -> None:
        """Render the samples of a batch that are shown."""
        names = _names(values.get("identifier"), indices, where)
        places: dict[int, int] = {}
        for position, name in enumerate(names):
            if (place := self._place_of(name, set(places))) is not None:
                places[place] = position
        if not places:
            return
        roles = {role: value for role, value in values.items() if role != "identifier"}
        for place, position in places.items():
            sample = {role: _item(role, value, position, len(names), where) for role, value in roles.items()}
            self._found[place] = self._renderer.render(str(names[position]), sample, where)

    def _place_of(self, name: str | None, taken: set[int]) -> int | None:
        """Return where a sample is shown; None if it is not."""
        if name is None:
            return None
        if self._chosen is None:
            place = len(self._found) + len(taken)
            return place if place < self._num_samples else None
        free = (place for place, chosen in enumerate(self._chosen) if chosen == name)
        return next((place for place in free if place not in taken and place not in self._found), None)

    def state(self) -> Any:
        """Return the samples found, for a checkpoint."""
        return {
            place: {
                "name": one.name,
                "columns": list(one.columns),
                "blocks": list(one.blocks),
                "text": one.text,
                "labels": sorted(one.labels),
            }
            for place, one in self._found.items()
        }

    def load(self, state: Any) -> None:
        """Continue with the samples of a checkpoint."""
        self._found = {
            place: Sample(
                one["name"], tuple(one["columns"]), tuple(one["blocks"]), one["text"], frozenset(one.get("labels", ()))
            )
            for place, one in state.items()
        }


def _names(identifiers: Any, indices: Sequence[int | None], where: str) -> list[str | None]:
    """Return the names of samples: their identifiers, else their indices; None for a repeated one."""
    if identifiers is None:
        return [None if index is None else str(index) for index in indices]
    given = split(identifiers, len(indices), name="identifier", where=where, error=PictureError)
    texts = [str(one.item() if isinstance(one, Tensor | np.generic) and one.ndim == 0 else one) for one in given]
    return [None if index is None else text for text, index in zip(texts, indices, strict=True)]


def _item(role: str, value: Any, position: int, num_samples: int, where: str) -> Any:
    """Return the value of one sample on the CPU, without the rest of the batch."""
    if isinstance(value, Tensor) and value.ndim > 0 and len(value) == num_samples:
        return plain(value)[position].cpu()
    return split(value, num_samples, name=role, where=where, error=PictureError)[position]


def _as_tensor(role: str, value: Any, where: str) -> Tensor:
    if isinstance(value, int | float | np.ndarray | np.generic):
        value = torch.as_tensor(value)
    if not isinstance(value, Tensor):
        raise PictureError(
            f"`{role}` must be a tensor for each sample, got a {type(value).__name__}",
            where=where,
            expected="images, label maps or classes",
            fix=f"give {role}= a function of the step's output that returns them",
        )
    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
