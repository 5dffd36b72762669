"""Write one value as one file."""

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from lighter.errors import WriterError, nearest_names
from lighter.lightning.metric_states import plain

if TYPE_CHECKING:
    from PIL import Image

Save = Callable[[Path, Any], object]
"""Writes a value to a file, exactly at the given path."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A way to write one value as one file.

    Attributes:
        save: Writes the value to the file.
        suffix: The end of the file's name, with its dot; empty if the names already have one.
    """

    save: Save
    suffix: str = ""


_FORMATS: dict[str, FileFormat] = {}


def register_file_format(name: str, *, suffix: str | None = None) -> Callable[[Save], Save]:
    """Register a function that writes files under a name for `FileWriter`.

    Args:
        name: The value of ``format``.
        suffix: The end of the files' names, such as ``.nii.gz``; ``.{name}`` by default.

    Raises:
        WriterError: Another function has this name, or the suffix has no dot.

    >>> @register_file_format("npy")
    ... def save_array(file, value):
    ...     np.save(file, value)
    >>> find_file_format("npy").suffix
    '.npy'
    """
    suffix = f".{name}" if suffix is None else suffix
    if not suffix.startswith(".") or "/" in suffix:
        raise WriterError(
            f"invalid suffix {suffix!r}",
            where=f"register_file_format({name!r})",
            expected="the end of a file's name, such as .nii.gz",
            fix="begin with a dot",
        )

    def register(save: Save) -> Save:
        known = _FORMATS.get(name)
        # the same function is registered again when its module is reloaded
        if known is not None and _full_name(known.save) != _full_name(save):
            raise WriterError(
                f"file format {name!r} is given twice",
                where=f"register_file_format({name!r})",
                expected=f"a name other than {', '.join(_FORMATS)}",
                fix="choose another name",
            )
        _FORMATS[name] = FileFormat(save, suffix)
        return save

    return register


def find_file_format(format: str | Save) -> FileFormat:  # noqa: A002
    """Return a registered format; a function that is not registered has no suffix.

    Raises:
        WriterError: No format has this name, or a package that it needs is missing.
    """
    if not isinstance(format, str):
        if not callable(format):
            raise WriterError(
                f"`format` must be a name or a function, got {format!r}",
                where="FileWriter",
                expected=f"one of {', '.join(_FORMATS)}, or a function (file, value)",
            )
        return next((known for known in _FORMATS.values() if known.save is format), FileFormat(format))
    if format not in _FORMATS:
        raise WriterError(
            f"unknown file format {format!r}",
            where="FileWriter",
            expected=f"one of {', '.join(_FORMATS)}, or a function (file, value)",
            nearest=nearest_names(format, _FORMATS),
            fix="choose one of these, or register your own with register_file_format",
        )
    if format in ("image_2d", "image_3d") and importlib.util.find_spec("PIL") is None:
        raise WriterError(
            f"file format {format!r} needs Pillow, which is missing",
            where="FileWriter",
            fix="pip install 'lighter-core[images]'",
        )
    return _FORMATS[format]


@register_file_format("tensor", suffix=".pt")
def save_tensor(file: Path, value: Any) -> None:
    """Write with `torch.save`: a tensor, number or text, or mappings and sequences of these.

    Tensors are copied first: a view would save the storage of its batch too.
    """
    with file.open("wb") as stream:  # given a path, torch hides the error of the disk
        torch.save(_own(value), stream)


@register_file_format("image_2d", suffix=".png")
def save_image_2d(file: Path, value: Any) -> None:
    """Write a PNG: ``(H, W)`` or ``(C, H, W)`` with 1, 3 or 4 channels, float in [0, 1] or integer in [0, 255]."""
    pixels = _as_pixels(value)
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3, 4):
        raise _bad_image(value, "(H, W) or (C, H, W) with C = 1, 3 or 4")
    _as_image(pixels).save(file, format="PNG")


@register_file_format("image_3d", suffix=".tiff")
def save_image_3d(file: Path, value: Any) -> None:
    """Write a TIFF, one page for each slice: ``(D, H, W)`` or ``(C, D, H, W)``, else as `save_image_2d`."""
    pixels = _as_pixels(value)
    if pixels.ndim == 3:
        pixels = pixels[None]
    if pixels.ndim != 4 or pixels.shape[0] not in (1, 3, 4) or pixels.shape[1] == 0:
        raise _bad_image(value, "(D, H, W) or (C, D, H, W) with C = 1, 3 or 4")
    first, *others = (_as_image(pixels[:, depth]) for depth in range(pixels.shape[1]))
    first.save(file, format="TIFF", save_all=True, append_images=others, compression="tiff_deflate")


@register_file_format("text", suffix=".txt")
def save_text(file: Path, value: Any) -> None:
    """Write text unchanged in UTF-8, a number, or a sequence of these, one on each line."""
    if isinstance(value, Tensor | np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, str | Number):
        text = str(value)
    elif isinstance(value, list | tuple) and all(isinstance(item, str | Number) for item in value):
        text = "".join(f"{item}\n" for item in value)
    else:
        raise WriterError(
            f"the value must be text, got a {type(value).__name__}",
            where="file format 'text'",
            expected="text, a number, or a list of these",
            fix="choose another value_key, or another format such as 'tensor'",
        )
    file.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def _own(value: Any) -> Any:
    """Copy every tensor and array of a value, so that none shares memory with its batch.

    Subclasses of Tensor become plain tensors, so that `torch.load(weights_only=True)` reads the file.
    """
    if isinstance(value, Tensor):
        return plain(value).cpu().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: _own(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        # plain types, so that `torch.load(weights_only=True)` reads the file
        return tuple(map(_own, value)) if isinstance(value, tuple) else list(map(_own, value))
    return value


def _as_pixels(value: Any) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Return a tensor or array as values from 0 to 255."""
    if not isinstance(value, Tensor | np.ndarray):
        raise _bad_image(value, "a tensor or array")
    tensor = torch.as_tensor(value).detach().cpu()
    if tensor.dtype is torch.bool:
        return (tensor.to(torch.uint8) * 255).numpy()
    low, high = (float(tensor.min()), float(tensor.max())) if tensor.numel() else (0.0, 0.0)
    largest = 1.0 if tensor.is_floating_point() else 255.0
    if not (low >= 0 and high <= largest):  # also catches NaN
        raise WriterError(
            f"invalid image: its {tensor.dtype} values are from {low:g} to {high:g}",
            where="file formats image_2d and image_3d",
            expected="floats in [0, 1] or integers in [0, 255]",
            fix="scale the values, for example with a sigmoid, in the step or in a LoggingAdapter's pred_transforms",
        )
    if tensor.is_floating_point():
        tensor = (tensor.float() * 255).round()
    return tensor.to(torch.uint8).numpy()


def _as_image(pixels: "np.ndarray[Any, np.dtype[np.uint8]]") -> "Image.Image":
    """Return ``(C, H, W)`` as a Pillow image."""
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels[0] if pixels.shape[0] == 1 else pixels.transpose(1, 2, 0)))


def _bad_image(value: Any, expected: str) -> WriterError:
    shape: Iterable[int] | None = getattr(value, "shape", None)
    given = f"of shape {tuple(shape)}" if shape is not None else f"of type {type(value).__name__}"
    return WriterError(
        f"the value must be an image, got one {given}",
        where="file formats image_2d and image_3d",
        expected=expected,
        fix="select or squeeze dimensions in the step or in a LoggingAdapter's pred_transforms",
    )


def _full_name(function: Any) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
