"""Say how to write the options of earlier versions, of LightningCLI and of MONAI bundles as inputs."""

import ast
import re
import shlex
from collections.abc import Collection, Sequence

from lighter_config import Finding, Place
from lighter_config.tree.credentials import without_secrets

_FILES = ("--config", "--config_file", "--config-file", "--args_file", "--args-file")
_OVERRIDE = re.compile(r"--(?P<path>\w[\w-]*(?:(?:#|::|\.)[\w-]+)+)")
_OPTION = re.compile(r"--(?P<path>[A-Za-z]\w*)")
_VALUES = {"None": "null", "True": "true", "False": "false"}


def explain(option: str, words: Sequence[str], known: Collection[str] = ()) -> Finding | None:
    """Explain an option that gives a config or an override; ``None`` if it is another one.

    Args:
        option: The option that does not exist, as it was given or without its value.
        words: The command line: the command and what follows it.
        known: The options that exist.

    >>> print(explain("--vars#lr", ["fit", "--config=a.yaml,b.yaml", "--vars#lr=None"]).fix)
    files are arguments: lighter fit a.yaml,b.yaml vars::lr=null
    """
    name = option.partition("=")[0]
    if name not in _FILES and not _OVERRIDE.fullmatch(name):
        return None
    number = next((at for at, word in enumerate(words) if word.partition("=")[0] == name), 0)
    return Finding(
        message=f"{name} is not an option: configs and overrides are arguments",
        place=Place("command line", word=number),
        excerpt=without_secrets(words[number]),
        expected=("files, then PATH=value, with `::` between the parts of the path",),
        fix=f"files are arguments: lighter {shlex.join([words[0], *map(without_secrets, _inputs(words[1:], known))])}",
    )


def _inputs(words: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the files, the overrides and the other words of a command line, in this order."""
    files: list[str] = []
    overrides: list[str] = []
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        match = _OVERRIDE.fullmatch(name) or _OPTION.fullmatch(name)
        if name in known:
            others.append(word)
            if not equals and rest and not rest[0].startswith("-"):
                others.append(rest.pop(0))  # its value; the file after a flag may come last, too
            continue
        if not (name in _FILES or match):
            (others if word.startswith("-") else overrides if equals else files).append(word)
            continue
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "True"
        if name in _FILES:
            files.append(_without_brackets(value))
        elif match:
            path = re.sub(r"[#.]", "::", match["path"])
            overrides.append(f"{path}={_VALUES.get(value, value)}")
    return [*files, *overrides, *others]


def _without_brackets(value: str) -> str:
    """Write a Python list of files, which MONAI takes, with commas only."""
    try:
        files = ast.literal_eval(value) if value.startswith("[") else value
    except (ValueError, SyntaxError):
        return value
    return ",".join(map(str, files)) if isinstance(files, list) else value
