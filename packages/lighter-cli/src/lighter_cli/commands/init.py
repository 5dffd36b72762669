"""``lighter init``: make a folder with an experiment that runs at once and passes its own tests."""

import shlex
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lighter_cli import installed_from
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, Line
from lighter_config import Finding, SourceError
from lighter_config.regular_files import exists, is_folder, with_home

Template = Literal["digits", "module", "system"]

TEMPLATES: dict[Template, str] = {
    "digits": "handwritten digits from a config alone; needs scikit-learn",
    "module": "a LightningModule, a network and data of your own",
    "system": "a network and data of your own, the training steps from Lighter",
}
"""What each template is, by its name."""

_REQUIREMENTS = "requirements.txt"
_GITIGNORE = "gitignore"  # with a dot in front it would apply to the repository of this package


def init(
    folder: Annotated[str, Parameter(help="The folder to make. It may exist, but must be empty.")],
    /,
    *,
    template: Annotated[
        Template,
        Parameter(help="; ".join(f"{name}: {what}" for name, what in TEMPLATES.items()) + ".", show_choices=False),
    ] = "digits",
) -> None:
    """Make a folder with an experiment that runs at once, its README and its test."""
    destination = with_home(folder)
    _check_is_free(destination)
    try:
        _copy(template, destination)
    except (OSError, ValueError) as error:  # no folder can have this name
        message = f"{folder} cannot be written: {getattr(error, 'strerror', None) or error}"
        raise SourceError(Finding(message=message, fix="name a folder that you can write to")) from error
    commands: list[Line] = [[("  " + command, HEADING)] for command in _next_commands(destination)]
    output.write_lines([[f"{folder} is ready. Next:"], *commands])


def _check_is_free(destination: Path) -> None:
    """Raise unless the destination is free.

    Raises:
        SourceError: The destination is a file, or a folder that is not empty.
    """
    if is_folder(destination):
        held = sorted(entry.name for entry in destination.iterdir())
        if not held:
            return
        shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
        message = f"the folder {str(destination)!r} is not empty: it holds {shown}"
    elif exists(destination):
        message = f"{str(destination)!r} must be a folder, is a file"
    else:
        return
    raise SourceError(Finding(message=message, fix="name a folder that does not exist: lighter init my_experiment"))


def _copy(template: str, destination: Path) -> None:
    with as_file(files("lighter_cli") / "templates") as templates:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(templates / template, destination, dirs_exist_ok=True, ignore=ignored)
        shutil.copyfile(templates / _GITIGNORE, destination / ".gitignore")
    file = destination / _REQUIREMENTS
    needed = [line for line in file.read_text().splitlines() if line != "lighter-cli"]
    file.write_text("\n".join([*installed_from.requirements(), *needed]) + "\n")


def _next_commands(destination: Path) -> list[str]:
    enter = [] if destination.resolve() == Path.cwd() else [f"cd {shlex.quote(str(destination))}"]
    return [*enter, f"pip install -r {_REQUIREMENTS}", "lighter fit config.yaml", "pytest"]
