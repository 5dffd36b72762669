"""The config that the inputs of a command merge into, for the commands that run nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import lighter_config
from lighter_cli.terminal import standard_input
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import Finding, Severity, Source, SourceError, parse_sources

if TYPE_CHECKING:
    from lighter_config import Config


def load_merged(inputs: Sequence[str], *, example: str, are_errors_logged: bool = True) -> "Config":
    """Load the config of some inputs, and log the notes of loading to standard error.

    Args:
        inputs: As the command line gave them.
        example: A complete command, shown when there are no inputs.
        are_errors_logged: Whether errors are logged too; a check that follows reports them.

    Raises:
        ConfigError: The inputs do not make a config.
    """
    if not inputs:
        raise SourceError(Finding(message="no config given", fix=f"name one: {example}"))
    config = lighter_config.load(parse_words(inputs))
    log_findings(note for note in config.notes if are_errors_logged or note.severity is not Severity.ERROR)
    return config


def parse_words(inputs: Sequence[str]) -> list[Source]:
    """Decide what each input of a command is.

    Raises:
        ConfigError: One of them is nothing that a config can be loaded from.
    """
    return parse_sources(standard_input.restore(inputs), from_command_line=True, look_up_run=look_up_run)


def look_up_run(word: str) -> Path | tuple[str, ...]:
    """Find the run that a word names, see ``lighter_cli.runs.lookup``."""
    from lighter_cli.runs import lookup  # most words are files and overrides

    return lookup.look_up_run(word)
