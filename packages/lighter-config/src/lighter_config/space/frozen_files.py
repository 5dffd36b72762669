"""The config of a sweep without other files: the content of files that are choices, in place of their names."""

from lighter_config.config import Config
from lighter_config.sections import SWEEP
from lighter_config.sources.bases import BASE
from lighter_config.space.dimensions import FILES
from lighter_config.space.domains import Choice
from lighter_config.space.space import Space
from lighter_config.tree.node import NAME, Node


def with_files_inside(space: Space) -> Config:
    """Return the config of a sweep with the files of ``sweep::files`` as mappings, which keep their names.

    Its space is the same, wherever it is read and whatever has become of the files.
    """
    config = space.config
    dimensions = [dimension for dimension in space.dimensions if not dimension.path]
    if not dimensions:
        return config
    section = config._root.value[SWEEP]
    files = section.value[FILES]
    lists = [files.like([_inside(choice) for choice in dimension.choices]) for dimension in dimensions]
    new = files.like(lists)
    new.settled = False
    root = config._root.like({**config._root.value, SWEEP: section.like({**section.value, FILES: new})})
    return config._with_root(root, whole=None)


def _inside(choice: Choice) -> Node:
    """Return the content of a file, with its name and with that of its bases."""
    *bases, own = choice.parts
    content = {NAME: choice.node.like(choice.label)}
    if bases:
        content[BASE] = own.like(bases)
    mapping = own.like({**content, **own.value})
    mapping.settled = all(part.settled for part in choice.parts)
    return mapping
