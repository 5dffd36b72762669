"""``lighter show``: the merged config, as YAML that runs again."""

import bisect
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from lighter_cli.commands._inputs import Json, Words, load_merged, written_values
from lighter_cli.terminal import output
from lighter_config import Config, ConfigError, Stage, load, prune, to_yaml
from lighter_config.sources.words import StdinSource
from lighter_config.tree.references import find_references, is_copy

_MAX_COMMENT_COLUMN = 50
_MIN_COMMENT_COLUMN = 20


def show(
    *words: Words,
    stage: Annotated[Stage | None, Parameter(help="Only what this stage uses, with every copy written out.")] = None,
    blame: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Say beside each value which place set it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the merged config. The output is YAML that runs again."""
    config = load_merged(words, example="lighter show config.yaml")
    if stage is not None:
        config = prune(config, stage)
    if as_json:
        output.write_json({"config": config.tree, "places": _places(config)} if blame else config.tree)
        return
    text = to_yaml(config, standalone=_needs_its_files(config))
    _write_yaml(_blamed(text, config) if blame else text)


def _needs_its_files(config: Config) -> bool:
    """Say whether the config, written to a file of another folder, would not find what it refers to."""
    project = config.get("project", None)
    if isinstance(project, str) and not Path(project).expanduser().is_dir():
        return True
    return any(_reads_a_file(value) for _, value in config.walk() if is_copy(value))


def _reads_a_file(copy: str) -> bool:
    try:
        return bool(find_references(copy)[0].file)
    except ConfigError:
        return False  # shown as it is written; `lighter check` reports it


def _places(config: Config) -> dict[str, str]:
    """Return the place of each value that is no section."""
    return {path: str(place) for path, value, place in written_values(config) if not _is_section(value)}


def _is_section(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _blamed(text: str, config: Config) -> str:
    """Put the place of each value behind its line, as a comment.

    Loading the text tells which path stands on which line.
    """
    written = load([StdinSource(text)])
    starts: set[int] = set()
    origins: dict[int, dict[tuple[object, ...], str]] = {}
    for path, value, place in written_values(written):
        key_place, origin = written.key_place(path), config.place(path)
        starts.update(at.line for at in (place, key_place) if at is not None and at.line is not None)
        if place.line is not None and origin is not None and not _is_section(value):
            same = (origin.source, origin.line, origin.word, origin.via)  # a short list stands on one line
            origins.setdefault(place.line, {}).setdefault(same, str(origin))
    lines = text.splitlines()
    ordered = [*sorted(starts), len(lines) + 1]
    comments = {
        # text may take several lines; the comment stands behind the last
        ordered[bisect.bisect_right(ordered, start)] - 2: f"  # {', '.join(found.values())}"
        for start, found in origins.items()
    }
    column = _comment_column(lines, comments.values())
    for index, comment in comments.items():
        lines[index] = f"{lines[index]:<{column}}{comment}"
    return "\n".join(lines) + "\n"


def _comment_column(lines: Iterable[str], comments: Iterable[str]) -> int:
    """Return where comments start: below each other, as far to the right as the terminal has room for them."""
    column = min(max(map(len, lines), default=0), _MAX_COMMENT_COLUMN)
    limit = output.width()
    if limit is None:
        return column
    room = limit - max(map(len, comments), default=0)
    return min(column, room) if room >= _MIN_COMMENT_COLUMN else 0


def _write_yaml(text: str) -> None:
    if not output.is_styled():
        output.write_lines([line] for line in text.splitlines())
        return
    from rich.console import Console
    from rich.syntax import Syntax

    highlighted = Syntax("", "yaml", theme="ansi_dark").highlight(text.removesuffix("\n"))
    Console(soft_wrap=True).print(highlighted, end="")
