"""The section `shapes`, which describes a batch: its tensors must be written so that they can be read."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lighter_cli.described_tensors import read_description
from lighter_config import CheckContext, Finding, format_path
from lighter_config.sections import SHAPES

_COMPUTED = ("$", "@", "%")


def check_shapes(context: CheckContext) -> Iterator[Finding]:
    """Report what is not a tensor in the described batch; expressions and references are read when they are built."""
    config = context.config.expanded()
    if not config.has(SHAPES):
        return
    for segments, value in config.walk():
        if segments[0] != SHAPES or isinstance(value, dict | list):
            continue
        if isinstance(value, str) and value.startswith(_COMPUTED):
            continue
        path = format_path(segments)
        mistake = mistake_in(value, path)
        if mistake is not None:
            yield replace(mistake, place=config.place(path), excerpt=config.excerpt(path))


def mistake_in(value: Any, path: str) -> Finding | None:
    """Return what is wrong with the description of one tensor, without its place."""
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    described = read_description(str(value), has_texts=True)
    if is_text and not isinstance(described, Finding):
        return None
    if not is_text or not isinstance(described, Finding):
        described = Finding(
            message=f"{value!r} is not a shape",
            expected=("sizes between commas, with the batch first, such as 1,3,32,32",),
        )
    return replace(
        described,
        message=f"{path}: {described.message}",
        path=path,
        fix="write it as 64,3,32,32, or with a dtype as 64:int64; 64:str is a list of 64 texts",
        check="shapes",
    )
