"""The names of parameters and normalisation layers, as users write them."""

from collections.abc import Iterable
from typing import Any

from pytorch_lightning import LightningModule
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

_WRAPPERS = (
    "_orig_mod.",
    "_fsdp_wrapped_module.",
    "_checkpoint_wrapped_module.",
)  # added by compile, FSDP and activation checkpoints


def clean(name: str) -> str:
    """Remove the parts of a name that wrappers add."""
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def rename_as(own: Iterable[str], state: dict[str, Any]) -> None:
    """Give the entries of a state dict the names that they have here, whatever wraps the modules here and there.

    >>> state = {"network._orig_mod.weight": 1}
    >>> rename_as(["network.weight"], state)
    >>> state
    {'network.weight': 1}
    """
    here = {clean(name): name for name in own}
    for name in list(state):
        if (new := here.get(clean(name), name)) != name:
            state[new] = state.pop(name)


def bare(name: str) -> str:
    """Remove the attribute of the network from a name: ``network``, or ``model`` of older versions."""
    return name.removeprefix("network.") if name.startswith("network.") else name.removeprefix("model.")


def is_in_module(name: str, module: str) -> bool:
    """Return whether a parameter is in a module, at any depth."""
    return name.startswith(f"{module.removesuffix('.')}.")


def parameters_of(pl_module: LightningModule) -> list[tuple[str, nn.Parameter]]:
    """List each parameter once, with its first name."""
    return [(clean(name), parameter) for name, parameter in pl_module.named_parameters()]


def norm_layers_of(pl_module: LightningModule) -> dict[str, nn.Module]:
    """Return the layers with running statistics."""
    return {
        clean(name): layer
        for name, layer in pl_module.named_modules()
        if isinstance(layer, _NormBase) and layer.track_running_stats
    }


def names_in_layer(name: str, layer: nn.Module) -> list[str]:
    """Name a normalisation layer's parameters; a layer without parameters is named by its running mean."""
    return [f"{name}.{parameter}" for parameter, _ in layer.named_parameters()] or [f"{name}.running_mean"]


def selectable_names(pl_module: LightningModule) -> dict[str, str]:
    """Map all names that a selection may match to the first name of the same parameter, as weights may be tied."""
    first_names = {parameter: name for name, parameter in parameters_of(pl_module)}
    names = {
        clean(name): first_names[parameter] for name, parameter in pl_module.named_parameters(remove_duplicate=False)
    }
    for layer_name, layer in norm_layers_of(pl_module).items():
        names |= {name: name for name in names_in_layer(layer_name, layer) if name not in names}
    return names


def module_paths(names: Iterable[str]) -> list[str]:
    """List the modules that contain parameters of these names."""
    parts = (bare(name).split(".")[:-1] for name in names)
    return list(dict.fromkeys(".".join(path[:end]) for path in parts for end in range(1, len(path) + 1)))
