"""Trials of a space that are drawn by chance, to show what a search may try; `samplers` has those that learn."""

import math
from collections.abc import Iterator
from random import Random

from lighter_config.space import Assignment, Choice, Dimension, Range, Space

_MAX_REFUSED = 1_000
"""Draws that ``where`` refuses in a row, after which no further trial is looked for."""


def draws(space: Space, number: int, seed: int = 0) -> Iterator[Assignment]:
    """Yield trials for which ``where`` holds; fewer if hardly any do.

    Args:
        space: The space.
        number: How many.
        seed: The same seed draws the same trials.

    Raises:
        ConfigError: ``where`` cannot be decided.
    """
    source = Random(seed)  # noqa: S311
    for _ in range(number):
        for _ in range(_MAX_REFUSED):
            drawn = space.draw(lambda dimension: _chosen(dimension, source))
            if space.is_allowed(drawn):
                yield drawn
                break
        else:
            return


def _chosen(dimension: Dimension, source: Random) -> int | float | Choice:
    domain = dimension.domain
    return _number(domain, source) if isinstance(domain, Range) else source.choice(domain)


def _number(domain: Range, source: Random) -> int | float:
    if domain.step is not None:
        return source.choice(domain.values())
    if domain.log:
        # half a unit at both ends, so that the first and the last whole number are as likely as their neighbours
        margin = 0.5 if domain.is_integer else 0.0
        value = math.exp(source.uniform(math.log(domain.low - margin), math.log(domain.high + margin)))
        value = min(max(value, domain.low), domain.high)
        return round(value) if domain.is_integer else value
    return (
        source.randint(int(domain.low), int(domain.high))
        if domain.is_integer
        else source.uniform(domain.low, domain.high)
    )
