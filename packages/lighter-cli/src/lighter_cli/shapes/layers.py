"""What passes along a network: the tensors of its layers, and the number of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lighter_cli.preflight.batch_facts import tensors_in


@dataclass(frozen=True, slots=True)
class Layer:
    """What a part of an experiment gives.

    Attributes:
        name: Its name in the network; ``input``, ``output`` or ``loss``.
        kind: Its class; empty if it is not a module.
        tensors: Dtype and sizes of each tensor.
    """

    name: str
    kind: str
    tensors: tuple[tuple[str, tuple[int, ...]], ...]


class Layers:
    """Hooks that note what the first call of a network and of its direct children gives.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        self.seen: list[Layer] = []
        self._network = network
        self._names: set[str] = set()
        network.register_forward_pre_hook(self._before, with_kwargs=True)
        for name, child in network.named_children():
            child.register_forward_hook(lambda _, __, output, name=name: self._note(name, output))
        network.register_forward_hook(lambda _, __, output: self._note("output", output))

    def _before(self, network: nn.Module, args: Any, kwargs: Any) -> None:
        self._note("input", [*args, *kwargs.values()])

    def _note(self, name: str, value: Any) -> None:
        if name in self._names or "output" in self._names:
            return
        self._names.add(name)
        module = self._network if name in ("input", "output") else self._network.get_submodule(name)
        kind = "" if name == "input" else type(module).__name__
        self.seen.append(layer_of(name, kind, value))


def layer_of(name: str, kind: str, value: Any) -> Layer:
    """Return what there is to say about a value."""
    found = (tensor for _, tensor in tensors_in(value))
    return Layer(name, kind, tuple((str(one.dtype).removeprefix("torch."), tuple(one.shape)) for one in found))


def num_parameters(network: nn.Module) -> int:
    """Return the number of parameters, without those that are lazy still."""
    return sum(one.numel() for one in network.parameters() if isinstance(one, Tensor) and not is_lazy(one))
