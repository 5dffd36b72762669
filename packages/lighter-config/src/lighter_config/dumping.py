"""Write a config back as YAML that loads to the same tree and still follows its references."""

from pathlib import Path

from lighter_config.config import Config
from lighter_config.tree.node import Node
from lighter_config.writing.plain_tree import as_written


def to_yaml(config: Config, *, standalone: bool = False) -> str:
    """Write a config as YAML; loading the text gives an equal tree, with every reference still a reference.

    Args:
        config: What to write. A pruned or expanded config is written as it is.
        standalone: Make the text independent of other files and of the working directory: ``%file.yaml::path`` is
            replaced by what it copies, and ``project`` becomes absolute.

    Raises:
        DumpError: A value is an object that YAML has no form for.

    >>> from lighter_config import load
    >>> print(to_yaml(load({"vars": {"lr": 1e-3, "name": "1e-3"}, "model": {"lr": "@vars::lr"}})), end="")
    vars:
      lr: 0.001
      name: '1e-3'
    model:
      lr: '@vars::lr'
    """
    tree = config.tree
    if standalone:
        tree = as_written(config._root, config._copier, standalone=True)
        if isinstance(tree.get("project"), str) and config.place("project") is not None:
            tree = {**tree, "project": _absolute_project(tree["project"], config._root.value["project"])}
    # with it comes the YAML library, a third of all import time
    from lighter_config.writing.yaml_writer import write_yaml

    return write_yaml(tree, config.place)


def _absolute_project(folder: str, node: Node) -> str:
    path = Path(folder).expanduser()
    if not path.is_absolute() and not path.exists() and node.origin.folder is not None:
        beside_file = node.origin.folder / path
        path = beside_file if beside_file.exists() else path
    return str(path.absolute())
