"""Surgery on networks: replace and remove layers. All change the network in place or return the new one."""

from collections import OrderedDict

from torch import nn

from lighter.errors import LayerError, nearest_names


def replace_layer(network: nn.Module, name: str, layer: nn.Module) -> nn.Module:
    """Put another layer in the place of one.

    Args:
        network: The network, changed in place.
        name: The layer's path, such as ``fc`` or ``encoder.layers.0``.
        layer: What takes its place.

    Returns:
        The same network.

    Raises:
        LayerError: No layer has that name.

    >>> replace_layer(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), "1", nn.Tanh())[1]
    Tanh()
    """
    names = [path for path, _ in network.named_modules(remove_duplicate=False) if path]
    if name not in names:
        raise LayerError(
            f"{name!r} is not a layer of {type(network).__name__}",
            where="replace_layer",
            expected=f"one of {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else "a layer",
            nearest=nearest_names(name, names),
            fix="name a layer by its path",
        )
    network.set_submodule(name, layer)
    return network


def replace_layer_with_identity(network: nn.Module, name: str) -> nn.Module:
    """Put an `nn.Identity` in the place of a layer, such as a classifier whose features are wanted.

    Args:
        network: The network, changed in place.
        name: The layer's path.

    Returns:
        The same network.

    Raises:
        LayerError: No layer has that name.
    """
    return replace_layer(network, name, nn.Identity())


def remove_last_layers(network: nn.Module, num_layers: int = 1) -> nn.Sequential:
    """Cut the last children off and run the others one after the other.

    Right for an `nn.Sequential`, and for networks whose ``forward`` only calls its children in the order in which they
    are defined: anything between them, such as a flatten, is lost. Else use `replace_layer_with_identity`.

    Args:
        network: The network; it stays as it is, and shares its layers with the result.
        num_layers: How many children to remove.

    Returns:
        A sequence of the other children, under their names.

    Raises:
        LayerError: The network has not more children than that.

    >>> list(dict(remove_last_layers(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))).named_children()))
    ['0', '1']
    """
    children = list(network.named_children())
    if not 1 <= num_layers < len(children):
        raise LayerError(
            f"{num_layers} of the {len(children)} children of {type(network).__name__} cannot be removed",
            where="remove_last_layers",
            expected=f"num_layers from 1 to {len(children) - 1}" if len(children) > 1 else "a network of two or more",
            fix="remove fewer, or use replace_layer_with_identity",
        )
    return nn.Sequential(OrderedDict(children[:-num_layers]))
