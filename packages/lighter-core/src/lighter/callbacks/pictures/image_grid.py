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


def text_of(text: str, width: int) -> Pixels:
    """Write a line of text, black on white; what is wider than the image is cut."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, TEXT_HEIGHT), "white")
    # Pillow's own font has Latin characters
    line = text.replace("\n", " ").encode("latin-1", "replace").decode("latin-1")
    ImageDraw.Draw(image).text((GAP, 2), line, fill="black", font=ImageFont.load_default())
    return np.asarray(image).copy()
