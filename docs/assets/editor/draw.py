"""Draw the pictures of docs/how-to/editor.md from what `lighter lsp` answers about a config with a mistake.

Run it after a change of the server: ``python docs/assets/editor/draw.py``. A test compares the pictures with it.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from lighter_cli.editor.completion import completion
from lighter_cli.editor.diagnostics import diagnostics_of
from lighter_cli.editor.hover import hover
from lighter_cli.editor.workspace import Workspace

BASE = """trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 10
  callbacks:
    - _target_: pytorch_lightning.callbacks.EarlyStopping
      monitor: val/loss/epoch
"""
MISTYPED = BASE.replace("      monitor: val/loss/epoch\n", "      monitor: val/loss/epoch\n      patiance: 5\n")
UNFINISHED = BASE.replace("      monitor: val/loss/epoch\n", "      monitor: val/loss/epoch\n      \n")

_LINE, _CHARACTER, _MARGIN = 20, 7.83, 16
_COLUMNS = 84
_STYLE = (
    "text { font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre; fill: #24292f }"
    " .dim { fill: #6e7781 } .wrong { fill: none; stroke: #cf222e; stroke-width: 1.3 }"
    " .page { fill: #ffffff; stroke: #d0d7de } .box { fill: #f6f8fa; stroke: #d0d7de }"
    " .chosen { fill: #ddf4ff } .error { fill: #cf222e }"
)


def pictures() -> dict[str, str]:
    """Return each picture by the name of its file, made from what the server answers now."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            return {"diagnostic.svg": _diagnostic(), "completion.svg": _completion(), "hover.svg": _hover()}
        finally:
            os.chdir(before)


def _opened(text: str) -> tuple[Workspace, Path]:
    file = Path("exp.yaml").resolve()
    workspace = Workspace()
    workspace.edit(file, text, file.as_uri())
    for experiment in workspace.affected(file):
        workspace.check(experiment)
    return workspace, file


def _diagnostic() -> str:
    workspace, file = _opened(MISTYPED)
    found = next(one for one in diagnostics_of(workspace, file) if "patiance" in one.message)
    at = found.range
    wave = _wave(at.start.line, at.start.character, at.end.character)
    return _drawn(MISTYPED, [wave], _box(at.start.line + 1, at.start.character, found.message.split("\n"), "error"))


def _completion() -> str:
    workspace, file = _opened(UNFINISHED)
    line = UNFINISHED.split("\n").index("      ")
    items = sorted(completion(workspace, file, line, 6).items, key=lambda item: item.sort_text or "")[:6]
    width = max(len(item.label) for item in items)
    rows = [f"{item.label:<{width}}  {item.detail or ''}" for item in items]
    return _drawn(UNFINISHED, [], _box(line + 1, 6, rows, "chosen"))


def _hover() -> str:
    workspace, file = _opened(BASE)
    found = hover(workspace, file, 2, 4)
    assert found is not None
    lines = [line for line in found.contents.value.split("\n") if not line.startswith("```")]
    shown = [line.partition(", [")[0] for line in lines if line]
    return _drawn(BASE, [], _box(3, 4, shown, ""))


def _box(line: int, column: int, rows: Sequence[str], kind: str) -> Iterator[str]:
    """Yield a box with rows of text below a line; the first row stands out."""
    rows = [row if len(row) <= _COLUMNS - column else f"{row[: _COLUMNS - column - 1]}…" for row in rows]
    x, y = _MARGIN + column * _CHARACTER - 6, _MARGIN + line * _LINE + 2
    width, height = max(map(len, rows)) * _CHARACTER + 16, len(rows) * _LINE + 8
    yield f'<rect class="box" x="{x:.0f}" y="{y}" width="{width:.0f}" height="{height}" rx="4"/>'
    if kind == "chosen":
        yield f'<rect class="chosen" x="{x + 2:.0f}" y="{y + 4}" width="{width - 4:.0f}" height="{_LINE}"/>'
    for number, row in enumerate(rows):
        look = ' class="error"' if kind == "error" and number == 0 else ""
        yield f'<text{look} x="{x + 8:.0f}" y="{y + number * _LINE + 18}">{escape(row)}</text>'


def _wave(line: int, start: int, end: int) -> str:
    y = _MARGIN + line * _LINE + 17
    points, x = [], _MARGIN + start * _CHARACTER
    while x < _MARGIN + end * _CHARACTER:
        points.append(f"{x:.1f},{y + 2 * (len(points) % 2)}")
        x += 3
    return f'<polyline class="wrong" points="{" ".join(points)}"/>'


def _drawn(text: str, marks: Sequence[str], box: Iterator[str]) -> str:
    lines, inside = text.rstrip("\n").split("\n"), list(box)
    num_rows = len(lines) + sum(row.startswith("<text") for row in inside) + 1
    width, height = _MARGIN * 2 + (_COLUMNS + 4) * _CHARACTER, _MARGIN * 2 + num_rows * _LINE
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="1" y="1" width="{width - 2:.0f}" height="{height - 2}" rx="6"/>',
        *(
            f'<text x="{_MARGIN}" y="{_MARGIN + number * _LINE + 14}">{escape(line)}</text>'
            for number, line in enumerate(lines)
        ),
        *marks,
        *inside,
        "</svg>",
    ]
    return "\n".join(drawn) + "\n"


if __name__ == "__main__":
    for name, picture in pictures().items():
        Path(__file__).with_name(name).write_text(picture, encoding="utf-8")
