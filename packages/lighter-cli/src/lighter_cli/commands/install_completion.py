"""``lighter --install-completion``: write the completion script to where the shell looks for it."""

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH, Line
from lighter_config import Finding, SourceError

Shell = Literal["bash", "zsh", "fish"]


def install_completion(
    shell: Annotated[Shell | None, Parameter(help="The shell; by default the one that $SHELL names.")] = None, /
) -> None:
    """Write the completion script for a shell. None of your files is changed: the line to add to one is printed."""
    shell = shell or _login_shell(os.environ)
    file = _place(shell, os.environ)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, (files("lighter_cli.completion") / "scripts" / f"lighter.{shell}").read_text("utf-8"))
    except OSError as error:
        raise SourceError(Finding(message=f"{file} cannot be written: {error.strerror}")) from error
    output.write_lines([["wrote ", (str(file), PATH)], *_remaining(shell, file)])


def _login_shell(environment: Mapping[str, str]) -> Shell:
    name = Path(environment.get("SHELL", "")).name
    for shell in ("bash", "zsh", "fish"):
        if name == shell:
            return shell
    message = f"unknown shell {name!r}" if name else "$SHELL is not set"
    fix = "name the shell: lighter --install-completion bash"
    raise SourceError(Finding(message=message, expected=("bash", "zsh", "fish"), fix=fix))


def _place(shell: Shell, environment: Mapping[str, str]) -> Path:
    home = Path.home()
    if shell == "fish":
        return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "lighter.fish"
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "bash-completion" / "completions" / "lighter" if shell == "bash" else data / "lighter" / "lighter.zsh"


def _remaining(shell: Shell, file: Path) -> list[Line]:
    if shell == "fish":
        return [["New shells complete `lighter`."]]
    condition = " if the package bash-completion is not installed" if shell == "bash" else ", after `compinit`"
    return [[f"Add this line to ~/.{shell}rc{condition}:"], [(f'  source "{file}"', HEADING)]]
