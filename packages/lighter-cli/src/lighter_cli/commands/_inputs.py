"""The merged config that the words of a command name, for commands that run nothing."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.terminal import standard_input
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import Config, Finding, Place, SourceError, format_path, load

Words = Annotated[
    str,
    Parameter(
        help="Config files, runs, checkpoints, and overrides such as trainer::max_epochs=3; later ones win. "
        "'-' reads standard input."
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative=(), show_default=False, help="Print JSON, for tools.")]


def load_merged(words: Sequence[str], *, example: str) -> Config:
    """Load what the words of a command name, and say what loading has to note, on standard error.

    Args:
        words: As the command line gave them.
        example: How the command is used, for when there are none.

    Raises:
        ConfigError: The words do not make a config.
    """
    if not words:
        raise SourceError(Finding(message="no config is named", fix=f"name one: {example}"))
    config = load(standard_input.restore(words))
    log_findings(config.notes)
    return config


def written_values(config: Config) -> Iterator[tuple[str, Any, Place]]:
    """Yield path, value and place of everything that is written: the tree, then what is changed in copies of ``%``."""
    seen: set[str] = set()
    for part in (config, config.expanded()):
        for segments, value in part.walk():
            path = format_path(segments)
            place = part.place(path)
            if path in seen or place is None or (part is not config and place.via):
                continue
            seen.add(path)
            yield path, value, place
