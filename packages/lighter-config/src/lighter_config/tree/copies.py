"""New nodes for a tree, so that merging into it leaves the old ones as they are."""

from collections.abc import Callable

from lighter_config.tree.node import Node


def copied(node: Node, change: Callable[[Node], None] | None = None) -> Node:
    """Return a tree of new nodes with the same values and places.

    Args:
        node: The root of the tree.
        change: Called with each new node.
    """
    copy = node.like(node.value)
    if change is not None:
        change(copy)
    if node.is_mapping:
        copy.value = {key: copied(child, change) for key, child in node.value.items()}
    elif node.is_list:
        copy.value = [copied(child, change) for child in node.value]
    return copy
