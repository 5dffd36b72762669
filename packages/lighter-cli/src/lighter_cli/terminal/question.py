"""Ask the user before something is lost."""

import sys

from lighter_cli.terminal.control_characters import escaped
from lighter_config import Finding, SourceError


def is_confirmed(question: str) -> bool:
    """Return whether the user answers ``y`` or ``yes``.

    Raises:
        SourceError: Standard input is not a terminal, so that nobody can answer.
    """
    if not sys.stdin.isatty():
        message = "this asks before it deletes, and standard input is not a terminal"
        raise SourceError(Finding(message=message, fix="add --yes to delete without a question"))
    answer = ""
    try:
        sys.stderr.write(escaped(f"{question} [y/N] "))
        sys.stderr.flush()
        answer = sys.stdin.readline()
    finally:
        if not answer.endswith("\n"):  # after Ctrl-C or Ctrl-D the cursor is still behind the question
            sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")
