"""Keep the layout of a file: its lines that say the same as before stay as the user wrote them."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_INDENT = re.compile(r"(?P<spaces>[ \t]*)(?P<dashes>(?:- +)*)")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of the file, and the lines that say the same once the tree is written again without a change."""

    as_given: range
    as_written: range


def keep_lines(given: str, before: str, after: str) -> str:
    r"""Write `after` with the lines of the file wherever it says the same as `before`.

    Args:
        given: The text of the file.
        before: The tree of the file, written without a change.
        after: The changed tree, written in the same way.

    >>> print(keep_lines("a:\n    b:   1\n    c: 2", "a:\n  b: 1\n  c: 2", "A:\n  b: 1\n  c: 3"))
    A:
        b:   1
        c: 3
    """
    lines, old, new = given.split("\n"), before.split("\n"), after.split("\n")
    position: dict[int, int] = {}  # where a line of `before` is in `after`
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for start, in_new, length in matcher.get_matching_blocks():
        position.update((start + offset, in_new + offset) for offset in range(length))
    kept: dict[int, _Block] = {}  # by the first of its lines in `after`
    blocks = list(_blocks(lines, old))
    given_widths = {
        block.as_written.start: _width(lines[block.as_given.start])
        for block in blocks
        if len(block.as_given) == len(block.as_written) == 1
    }
    widths = _widths_of_replaced(matcher, old, new, given_widths)
    for block in blocks:
        places = [position.get(index) for index in block.as_written]
        if places and places[0] is not None and places == list(range(places[0], places[0] + len(places))):
            kept[places[0]] = block
    return "\n".join(_woven(new, kept, lines, widths))


def _widths_of_replaced(
    matcher: "difflib.SequenceMatcher[str]", old: Sequence[str], new: Sequence[str], given_widths: dict[int, int]
) -> dict[int, int]:
    """Return how far lines that replace others are indented: as the first line of their level that they replace."""
    widths: dict[int, int] = {}
    for tag, start, end, in_new, new_end in matcher.get_opcodes():
        if tag != "replace":
            continue
        levels: dict[int, int] = {}
        for index in range(start, end):
            if index in given_widths and old[index].strip():
                levels.setdefault(_width(old[index]), given_widths[index])
        widths |= {at: levels[width] for at in range(in_new, new_end) if (width := _width(new[at])) in levels}
    return widths


def _blocks(lines: Sequence[str], old: Sequence[str]) -> Iterator[_Block]:
    """Yield the smallest blocks of lines that say the same in both texts, or that replace each other."""
    first, second = [_bare(line) for line in lines], [_bare(line) for line in old]
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    pending: _Block | None = None  # lines without a counterpart go with those before them
    for tag, start, end, in_old, old_end in matcher.get_opcodes():
        pieces = (
            [
                _Block(range(start + at, start + at + 1), range(in_old + at, in_old + at + 1))
                for at in range(end - start)
            ]
            if tag == "equal"
            else _pieces(first, second, range(start, end), range(in_old, old_end))
        )
        for piece in pieces:
            if pending is not None and not (piece.as_given and piece.as_written):
                pending = _Block(
                    range(pending.as_given.start, piece.as_given.stop),
                    range(pending.as_written.start, piece.as_written.stop),
                )
                continue
            if pending is not None:
                yield pending
            pending = piece
    if pending is not None:
        yield pending


def _pieces(first: Sequence[str], second: Sequence[str], given: range, written: range) -> list[_Block]:
    """Split lines that differ only in where they break at the breaks that both texts have."""
    if "".join(first[given.start : given.stop]) != "".join(second[written.start : written.stop]):
        return [_Block(given, written)]
    breaks = [_breaks(first, given), _breaks(second, written)]
    pieces, start, in_old = [], given.start, written.start
    for length in sorted(breaks[0].keys() & breaks[1].keys()):
        pieces.append(_Block(range(start, breaks[0][length]), range(in_old, breaks[1][length])))
        start, in_old = breaks[0][length], breaks[1][length]
    return pieces


def _breaks(bare: Sequence[str], lines: range) -> dict[int, int]:
    """Return for each number of characters after which a line ends the index of the next line."""
    breaks: dict[int, int] = {}
    length = 0
    for index in lines:
        length += len(bare[index])
        breaks[length] = index + 1
    return breaks


def _woven(new: Sequence[str], kept: dict[int, _Block], lines: Sequence[str], widths: dict[int, int]) -> Iterator[str]:
    """Yield the lines of the file that are kept, and the others indented as their neighbours in the file are."""
    widths = widths | {at: _width(lines[block.as_given.start]) for at, block in kept.items() if block.as_given}
    levels: list[tuple[int, int]] = [(0, 0)]  # how far lines are indented in `new`, and how far in the result
    index = 0
    while index < len(new):
        line = new[index]
        block = kept.get(index)
        if block is None:
            width = _width(line)
            result = f"{' ' * _indentation(new, index, levels, widths)}{line[width:]}" if line.strip() else line
            yield result
            _enter(levels, line, result)
            index += 1
            continue
        yield from (lines[at] for at in block.as_given)
        if block.as_given:
            _enter(levels, line, lines[block.as_given.start])
        index += len(block.as_written)


def _indentation(new: Sequence[str], index: int, levels: list[tuple[int, int]], widths: dict[int, int]) -> int:
    width = _width(new[index])
    while len(levels) > 1 and levels[-1][0] > width:
        levels.pop()
    old, result = levels[-1]
    if old == width:
        return result
    if index in widths:
        return widths[index]
    for later in range(index + 1, len(new)):  # a sibling that is kept tells
        if new[later].strip() and _width(new[later]) <= width:
            if _width(new[later]) == width and later in widths:
                return widths[later]
            if _width(new[later]) < width:
                break
    return result + width - old


def _enter(levels: list[tuple[int, int]], line: str, result: str) -> None:
    if not line.strip() or line.lstrip().startswith("#"):
        return
    while len(levels) > 1 and levels[-1][0] >= _width(line):
        levels.pop()
    if levels[-1][0] < _width(line):
        levels.append((_width(line), _width(result)))
    inside, in_result = _content(line), _content(result)
    if inside > _width(line):
        levels.append((inside, in_result))


def _width(line: str) -> int:
    match = _INDENT.match(line)
    return len(match["spaces"]) if match else 0


def _content(line: str) -> int:
    """Return where the content of a line begins, after the dashes of lists."""
    match = _INDENT.match(line)
    return match.end() if match else 0


def _bare(line: str) -> str:
    return "".join(line.split())
