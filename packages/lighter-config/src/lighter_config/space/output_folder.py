"""The folder that a trial writes to: the value that ``trainer::default_root_dir`` is, or refers to."""

from lighter_config.config import Config
from lighter_config.errors import ConfigError
from lighter_config.merging.changes import Change
from lighter_config.merging.merger import Merger
from lighter_config.sections import TRAINER
from lighter_config.tree.copies import copied
from lighter_config.tree.node import MAX_DEPTH, Node, Segments
from lighter_config.tree.origins import Caller
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import absolute_path, find_references, is_copy, is_reference
from lighter_config.tree.walking import follow

_ROOT_DIR: Segments = (TRAINER, "default_root_dir")


def folder_path(config: Config) -> str:
    """Return the path of the value that names the folder: ``default_root_dir``, or what that refers to.

    >>> from lighter_config import load
    >>> folder_path(load({"vars": {"output": "out"}, "trainer": {"default_root_dir": "%vars::output"}}))
    'vars::output'
    """
    return format_path(_path(config))


def in_folder(config: Config, folder: str, *, written_by: str = "the folder of the trial") -> Config:
    """Return a config whose runs write to a folder.

    Args:
        config: The config, as it was loaded.
        folder: The folder.
        written_by: The place of the value.
    """
    if not isinstance(config.get(TRAINER, None), dict):
        return config
    root = copied(config._root)
    Merger().apply(root, Change("replace", _path(config), Node(folder, Caller(written_by, None))))
    return config._with_root(root, whole=None)


def _path(config: Config) -> Segments:
    path = _ROOT_DIR
    for _ in range(MAX_DEPTH):
        node, _, rest = follow(config._root, path)
        if rest or not (is_reference(node.value) or is_copy(node.value)):
            break
        try:
            reference = find_references(node.value)[0]
            target = absolute_path(reference, path)
        except ConfigError:
            break  # reported by the check of references
        if reference.file or follow(config._root, target).rest:
            break
        path = target
    return path
