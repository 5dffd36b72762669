"""Export a network, and compare what was written with the network on the same inputs."""

from __future__ import annotations

import errno
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from lighter_cli.errors import ExportError
from lighter_cli.exporting.formats import FORMATS, Call, Format
from lighter_config import Finding, Place

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_TOLERANCE = 1e-3  # of the largest output; rounding of float32 in another order is a thousandth of it


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an exported network compares with the network.

    Attributes:
        difference: The largest absolute difference of an output; of a weight, where there are no inputs.
        largest: The largest absolute value of the network's own.
        takes_any_batch: Whether it takes batches of another size; ``None`` for weights alone.
    """

    difference: float
    largest: float
    takes_any_batch: bool | None


def export_network(network: nn.Module, name: str, file: Path, inputs: Sequence[Tensor]) -> Comparison:
    """Write a network in a format, read the file again, and compare the two on the same inputs.

    The file has its name only when it has passed the comparison.

    Args:
        network: The network, in evaluation mode and on the CPU.
        name: The name of the format.
        file: The file to write.
        inputs: Inputs of the network; without them only weights can be compared.

    Raises:
        ExportError: A package is missing, the network cannot be exported, or the file gives other outputs.
    """
    format_ = FORMATS[name]
    _check_packages(name, format_)
    own = _own_outputs(network, inputs) if inputs else _weights(network)
    if inputs and _difference(own, _outputs(network, inputs)) > 0:
        raise ExportError(
            Finding(
                message="the network gives other outputs for the same input each time, so nothing can be compared",
                fix="let its `forward` draw no random numbers in evaluation mode",
            )
        )
    partial = file.with_name(f".{file.name}-{os.urandom(4).hex()}.partial")
    with _writing(file):
        partial.touch()  # exporters raise any type if they cannot write
    mode = partial.stat().st_mode
    try:
        with _explained(name, file), _quiet():
            format_.write(network, inputs, partial)
            read = format_.read(partial, network)
            theirs = _outputs(read, inputs) if inputs else _weights(read)
        compared = Comparison(_difference(own, theirs), _largest(own), _takes_any_batch(network, read, inputs, format_))
        if not compared.difference <= _TOLERANCE * max(1.0, compared.largest):
            raise ExportError(
                Finding(
                    message=f"the exported network gives other outputs: they differ by up to {compared.difference:.3g}",
                    expected=(f"at most {_TOLERANCE:g} of the largest output, {compared.largest:.3g}",),
                    fix="look for branches on values, which a recorded graph does not have, or use another --format",
                )
            )
        with _writing(file):
            partial.chmod(mode)  # safetensors writes a file that nobody else can read
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return compared


def _check_packages(name: str, format_: Format) -> None:
    missing = [package for package in format_.packages if find_spec(package) is None]
    if missing:
        raise ExportError(
            Finding(
                message=f"--format {name} needs {', '.join(missing)}, which is not installed",
                fix=f"pip install {' '.join(missing)}",
            )
        )


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Say that a file cannot be written.

    Raises:
        ExportError: It cannot.
    """
    try:
        yield
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> ExportError:
    message = f"{file} cannot be written: {error.strerror or error}"
    fix = "name a file in a folder that you can write to"
    return ExportError(Finding(message=message, place=Place("option --output"), excerpt=str(file), fix=fix))


@contextmanager
def _explained(name: str, file: Path) -> Iterator[None]:
    try:
        yield
    except (ImportError, ExportError):
        raise
    except Exception as error:  # exporters raise any type
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise _unwritable(file, error) from error
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ExportError(
            Finding(
                message=f"the network cannot be exported as {name}: {reason}",
                fix="see the cause with --traceback, or use another --format; state_dict takes every network",
            )
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what exporters report about operators of packages that are not there, and about their own code."""
    exporter = logging.getLogger("torch.onnx")
    level = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)
            yield
    finally:
        exporter.setLevel(level)


def _own_outputs(network: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    try:
        return _outputs(network, inputs)
    except Exception as error:  # a network raises any type
        shapes = " and ".join(",".join(map(str, given.shape)) for given in inputs)
        raise ExportError(
            Finding(
                message=f"the network cannot take inputs of shape {shapes}: {error}",
                place=Place("option --input"),
                fix="give the shapes that its `forward` takes, the batch first, one --input for each argument",
            )
        ) from error


def _outputs(network: Call, inputs: Sequence[Tensor]) -> list[Tensor]:
    with torch.no_grad():
        return [value for value in pytree.tree_leaves(network(*inputs)) if isinstance(value, Tensor)]


def _weights(network: Any) -> list[Tensor]:
    return [value for _, value in sorted(network.state_dict().items())]


def _difference(own: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    if [value.shape for value in own] != [value.shape for value in theirs]:
        return torch.inf
    pairs = [(a.double(), b.double()) for a, b in zip(own, theirs, strict=True) if a.numel()]
    # nan and infinities are equal to themselves here
    return max(
        (float((a - b).abs().masked_fill((a == b) | (a.isnan() & b.isnan()), 0).max()) for a, b in pairs), default=0.0
    )


def _largest(values: Sequence[Tensor]) -> float:
    return max((float(value.double().abs().nan_to_num().max()) for value in values if value.numel()), default=0.0)


def _takes_any_batch(network: Call, read: Call, inputs: Sequence[Tensor], format_: Format) -> bool | None:
    if not format_.is_graph:
        return None
    larger = [torch.cat([given] * 3) if given.ndim else given for given in inputs]
    try:
        own = _outputs(network, larger)
        return _difference(own, _outputs(read, larger)) <= _TOLERANCE * max(1.0, _largest(own))
    except Exception:  # runtimes raise any type for a shape that they do not take
        return False
