"""Complete a command line: commands, options, files, and paths in the configs among its inputs."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType

from cyclopts import App
from cyclopts.argument import Argument, ArgumentCollection

from lighter_cli.completion.config_paths import config_words, dimension_words, paths_in
from lighter_cli.completion.files import config_files, files_of, folders

_CKPT_PATH, _TEMPLATE, _AGAINST, _METRIC = "--ckpt-path", "--template", "--against", "--metric"

# The modules of runs and templates take longer to import than most answers; few presses of the tab key ask for them.


def _templates() -> list[str]:
    from lighter_cli.commands.init import TEMPLATES

    return [f"{name} " for name in TEMPLATES]


def _metrics() -> list[str]:
    from lighter_cli.runs.listing import listed_runs

    return [f"{name} " for run in listed_runs(Path.cwd()) for name in run.metrics]


_OF_OPTIONS: MappingProxyType[str, Callable[[str], list[str]]] = MappingProxyType(
    {
        _CKPT_PATH: lambda text: [*("last ", "best "), *files_of(text, (".ckpt",))],
        _TEMPLATE: lambda text: _templates(),  # noqa: ARG005
        _METRIC: lambda text: _metrics(),  # noqa: ARG005
    }
)
"""The candidates of options whose type does not list them."""


def candidates(app: App, words: Sequence[str], index: int) -> list[str]:
    """Return the candidates for the word under the cursor.

    A candidate is a full word; it ends in a space if it is complete.

    Args:
        app: The commands.
        words: The words after ``lighter``, with the one under the cursor.
        index: The index of that word; ``len(words)`` for a new word.
    """
    text = words[index] if index < len(words) else ""
    return sorted({word for word in _all(app, words, index, text) if word.startswith(text)})


def _all(app: App, words: Sequence[str], index: int, text: str) -> Iterator[str]:
    command, depth = _command(app, words[:index])
    if command.default_command is None or command is app:
        names = [name for name in command if text.startswith("-") or not name.startswith("-")]
        yield from (f"{name} " for name in names)
        return
    arguments = command.assemble_argument_collection()
    option = _option_that_wants(arguments, words[depth:index])
    if option is not None and _AGAINST not in option.names:
        yield from _values(option, text)
        return
    if text.startswith("--") and "=" in text:
        name, _, value = text.partition("=")
        yield from (f"{name}={candidate}" for candidate in _values(arguments.get(name, None), value))
        return
    if text.startswith("-"):
        given = {word.partition("=")[0] for word in words[depth:index]}
        missing = (argument for argument in arguments if not given & set(argument.names))
        yield from (f"{name} " for argument in missing for name in _options(argument))
        yield "--help "
        return
    before = _experiment(arguments, words[depth:index])
    after = list(takewhile(lambda word: not word.startswith("--"), words[index + 1 :]))
    takes_words = any(argument.index is not None for argument in arguments)
    of_runs = _runs if takes_words else _nothing
    complete = of_runs if words[0] == "runs" else _OF_COMMANDS.get(words[0], _words)
    yield from complete(before, after, text)


def _command(app: App, words: Sequence[str]) -> tuple[App, int]:
    """Return the command that the first words name, and their number."""
    depth = 0
    while depth < len(words) and words[depth] in app:
        app = app[words[depth]]
        depth += 1
    return app, depth


def _options(argument: Argument) -> list[str]:
    return [name for name in argument.names if name.startswith("--") and "_" not in name]


def _option_that_wants(arguments: ArgumentCollection, words: Sequence[str]) -> Argument | None:
    """Return the option whose value comes next, or ``None``."""
    found = None
    for word in words:
        if word.startswith("--"):
            named = arguments.get(word, None)
            found = named if named is not None and not _is_flag(named) else None
        elif found is not None and _AGAINST not in found.names:
            found = None
    return found


def _is_flag(argument: Argument) -> bool:
    return any(name.startswith("--no-") for name in argument.names) or argument.hint is bool


def _values(argument: Argument | None, text: str) -> Iterator[str]:
    if argument is None:
        return
    for choice in argument.get_choices() or ():
        yield f"{choice} "
    for name in set(_options(argument)) & set(_OF_OPTIONS):
        yield from _OF_OPTIONS[name](text)


def _experiment(arguments: ArgumentCollection, words: Sequence[str]) -> list[str]:
    """Return the inputs of the config under the cursor: without options, and only one side of ``--against``."""
    side: list[str] = []
    wanted = False
    for word in words:
        if word == _AGAINST:
            side = []
        elif word.startswith("--"):
            named = arguments.get(word, None)
            wanted = named is not None and not _is_flag(named)
            continue
        elif not wanted:
            side.append(word)
        wanted = False
    return side


def _words(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:
    """Complete a config file, an override, or the id of a run, which starts with the year."""
    yield from config_files(text)
    if text[:1].isdigit():
        yield from _ids()
    yield from config_words([*before, *after], text)


def _words_and_dimensions(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:
    """Complete a config file, an override or a dimension."""
    yield from config_files(text)
    yield from dimension_words([*before, *after], text)


def _path_then_words(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:
    """Complete the words of ``explain``: a path in the config, then the inputs of that config."""
    yield from _words(before[1:], after, text) if before else paths_in(after, text)


def _runs(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:  # noqa: ARG001
    yield "last "
    yield from _ids()


def _ids() -> Iterator[str]:
    from lighter_cli.runs.index import name_of
    from lighter_cli.runs.listing import recorded_folders

    return (f"{name_of(folder)} " for folder in recorded_folders(Path.cwd()))


def _yaml_files(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:  # noqa: ARG001
    yield from files_of(text, (".yaml", ".yml", ".json"))


def _folders(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:  # noqa: ARG001
    yield from folders(text)


def _nothing(before: Sequence[str], after: Sequence[str], text: str) -> Iterator[str]:  # noqa: ARG001
    yield from ()


_OF_COMMANDS: MappingProxyType[str, Callable[[Sequence[str], Sequence[str], str], Iterator[str]]] = MappingProxyType(
    {
        "explain": _path_then_words,
        "sweep": _words_and_dimensions,
        "pack": _runs,
        "migrate": _yaml_files,
        "init": _folders,
        "describe": _nothing,
    }
)
