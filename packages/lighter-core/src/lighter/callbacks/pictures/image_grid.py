"""Put images side by side, with a line of text below them."""

from collections.abc import Sequence

import numpy as np

from lighter.callbacks.pictures.picture import Pixels

GAP = 4
"""Pixels between two images, and around them."""

TEXT_HEIGHT = 16
"""Pixels of a line of text."""

_BACKGROUND = 255


def grid_of(blocks: Sequence[Pixels], num_columns: int, heading: str) -> Pixels:
    """Put blocks into rows on white, below a heading; a row or column is as large as its largest block.

    The first block begins ``TEXT_HEIGHT`` pixels from the top.

    Args:
        blocks: The blocks, at least one.
        num_columns: The number of blocks in a row.
        heading: A line of text.

    >>> grid_of([np.zeros((2, 3, 3), np.uint8)] * 3, 2, "a heading").shape
    (20, 6, 3)
    """
    rows = [blocks[start : start + num_columns] for start in range(0, len(blocks), num_columns)]
    heights = [max(block.shape[0] for block in row) for row in rows]
    widths = [max(block.shape[1] for block in blocks[i::num_columns]) for i in range(min(num_columns, len(blocks)))]
    grid = np.full((TEXT_HEIGHT + sum(heights), sum(widths), 3), _BACKGROUND, np.uint8)
    grid[:TEXT_HEIGHT] = text_of(heading, grid.shape[1])
    top = TEXT_HEIGHT
    for row, row_height in zip(rows, heights, strict=True):
        left = 0
        for block, column_width in zip(row, widths, strict=False):
            grid[top : top + block.shape[0], left : left + block.shape[1]] = block
            left += column_width
        top += row_height
    return grid


def block_of(images: Sequence[Pixels], text: str) -> Pixels:
    """Put the images of one sample side by side, with a line of text below them.

    The first image begins ``GAP`` pixels from the left and from the top.

    >>> block_of([np.zeros((2, 3, 3), np.uint8)] * 2, "a text").shape
    (22, 18, 3)
    """
    height = max(image.shape[0] for image in images)
    width = sum(image.shape[1] for image in images) + GAP * (len(images) + 1)
    block = np.full((height + GAP + TEXT_HEIGHT, width, 3), _BACKGROUND, np.uint8)
    left = GAP
    for image in images:
        block[GAP : GAP + image.shape[0], left : left + image.shape[1]] = image
        left += image.shape[1] + GAP
    block[GAP + height :] = text_of(text, width)
    return block


def legend_of(names: Sequence[str], colors: Sequence[Sequence[int]], width: int) -> Pixels:
    """Write names behind squares of their colors, in as many lines as they need.

    Args:
        names: The names.
        colors: Red, green and blue of each, from 0 to 255.
        width: The width of the image in pixels.

    >>> legend_of(["liver", "spleen"], [(230, 159, 0), (86, 180, 233)], 200).shape
    (16, 200, 3)
    """
    entries = [_legend_entry(name, color, width) for name, color in zip(names, colors, strict=True)]
    lines: list[list[Pixels]] = [[]]
    for entry in entries:
        if lines[-1] and sum(one.shape[1] for one in lines[-1]) + entry.shape[1] > width:
            lines.append([])
        lines[-1].append(entry)
    legend = np.full((TEXT_HEIGHT * len(lines), width, 3), _BACKGROUND, np.uint8)
    for number, line in enumerate(lines):
        row = np.concatenate(line, axis=1)
        legend[number * TEXT_HEIGHT : (number + 1) * TEXT_HEIGHT, : row.shape[1]] = row
    return legend


def _legend_entry(name: str, color: Sequence[int], most: int) -> Pixels:
    from PIL import ImageFont

    side = TEXT_HEIGHT - 2 * GAP
    text = text_of(name, int(ImageFont.load_default().getlength(_latin(name))) + 2 * GAP)
    square = np.full((TEXT_HEIGHT, GAP + side, 3), _BACKGROUND, np.uint8)
    square[GAP : GAP + side, GAP:] = color
    return np.concatenate([square, text], axis=1)[:, :most]


def _latin(text: str) -> str:
    """Return a line of the characters that Pillow's own font has; others become question marks."""
    return text.replace("\n", " ").encode("latin-1", "replace").decode("latin-1")


def text_of(text: str, width: int) -> Pixels:
    """Write a line of text, black on white; what is wider than the image is cut."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, TEXT_HEIGHT), "white")
    ImageDraw.Draw(image).text((GAP, 2), _latin(text), fill="black", font=ImageFont.load_default())
    return np.asarray(image).copy()
