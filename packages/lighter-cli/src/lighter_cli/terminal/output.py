"""Print what commands show: coloured and fitted on a terminal, exact text everywhere else."""

import json
import math
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from lighter_cli.terminal.control_characters import escaped, escaped_in_json
from lighter_config import format_path

Part: TypeAlias = str | tuple[str, str]
"""Text, or text and its style."""

Line: TypeAlias = Sequence[Part]

HEADING = "bold"
PATH = "cyan"
PLACE = "dim"
ADDED = "green"
REMOVED = "red"

_GAP = "   "


def is_styled() -> bool:
    """Return whether standard output shows colours: a terminal, and neither ``NO_COLOR`` nor ``TERM=dumb``."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def width() -> int | None:
    """Return the number of columns of the terminal; ``None`` without a terminal, so that nothing is fitted."""
    if not is_terminal():
        return None
    import shutil  # with it come the modules of all archives

    return shutil.get_terminal_size().columns


def can_show(text: str) -> bool:
    """Return whether the encoding of standard output has the characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def write_lines(lines: Iterable[Line]) -> None:
    """Print lines. Long lines are never cut or broken here, so that text copied from a terminal is exact."""
    if is_styled():
        from rich.console import Console
        from rich.text import Text

        console = Console(highlight=False, soft_wrap=True)
        for line in lines:
            console.print(Text.assemble(*(escaped_part(part, is_line=False) for part in line)))
        return
    # without a call for each part, as a table may have a hundred thousand
    texts = ("".join([part if isinstance(part, str) else part[0] for part in line]) for line in lines)
    _write(escaped(text) + "\n" for text in texts)


def write_json(value: Any) -> None:
    """Print a value as JSON, for tools."""
    _write([escaped_in_json(json.dumps(_json(value), indent=2, ensure_ascii=False, default=str)), "\n"])


def write_text(text: str) -> None:
    """Print text with its control characters visible."""
    _write([escaped(text)])


def _write(texts: Iterable[str]) -> None:
    """Write exact text; exit silently when the reader, such as ``head``, has closed the pipe."""
    try:
        sys.stdout.writelines(texts)
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still buffered would fail again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def rows(cells: Sequence[Line], *, indent: int = 2) -> list[Line]:
    """Align cells in columns; a row that is too long for the terminal has one cell a line."""
    if not cells:
        return []
    cells = [[escaped_part(cell) for cell in row] for row in cells]
    lengths = [[len(cell_text(cell)) for cell in row] for row in cells]
    widths = [max(column) for column in zip(*lengths, strict=True)]
    limit = width()
    lines: list[Line] = []
    for row, row_lengths in zip(cells, lengths, strict=True):
        last = len(row) - 1
        while last > 0 and not row_lengths[last]:
            last -= 1
        line: list[Part] = [" " * indent]
        for column in range(last):
            line += [row[column], " " * (widths[column] - row_lengths[column] + len(_GAP))]
        line.append(row[last])
        if limit is None or sum(len(cell_text(part)) for part in line) <= limit:
            lines.append(line)
        else:
            lines += [
                (" " * (indent if column == 0 else indent + 2), cell) for column, cell in enumerate(row[: last + 1])
            ]
    return lines


def yaml_lines(value: Any) -> list[str]:
    """Write any configured value as YAML: a scalar on one line where it fits, a mapping or list on several.

    >>> yaml_lines(3), yaml_lines({"a": 1, "b": [1, 2]}), yaml_lines([{"a": 1}])
    (['3'], ['a: 1', 'b: [1, 2]'], ['- a: 1'])
    """
    from lighter_config.writing.yaml_writer import write_yaml  # with it comes the YAML library

    first, *rest = write_yaml({"-": value}, _no_place).splitlines()
    first = first.partition(":")[2].strip()
    if first:
        return [first, *(line.strip() for line in rest)]
    indent = min(len(line) - len(line.lstrip()) for line in rest if line.strip())
    return [line[indent:] for line in rest]


def _no_place(_path: str) -> None:
    """Return no place, as the value is not from a config."""


def escaped_part(part: Part, *, is_line: bool = True) -> Part:
    """Return text with its control characters visible, so that it stays in its cell or on its line."""
    if isinstance(part, str):
        return escaped(part, is_line=is_line)
    return escaped(part[0], is_line=is_line), part[1]


def cell_text(part: Part) -> str:
    """Return the text of a part without its style."""
    return part if isinstance(part, str) else part[0]


def _json(value: Any) -> Any:
    """Return a value that JSON can hold: keys as in paths, ``.inf`` and ``.nan`` as text."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else format_path((key,)): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return yaml_lines(value)[0]
    return value
