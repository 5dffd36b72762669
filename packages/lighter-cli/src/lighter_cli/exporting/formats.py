"""The formats of exported networks: how each is written, and read again to be checked."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Inputs = Sequence[Tensor]
Call = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exported networks.

    Attributes:
        suffix: The suffix of its files.
        write: Writes a network; a graph is recorded while the network takes the inputs.
        read: Reads the file. The network shows the structure to formats that hold weights alone.
        is_graph: Whether the file holds the computation, and not the weights alone.
        packages: The distributions that it needs besides torch.
        replacement: The format that torch recommends instead, if it has deprecated this one.
    """

    suffix: str
    write: Callable[[nn.Module, Inputs, Path], None]
    read: Callable[[Path, nn.Module], Call]
    is_graph: bool
    packages: tuple[str, ...] = ()
    replacement: str = ""


def _write_state_dict(network: nn.Module, _inputs: Inputs, file: Path) -> None:
    torch.save(network.state_dict(), file)


def _read_state_dict(file: Path, network: nn.Module) -> Call:
    emptied = _emptied(network)
    emptied.load_state_dict(torch.load(file, weights_only=True))
    return emptied


def _write_safetensors(network: nn.Module, _inputs: Inputs, file: Path) -> None:
    from safetensors.torch import save_model

    save_model(network, str(file))


def _read_safetensors(file: Path, network: nn.Module) -> Call:
    from safetensors.torch import load_model

    emptied = _emptied(network)
    load_model(emptied, str(file))
    return emptied


def _write_torchscript(network: nn.Module, inputs: Inputs, file: Path) -> None:
    with _deprecations_hidden():
        torch.jit.trace(network, tuple(inputs)).save(str(file))  # type: ignore[no-untyped-call]


def _read_torchscript(file: Path, _network: nn.Module) -> Call:
    with _deprecations_hidden():
        return torch.jit.load(str(file))  # type: ignore[no-any-return, no-untyped-call]


@contextmanager
def _deprecations_hidden() -> Iterator[None]:
    """Leave out torch's warnings, of one category or another, that TorchScript is deprecated: the command says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.")
        yield


def _exported(network: nn.Module, inputs: Inputs) -> torch.export.ExportedProgram:
    # a batch of one would be taken as the only size
    several = tuple(torch.cat([given, given]) if given.ndim and len(given) == 1 else given for given in inputs)
    sizes = tuple({0: torch.export.Dim.AUTO} if given.ndim else {} for given in inputs)
    return torch.export.export(network, several, dynamic_shapes=sizes)


def _write_torch_export(network: nn.Module, inputs: Inputs, file: Path) -> None:
    with file.open("wb") as stream:  # of a file torch wants the suffix, which one that is not complete does not have
        torch.export.save(_exported(network, inputs), stream)


def _read_torch_export(file: Path, _network: nn.Module) -> Call:
    with file.open("rb") as stream:
        return torch.export.load(stream).module()


def _write_onnx(network: nn.Module, inputs: Inputs, file: Path) -> None:
    torch.onnx.export(_exported(network, inputs), (), file, dynamo=True, external_data=False, verbose=False)


def _read_onnx(file: Path, _network: nn.Module) -> Call:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def call(*inputs: Tensor) -> list[Tensor]:
        given = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        return [torch.from_numpy(value) for value in session.run(None, given)]

    return call


def _emptied(network: nn.Module) -> nn.Module:
    """Return a copy of a network without its weights, so that those of the file are seen."""
    emptied = copy.deepcopy(network)
    for value in emptied.state_dict().values():
        value.zero_()
    return emptied


FORMATS = {
    "state_dict": Format(".pt", _write_state_dict, _read_state_dict, is_graph=False),
    "safetensors": Format(".safetensors", _write_safetensors, _read_safetensors, False, ("safetensors",)),
    "torchscript": Format(".ts", _write_torchscript, _read_torchscript, True, replacement="torch.export"),
    "torch.export": Format(".pt2", _write_torch_export, _read_torch_export, is_graph=True),
    "onnx": Format(".onnx", _write_onnx, _read_onnx, True, ("onnx", "onnxscript", "onnxruntime")),
}
"""The formats, by the name that ``--format`` takes."""
