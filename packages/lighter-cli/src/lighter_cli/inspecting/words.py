"""Read the words of the commands that only look at a config, without Cyclopts, whose import takes longer than they do.

Only words that leave no doubt are read here. All others, such as those with a mistake, are left to Cyclopts, so that
help and errors are of one form. ``tests/inspecting/test_words.py`` compares both.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any


@dataclass(frozen=True, slots=True)
class _Command:
    """A command.

    Attributes:
        function: Its module in this package, and its name there.
        flags: Its options without a value.
        choices: Its options with one value, with the values that they take; an empty tuple stands for any text.
        lists: Its options that collect values, and whether one takes all words up to the next option.
        positions: The names of the words that come before the inputs.
        required: The options that must be given.
        exclusive: Options of which only one may be given.
    """

    function: tuple[str, str]
    flags: Sequence[str]
    choices: Mapping[str, Sequence[str]]
    lists: Mapping[str, bool]
    positions: Sequence[str] = ()
    required: Sequence[str] = ()
    exclusive: Sequence[str] = ()


_STAGES = ("fit", "validate", "test", "predict")
_COMMANDS = {
    "check": _Command(
        function=("check", "check_inputs"),
        flags=("all-stages", "each", "deep", "shapes", "safe", "verbose", "strict"),
        choices={"stage": _STAGES, "format": ("text", "json", "github")},
        lists={"allow": False},
        exclusive=("stage", "all-stages"),
    ),
    "show": _Command(("show", "show_config"), ("resolve", "blame", "json"), {"stage": _STAGES}, {}),
    "explain": _Command(("explain", "explain_value"), ("json",), {}, {}, positions=("path",)),
    "diff": _Command(("diff", "show_differences"), ("json",), {}, {"against": True}, required=("against",)),
}


def command_of(words: Sequence[str]) -> Callable[[], int | None] | None:
    """Return what runs the command that words ask for; ``None`` if they leave doubt, or ask for another command.

    >>> command_of(["check", "config.yaml", "--strict"]).keywords["strict"]
    True
    >>> command_of(["check", "config.yaml", "--strikt"]) is None
    True
    """
    command = _COMMANDS.get(words[0]) if words else None
    given = None if command is None else arguments_of(words)
    if command is None or given is None:
        return None
    module, name = command.function
    return partial(getattr(importlib.import_module(f"lighter_cli.inspecting.{module}"), name), **given)


def arguments_of(words: Sequence[str]) -> dict[str, Any] | None:
    """Return the arguments of the function of a command; ``None`` if the words leave doubt.

    Args:
        words: The name of the command and the words after it.
    """
    command = _COMMANDS[words[0]]
    inputs: list[str] = []
    given: dict[str, Any] = {}
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if not _is_option(word):
            inputs.append(word)
            continue
        name, has_value, value = word.removeprefix("--").partition("=")
        if name in command.flags and not has_value and name not in given and word.startswith("--"):
            given[name] = True
            continue
        if name not in (*command.choices, *command.lists) or not word.startswith("--"):
            return None
        values = _values([value, *rest] if has_value else rest, takes_all=command.lists.get(name, False))
        rest = rest[len(values) - bool(has_value) :]
        if not values or any(not one or _is_option(one) for one in values):
            return None
        if name in command.lists:
            given[name] = [*given.get(name, ()), *values]
        elif name in given or values[0] not in command.choices[name]:
            return None
        else:
            given[name] = values[0]
    is_complete = len(inputs) >= len(command.positions) and all(name in given for name in command.required)
    if not is_complete or len(set(command.exclusive) & given.keys()) > 1:
        return None
    arguments: dict[str, Any] = {name.replace("-", "_"): value for name, value in given.items()}
    if "stage" in arguments:
        from lighter_config import Stage

        arguments["stage"] = Stage(arguments["stage"])
    positions = dict(zip(command.positions, inputs, strict=False))
    return {**positions, "inputs": inputs[len(positions) :], **arguments}


def _values(words: Sequence[str], *, takes_all: bool) -> list[str]:
    """Return the values of an option among the words behind it: the first, or all up to the next option."""
    most = len(words) if takes_all else 1
    return [*words[:1], *takewhile(lambda word: not _is_option(word), words[1:most])]


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"  # that is the standard input
