"""Read how a tensor is described in words: ``1,3,32,32``, or ``1,128:int64`` with a dtype."""

import re
from dataclasses import dataclass

from lighter_config import Finding, nearest_names

DTYPES = ("float16", "bfloat16", "float32", "float64", "bool", "uint8", "int8", "int16", "int32", "int64")

TEXTS = "str"
"""What stands for a list of texts, such as the names of samples."""

_SIZES = re.compile(r"\d+(,\d+)*")


@dataclass(frozen=True, slots=True)
class TensorDescription:
    """A tensor without its values.

    Attributes:
        sizes: The size of each dimension.
        dtype: The name of torch's dtype; ``str`` for a list of texts.
    """

    sizes: tuple[int, ...]
    dtype: str = "float32"


def read_description(text: str, *, has_texts: bool = False) -> TensorDescription | Finding:
    """Return what a text describes, or what is wrong with it, without a place.

    Args:
        text: Sizes between commas; a colon and a dtype may follow.
        has_texts: Whether a list of texts can be described too, as ``4:str``.

    >>> read_description("1,128:int64")
    TensorDescription(sizes=(1, 128), dtype='int64')
    """
    sizes, _, name = text.replace(" ", "").partition(":")
    dtypes = (*DTYPES, TEXTS) if has_texts else DTYPES
    if not _SIZES.fullmatch(sizes):
        return Finding(
            message=f"{text!r} is not a shape",
            expected=("sizes between commas, with the batch first, such as 1,3,32,32",),
        )
    described = TensorDescription(tuple(map(int, sizes.split(","))), name or "float32")
    if described.dtype not in dtypes:
        return Finding(message=f"unknown dtype {name!r}", expected=dtypes, nearest=nearest_names(name, dtypes))
    if described.dtype == TEXTS and len(described.sizes) > 1:
        return Finding(message=f"{text!r} is not a list of texts", expected=("their number, such as 4:str",))
    return described
