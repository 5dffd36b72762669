"""Make inputs of given shapes, on which an exported network is compared with the network itself."""

from dataclasses import replace

import torch
from torch import Tensor

from lighter_cli.described_tensors import read_description
from lighter_config import Finding, Place, SourceError


def example_input(text: str) -> Tensor:
    """Return a random tensor of a shape, and of a dtype after a colon: ``1,3,32,32`` or ``1,128:int64``.

    Numbers are drawn from a normal distribution, and are the same each time; integers are 0 and 1.

    Raises:
        SourceError: The text has another form.

    >>> example_input("2,3").shape, example_input("4:int64").dtype
    (torch.Size([2, 3]), torch.int64)
    """
    described = read_description(text)
    if isinstance(described, Finding):
        raise SourceError(replace(described, place=Place("option --input"), excerpt=text))
    dtype = getattr(torch, described.dtype)
    generator = torch.Generator().manual_seed(0)
    if dtype.is_floating_point:
        return torch.randn(described.sizes, generator=generator).to(dtype)
    return torch.randint(0, 2, described.sizes, generator=generator).to(dtype)
