"""The nearest valid names to one that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest_names(name: str, valid: Iterable[str], *, count: int = 3) -> tuple[str, ...]:
    """Find the valid names that look most like ``name``, best first.

    Case is ignored while comparing, so ``earlystopping`` finds ``EarlyStopping``.

    >>> nearest_names("max_epoch", ["max_epochs", "min_epochs", "logger"])
    ('max_epochs', 'min_epochs')
    >>> nearest_names("zzz", ["max_epochs"])
    ()
    """
    by_folded: dict[str, str] = {}
    for candidate in valid:
        by_folded.setdefault(candidate.casefold(), candidate)
    folded = get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.6)
    return tuple(by_folded[match] for match in folded)
