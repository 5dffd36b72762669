"""Name an argument of a stage as its caller writes it: an option of a command, or a keyword in Python."""

from lighter_cli.terminal.process import is_command
from lighter_config import Place
from lighter_config.sources.words import caller_place


def spelled(option: str, keyword: str) -> str:
    """Return the option if a command runs, else the keyword."""
    return option if is_command() else keyword


def place_of(option: str, keyword: str) -> Place:
    """Return the place of an argument: an option, or the line of Python that gives the keyword."""
    return Place(f"option {option}" if is_command() else f"{caller_place()}, argument {keyword}")
