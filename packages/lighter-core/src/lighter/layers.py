"""Replace and remove layers of a network, in place or in a new network."""

from collections import OrderedDict

from torch import nn

from lighter.errors import LayerError, nearest_names


def replace_layer(network: nn.Module, name: str, layer: nn.Module) -> nn.Module:
    """Replace a layer by another one.

    Args:
        network: The network, changed in place.
        name: The layer's path, such as ``fc`` or ``encoder.layers.0``.
        layer: The new layer.

    Returns:
        The same network.

    Raises:
        LayerError: The network has no layer of that name.

    >>> replace_layer(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), "1", nn.Tanh())[1]
    Tanh()
    """
    names = [path for path, _ in network.named_modules(remove_duplicate=False) if path]
    if name not in names:
        raise LayerError(
            f"layer {name!r} does not exist in {type(network).__name__}",
            where="replace_layer",
            expected=f"one of {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else "a layer",
            nearest=nearest_names(name, names),
            fix="give the path of a layer",
        )
    network.set_submodule(name, layer)
    return network


def replace_layer_with_identity(network: nn.Module, name: str) -> nn.Module:
    """Replace a layer by `nn.Identity`, such as a classifier, to get the features before it.

    Args:
        network: The network, changed in place.
        name: The layer's path.

    Returns:
        The same network.

    Raises:
        LayerError: The network has no layer of that name.
    """
    return replace_layer(network, name, nn.Identity())


def remove_last_layers(network: nn.Module, num_layers: int = 1) -> nn.Sequential:
    """Remove the last children of a network and run the others in sequence.

    Use it for an `nn.Sequential`, or a network whose ``forward`` only calls its children in the order of their
    definition: anything between them, such as a flatten, is lost. For others use `replace_layer_with_identity`.

    Args:
        network: The network; it is not changed and shares its layers with the result.
        num_layers: How many children to remove.

    Returns:
        The other children in sequence, under their names.

    Raises:
        LayerError: The network has too few children.

    >>> list(dict(remove_last_layers(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))).named_children()))
    ['0', '1']
    """
    children = list(network.named_children())
    if not 1 <= num_layers < len(children):
        raise LayerError(
            f"{type(network).__name__} has {len(children)} layers, of which {num_layers} cannot be removed",
            where="remove_last_layers",
            expected=f"num_layers from 1 to {len(children) - 1}"
            if len(children) > 1
            else "a network of two or more layers",
            fix="remove fewer, or use replace_layer_with_identity",
        )
    return nn.Sequential(OrderedDict(children[:-num_layers]))
