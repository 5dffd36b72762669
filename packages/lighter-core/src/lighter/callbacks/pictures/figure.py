"""Draw what an epoch saw with a function of the user."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning import Trainer
from torch import Tensor

from lighter.callbacks.pictures.figure_pixels import check_matplotlib, pixels_of
from lighter.callbacks.pictures.picture import Picture
from lighter.callbacks.pictures.picture_callback import Moment, PictureCallback, PictureMode
from lighter.callbacks.writers.sample_values import Key, split
from lighter.errors import PictureError
from lighter.lightning.metric_states import plain
from lighter.lightning.ranks import gather

Draw = Callable[[Mapping[str, Any]], Any]
"""Takes the values of an epoch by name, tensors whose first dimension is the samples; returns a matplotlib figure."""


class Figure(PictureCallback):
    """Draw what an epoch saw with a function that makes a matplotlib figure.

    The function gets the values of the first ``max_samples`` samples of the epoch, of all ranks, by the names of
    ``keys``: tensors on the CPU, ``(samples, ...)``, and lists of what is not a tensor. They are in the order of the
    dataset if the loader shows it, else in the order of loading. A figure made with pyplot is closed afterwards.

    Needs ``pip install lighter-core[figures]``.

    Args:
        draw: The function; it returns a figure, or the axes of one.
        name: The last part of the picture's name, after the mode.
        keys: Keys of the step's output; or a mapping from names to keys, or to functions of the output.
        max_samples: The number of samples that are kept for the function.
        modes: What to draw: ``train``, ``val``, ``test``, ``predict``.
        every_n_epochs: Draw only the last of this many epochs of a fit.
        directory: A folder for the pictures; see `PictureCallback`.

    Raises:
        PictureError: An argument is not valid, or matplotlib is missing. Later: the step did not return a key, or the
            function returned something else than a figure.

    >>> def draw_residuals(values):
    ...     from matplotlib.figure import Figure as MatplotlibFigure
    ...     figure = MatplotlibFigure()
    ...     figure.subplots().scatter(values["target"], values["pred"] - values["target"])
    ...     return figure
    >>> callbacks = [Figure(draw_residuals, "residuals")]
    """

    def __init__(
        self,
        draw: Draw,
        name: str,
        keys: Sequence[str] | Mapping[str, Key] = ("pred", "target"),
        *,
        max_samples: int = 1000,
        modes: Sequence[PictureMode] = ("val",),
        every_n_epochs: int = 1,
        directory: str | Path | None = None,
    ) -> None:
        where = type(self).__name__
        if not callable(draw):
            raise PictureError(
                f"`draw` must be a function, got {draw!r}", where=where, expected="a function that returns a figure"
            )
        if isinstance(keys, str) or not keys:
            raise PictureError(
                f"`keys` must name values, got {keys!r}",
                where=where,
                expected="a list of keys of the step's output, or a mapping",
                fix=f"for example keys=[{keys or 'pred'!r}]",
            )
        if isinstance(max_samples, bool) or not isinstance(max_samples, int) or max_samples < 1:
            raise PictureError(f"`max_samples` must be 1 or more, got {max_samples!r}", where=where)
        named = dict(keys) if isinstance(keys, Mapping) else {key: key for key in keys}
        super().__init__(name, named, modes=modes, every_n_epochs=every_n_epochs, directory=directory)
        check_matplotlib(where)
        self._draw = draw
        self.max_samples = max_samples

    def make_collector(self, trainer: Trainer, loader: str) -> "ValueCollector":
        """Return a collector without samples."""
        return ValueCollector(self.max_samples, trainer)

    def draw(self, collector: "ValueCollector", moment: Moment, trainer: Trainer) -> Iterator[Picture]:
        """Bring the samples of all ranks together, and let the function draw them on rank zero."""
        values = collector.values()
        if not values or not trainer.is_global_zero:
            return
        count = len(next(iter(values.values())))
        caption = f"{moment.name}, epoch {moment.epoch}: {count:,} samples"
        yield Picture(moment.name, moment.epoch, moment.step, moment.x, pixels_of(self._figure(values)), caption)

    def _figure(self, values: Mapping[str, Any]) -> Any:
        from matplotlib.figure import Figure as MatplotlibFigure

        try:
            drawn = self._draw(values)
        except Exception as error:
            error.add_note(f"raised by the function that draws {self.name!r} of {type(self).__name__}")
            raise
        figure = getattr(drawn, "figure", None) or drawn
        if not isinstance(figure, MatplotlibFigure):
            raise PictureError(
                f"the function that draws {self.name!r} must return a figure, got a {type(drawn).__name__}",
                where=type(self).__name__,
                expected="a matplotlib figure, or the axes of one",
                fix="end it with `return figure`",
            )
        return figure


class ValueCollector:
    """Keeps the values of the first samples, on the CPU.

    Args:
        max_samples: How many samples to keep.
        trainer: The trainer, whose ranks bring their samples together.
    """

    def __init__(self, max_samples: int, trainer: Trainer) -> None:
        self._max_samples = max_samples
        self._trainer = trainer
        self._samples: list[tuple[int, dict[str, Any]]] = []

    @property
    def is_full(self) -> bool:
        """Whether this rank has as many samples as are needed of all ranks."""
        return len(self._samples) >= self._max_samples

    def add(self, values: Mapping[str, Any], indices: Sequence[int | None], where: str) -> None:
        """Keep the samples of a batch."""
        columns = {
            name: split(value, len(indices), name=name, where=where, error=PictureError)
            for name, value in values.items()
        }
        for position, index in enumerate(indices):
            if index is not None and not self.is_full:
                sample = {name: _own(column[position]) for name, column in columns.items()}
                self._samples.append((index, sample))

    def values(self) -> dict[str, Any]:
        """Return the values of the samples of all ranks by name; under DDP a collective call."""
        samples = [sample for _, sample in self.state()]
        return {name: _stacked([sample[name] for sample in samples]) for name in (samples[0] if samples else ())}

    def state(self) -> Any:
        """Return the samples of all ranks, in the order of their indices; under DDP a collective call."""
        ranks = gather(self._trainer, self._samples)
        samples = [sample for rank in ranks for sample in rank]
        return sorted(samples, key=lambda sample: sample[0])[: self._max_samples]

    def load(self, state: Any) -> None:
        """Continue with the samples of a checkpoint."""
        self._samples = list(state)


def _own(value: Any) -> Any:
    """Return a value that does not keep its batch in memory."""
    return plain(value).clone() if isinstance(value, Tensor) else value


def _stacked(values: list[Any]) -> Any:
    """Return tensors, arrays and numbers as one tensor if they have one shape; else the list."""
    if not all(isinstance(value, Tensor | np.ndarray | np.generic | int | float) for value in values):
        return values
    tensors = [torch.as_tensor(value) for value in values]
    return torch.stack(tensors) if len({tensor.shape for tensor in tensors}) == 1 else values
