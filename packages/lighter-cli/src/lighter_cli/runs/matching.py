"""Find the run or the sweep that a word means: by its name, its label, or a part of its name."""

from collections.abc import Collection, Mapping

from lighter_config import Finding, SourceError


def matching(
    word: str, names: Collection[str], *, kind: str, called: str, labels: Mapping[str, str] | None = None
) -> str | None:
    """Return the name that a word means: the one equal to it, the one with this label, or the only one it is part of.

    Args:
        word: What the user wrote.
        names: The names, oldest first.
        kind: What they name: ``run`` or ``sweep``.
        called: What such a name is called: ``id`` or ``name``.
        labels: What the user calls some of them, by their names.

    Raises:
        SourceError: Several match.
    """
    if word in names:
        return word
    labelled = [name for name, label in (labels or {}).items() if label == word]
    found = labelled or [name for name in names if word in name]
    if len(found) < 2:
        return found[0] if found else None
    raise SourceError(
        Finding(
            message=f"{word!r} {'is the name' if labelled else f'matches the {called}s'} of {len(found)} {kind}s",
            nearest=tuple(found[-3:]),
            fix=f"give the {called}" if labelled else f"give more of the {called}",
        )
    )
