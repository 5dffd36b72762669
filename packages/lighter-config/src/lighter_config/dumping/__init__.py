"""Write a config back: as YAML that loads to the same tree, or as Python that builds the same objects."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lighter_config.config import Config
from lighter_config.errors import PathError
from lighter_config.regular_files import with_home
from lighter_config.tree.paths import parse_path
from lighter_config.writing.plain_tree import as_written

if TYPE_CHECKING:
    from lighter_config.signatures import SignatureReader
    from lighter_config.writing.python_names import Names


def to_yaml(config: Config, *, standalone: bool = False) -> str:
    """Write a config as YAML; loading the text gives an equal tree, with every reference still a reference.

    Text that a check doubts, ``yes`` or ``...`` without quotes, stays without quotes, so that a check still finds it.

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
    copied = (file.origin for file in config._copier.files.values())
    if not standalone and not any(origin.suspects for origin in (*config._origins, *copied)):
        tree = config.tree  # made once
    else:
        tree = as_written(config._root, config._copier, standalone=standalone, marks_unquoted=True)
    if standalone and isinstance(tree.get("project"), str) and config.place("project") is not None:
        tree["project"] = _absolute_project(config, tree["project"])
    # with it comes the YAML library, a third of all import time
    from lighter_config.writing.yaml_writer import write_yaml

    return write_yaml(tree, config.place)


def _absolute_project(config: Config, folder: str) -> str:
    from lighter_config.project import locate_project  # with it come the readers of signatures

    try:
        project = locate_project(config)
    except PathError:
        project = None
    return str(with_home(folder).absolute() if project is None else project.folder)


@dataclass(frozen=True, slots=True)
class PythonCode:
    """Statements that build parts of a config.

    Attributes:
        statements: In order, each perhaps over several lines.
        variables: The variable of each section, by its path.
        arguments: The code of each other value, by its path.
    """

    statements: tuple[str, ...]
    variables: dict[str, str]
    arguments: dict[str, str]


def names_of(config: Config, taken: Collection[str] = (), project: Path | None = None) -> "Names":
    """Return what names the imports and variables of the code of a config.

    Args:
        config: The whole config.
        taken: Names that the code around the statements uses.
        project: The folder that is imported as ``project``.
    """
    from lighter_config.writing.python_names import Names
    from lighter_config.writing.python_writer import bound_in_expressions

    return Names({*taken, *bound_in_expressions(config._root)}, project)


def to_python(
    config: Config,
    names: "Names",
    reader: "SignatureReader",
    *,
    sections: Sequence[str],
    arguments: Sequence[str] = (),
    indent: int = 4,
) -> PythonCode:
    """Write the statements that build parts of a config, in the order in which ``resolve`` builds them.

    Args:
        config: The config, pruned to a stage.
        names: From ``names_of``; it collects the imports.
        reader: Reads the signatures of targets.
        sections: The paths that become variables, in the order in which they are built.
        arguments: The paths of values to write as expressions, after the sections.
        indent: The indentation of the statements.

    Raises:
        ConfigError: A part cannot be built, or is decided only when it is.
    """
    from lighter_config.writing.python_layout import layout
    from lighter_config.writing.python_writer import PythonWriter

    writer = PythonWriter(config.expanded()._root, reader, names)
    variables = {path: writer.variable(parse_path(path)) for path in sections}
    values = {path: layout(writer.expression(parse_path(path)), indent=indent) for path in arguments}
    statements = [one.text(indent) for one in (*writer.constants, *writer.statements)]
    return PythonCode(tuple(statements), variables, values)
