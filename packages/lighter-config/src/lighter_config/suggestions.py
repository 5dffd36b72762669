"""The nearest valid names to one that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches

NEARLY_THE_SAME = 0.8
"""A likeness that hardly leaves a doubt which name is meant: ``modle`` and ``model`` have it."""


def nearest_names(name: str, valid: Iterable[str], *, count: int = 3, likeness: float = 0.6) -> tuple[str, ...]:
    """Find the valid names that look most like ``name``, best first.

    Case is ignored while comparing, so ``earlystopping`` finds ``EarlyStopping``.

    Args:
        name: The name that is not valid.
        valid: The names to choose from.
        count: How many to return at most.
        likeness: How much they must have in common: 1 for the same letters in the same order, 0 for none.

    >>> nearest_names("max_epoch", ["max_epochs", "min_epochs", "logger"])
    ('max_epochs', 'min_epochs')
    >>> nearest_names("dataset", ["data"]), nearest_names("dataset", ["data"], likeness=NEARLY_THE_SAME)
    (('data',), ())
    """
    by_folded: dict[str, str] = {}
    for candidate in valid:
        by_folded.setdefault(candidate.casefold(), candidate)
    folded = get_close_matches(name.casefold(), by_folded, n=count, cutoff=likeness)
    return tuple(by_folded[match] for match in folded)
