"""Print the merged config, as YAML that runs again: what ``lighter show`` prints."""

from collections.abc import Iterable, Sequence

from lighter_cli.describing.blame import is_section, places_of_lines, written_values
from lighter_cli.inspecting.merged_inputs import load_merged
from lighter_cli.terminal import output
from lighter_config import Config, ConfigError, Stage, find_references, is_copy, prune, resolved, to_yaml
from lighter_config.regular_files import is_folder, with_home

_MAX_COMMENT_COLUMN = 50
_MIN_COMMENT_COLUMN = 20


def show_config(
    inputs: Sequence[str], *, stage: Stage | None = None, resolve: bool = False, blame: bool = False, json: bool = False
) -> None:
    """Print the merged config.

    Args:
        inputs: Files, runs and overrides.
        stage: Show only what this stage uses, with every copy written out.
        resolve: Whether copies, references to plain values and expressions on them are written out.
        blame: Whether each value has the place that set it beside it.
        json: Whether JSON is printed.

    Raises:
        ConfigError: The inputs do not make a config.
    """
    config = load_merged(inputs, example="lighter show config.yaml")
    if stage is not None:
        config = prune(config, stage)
    if resolve:
        config = resolved(config)
    if json:
        output.write_json({"config": config.tree, "places": _places(config)} if blame else config.tree)
        return
    text = to_yaml(config, standalone=_needs_its_files(config))
    _write_yaml(_blamed(text, config) if blame else text)


def _needs_its_files(config: Config) -> bool:
    """Return whether the config refers to files that it would not find from another folder."""
    project = config.get("project", None)
    if isinstance(project, str) and not is_folder(with_home(project)):
        return True
    return any(_reads_a_file(value) for _, value in config.walk() if is_copy(value))


def _reads_a_file(copy: str) -> bool:
    try:
        return bool(find_references(copy)[0].file)
    except ConfigError:
        return False  # `lighter check` reports it


def _places(config: Config) -> dict[str, str]:
    """Return the place of each value, by its path; sections have none."""
    return {path: str(place) for path, value, place in written_values(config) if not is_section(value)}


def _blamed(text: str, config: Config) -> str:
    """Append the place of each value to its line, as a comment."""
    lines = text.splitlines()
    comments = {index: f"  # {places}" for index, places in places_of_lines(text, config).items()}
    column = _comment_column(lines, comments.values())
    for index, comment in comments.items():
        lines[index] = f"{lines[index]:<{column}}{comment}"
    return "\n".join(lines) + "\n"


def _comment_column(lines: Iterable[str], comments: Iterable[str]) -> int:
    """Return the column at which all comments start: as far to the right as the width of the terminal allows."""
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
