"""Where the references of a tree lead."""

from collections.abc import Iterator

from lighter_config.errors import ConfigError
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.reference_syntax import Reference
from lighter_config.tree.references import absolute_path, find_references
from lighter_config.tree.walking import walk


def targets_in(root: Node, at: Segments = ()) -> Iterator[tuple[Segments, Reference, Segments]]:
    """Yield each readable reference below a node: where it is, itself, and the absolute path that it names.

    References to other files are left out, and those that cannot be read: the check of references reports these.

    Args:
        root: Where to start.
        at: The path of ``root``.
    """
    for path, node in walk(root, at):
        if type(node.value) is not str or node.value[:1] not in ("@", "%", "$"):
            continue
        try:
            found = [(reference, absolute_path(reference, path)) for reference in find_references(node.value)]
        except ConfigError:
            continue
        yield from ((path, reference, target) for reference, target in found if not reference.file)
