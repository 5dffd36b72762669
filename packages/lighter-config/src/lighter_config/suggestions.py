"""The nearest valid names to one that was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches

NEARLY_THE_SAME = 0.8
"""A likeness that hardly leaves a doubt which name is meant: ``modle`` and ``model`` have it."""

_SHORTEST_PART = 3


def nearest_names(name: str, valid: Iterable[str], *, count: int = 3, likeness: float = 0.6) -> tuple[str, ...]:
    """Find the valid names that look most like ``name``, best first.

    Case is ignored while comparing, so ``earlystopping`` finds ``EarlyStopping``. A name that begins with what was
    written is near, too, as is one that has it as a part: ``batch`` and ``size`` find ``batch_size``.

    Args:
        name: The name that is not valid.
        valid: The names to choose from.
        count: How many to return at most.
        likeness: How much they must have in common: 1 for the same letters in the same order, 0 for none.

    >>> nearest_names("max_epoch", ["max_epochs", "min_epochs", "logger"])
    ('max_epochs', 'min_epochs')
    >>> nearest_names("dataset", ["data"]), nearest_names("dataset", ["data"], likeness=NEARLY_THE_SAME)
    (('data',), ())
    >>> nearest_names("batc", ["batch_size", "lr"]), nearest_names("epochs", ["max_epochs"])
    (('batch_size',), ('max_epochs',))
    """
    by_folded: dict[str, str] = {}
    for candidate in valid:
        by_folded.setdefault(candidate.casefold(), candidate)
    written = name.casefold()
    near = get_close_matches(written, by_folded, n=count, cutoff=likeness)
    if likeness < NEARLY_THE_SAME and len(written) >= _SHORTEST_PART:
        near += [other for other in by_folded if other.startswith(written) or written in other.split("_")]
    return tuple(by_folded[match] for match in list(dict.fromkeys(near))[:count])
