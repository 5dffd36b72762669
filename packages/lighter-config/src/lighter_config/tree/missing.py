"""Say that a path does not exist: one sentence, whoever looks for it."""

from typing import Any

from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path

_MAX_VALUE = 40


def expected_index(num_items: int) -> str:
    """Say which indices a list has.

    >>> expected_index(3), expected_index(1)
    ('an index from 0 to 2, or -1 for the last', '0, the only index')
    """
    if num_items == 0:
        return "an item in the list, which is empty"
    return "0, the only index" if num_items == 1 else f"an index from 0 to {num_items - 1}, or -1 for the last"


def how_to_refer(text: str, path: Segments) -> str:
    r"""Say what to do about a reference to a path that nothing is like.

    >>> print(how_to_refer("@vars::lr", ("vars", "lr")))
    add vars::lr to the config, or write '\@vars::lr' if it is plain text
    >>> print(how_to_refer("@@lr", ("@lr",)))
    write @lr, or '\@@lr' if it is plain text
    """
    plain = f"'\\{text}' if it is plain text"
    if text[:1] == text[1:2]:
        return f"write {text[1:]}, or {plain}"
    return f"add {format_path(path)} to the config, or write {plain}"


def does_not_exist(name: str, path: Segments, depth: int, holder: Any) -> str:
    """Say that a path does not exist, and what is missing where the name alone does not tell.

    Args:
        name: The path as the user wrote it: ``@vars::lr``.
        path: The absolute path that it refers to.
        depth: The index of the first segment that is missing.
        holder: The value at the part of the path that exists: a mapping, a list or a leaf.

    >>> does_not_exist("@vars::lr", ("vars", "lr"), 0, {"seed": 1})
    '@vars::lr does not exist: the config has no `vars`'
    >>> does_not_exist("@vars::lr", ("vars", "lr"), 1, {"seed": 1})
    '@vars::lr does not exist'
    >>> does_not_exist("a::lr", ("a", "lr"), 1, 3), does_not_exist("a::7", ("a", 7), 1, [3])
    ('a::lr does not exist: a is 3, not a mapping', 'a::7 does not exist: a has 1 item')
    """
    where = format_path(path[:depth]) or "the config"
    if isinstance(holder, list):
        reason = f"{where} has {len(holder)} item{'s' * (len(holder) != 1)}"
    elif not isinstance(holder, dict):
        text = repr(holder) if holder is not None else "null"
        reason = f"{where} is {text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 3] + '...'}, not a mapping"
    elif name.lstrip("@%") == format_path(path[: depth + 1]):
        return f"{name} does not exist"
    else:
        reason = f"{where} has no `{format_path(path[depth : depth + 1])}`"
    return f"{name} does not exist: {reason}"
