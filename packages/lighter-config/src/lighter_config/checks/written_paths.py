"""The arguments of callbacks, loggers and profilers that say where they write."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lighter_config.checks.components import Component
from lighter_config.config import Config
from lighter_config.dumping.resolved_view import resolved
from lighter_config.sections import TRAINER
from lighter_config.space.output_folder import in_folder
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy

_ARGUMENTS = {
    "callbacks": ("dirpath", "path", "directory", "save_dir", "save_path", "output_dir", "output_path", "out_dir"),
    "logger": ("save_dir",),
    "profiler": ("dirpath",),
}
_FOLDER = "\0folder"  # no file can have this name


class WrittenPath(NamedTuple):
    """An argument that says where a callback or logger writes.

    Attributes:
        component: Whose argument it is.
        path: Its place in the config.
        value: The folder or file, as far as it is known without building anything.
        is_in_folder: Whether it is below ``trainer::default_root_dir``, or below what that refers to.
    """

    component: Component
    path: Segments
    value: str
    is_in_folder: bool


def written_paths(config: Config, components: Iterable[Component]) -> Iterator[WrittenPath]:
    """Yield the places of callbacks and loggers whose values are known without building anything.

    Args:
        config: The config.
        components: Its components.
    """
    arguments = [
        (component, (*component.path, name))
        for component in components
        if component.path[0] == TRAINER and len(component.path) > 1
        for name in _ARGUMENTS.get(str(component.path[1]), ())
        if isinstance(component.keywords.get(name), str)
    ]
    if not arguments:
        return
    elsewhere, known = resolved(in_folder(config, _FOLDER)), resolved(config)
    for component, path in arguments:
        value = elsewhere.get(format_path(path), None)
        if not isinstance(value, str) or is_computed(value) or is_copy(value):
            continue
        is_in_folder = _FOLDER in value
        value = known.get(format_path(path), None) if is_in_folder else value
        if isinstance(value, str):
            yield WrittenPath(component, path, value, is_in_folder)
