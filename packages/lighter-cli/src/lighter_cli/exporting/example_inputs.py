"""Make inputs of given shapes, on which an exported network is compared with the network itself."""

import re

import torch
from torch import Tensor

from lighter_config import Finding, Place, SourceError, nearest_names

_SHAPE = re.compile(r"\d+(,\d+)*")
_DTYPES = {
    name: getattr(torch, name)
    for name in "float16 bfloat16 float32 float64 bool uint8 int8 int16 int32 int64".split()  # noqa: SIM905
}


def example_input(text: str) -> Tensor:
    """Return a random tensor of a shape, and of a dtype after a colon: ``1,3,32,32`` or ``1,128:int64``.

    Numbers are drawn from a normal distribution, and are the same each time; integers are 0 and 1.

    Raises:
        SourceError: The text has another form.

    >>> example_input("2,3").shape, example_input("4:int64").dtype
    (torch.Size([2, 3]), torch.int64)
    """
    shape, _, name = text.replace(" ", "").partition(":")
    dtype = _DTYPES.get(name or "float32")
    if not _SHAPE.fullmatch(shape) or dtype is None:
        is_dtype = _SHAPE.fullmatch(shape) is not None
        raise SourceError(
            Finding(
                message=f"unknown dtype {name!r}" if is_dtype else f"{text!r} is not a shape",
                place=Place("option --input"),
                excerpt=text,
                expected=tuple(_DTYPES)
                if is_dtype
                else ("sizes between commas, with the batch first, such as 1,3,32,32",),
                nearest=nearest_names(name, _DTYPES) if is_dtype else (),
            )
        )
    sizes = [int(size) for size in shape.split(",")]
    generator = torch.Generator().manual_seed(0)
    if dtype.is_floating_point:
        return torch.randn(sizes, generator=generator).to(dtype)
    return torch.randint(0, 2, sizes, generator=generator).to(dtype)
