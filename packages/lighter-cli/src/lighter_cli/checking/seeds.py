"""Find the seed of a run before anything is built."""

import os
from collections.abc import Iterator
from typing import TypeGuard

from lighter_cli.errors import SeedError
from lighter_config import CheckContext, Config, Finding, Place, is_computed, is_copy

VARIABLE = "PL_GLOBAL_SEED"
_LARGEST = 2**32 - 1  # the largest that NumPy takes


def find_seed(config: Config) -> int:
    """Return the config's ``seed``, else that of ``PL_GLOBAL_SEED``, else 0.

    Raises:
        SeedError: It is not an integer from 0 to 4294967295.
    """
    given = config.resolve("seed", default=None)
    if given is not None:
        fix = _fix(config.get("seed"), given)
        return _checked(given, given, path="seed", place=config.place("seed"), excerpt=config.excerpt("seed"), fix=fix)
    text = os.environ.get(VARIABLE)
    if text is None:
        return 0
    number = int(text) if text.strip().isdecimal() else None
    place = Place(f"environment variable {VARIABLE}")
    return _checked(number, text, path="", place=place, excerpt=text, fix=f"set {VARIABLE} to an integer, or unset it")


def where_from() -> str:
    """Return what sets the seed of a config without one."""
    return f"environment variable {VARIABLE}" if VARIABLE in os.environ else "default"


def check_seed(context: CheckContext) -> Iterator[Finding]:
    """Report a seed that is not valid; a seed that is known only when it is built passes."""
    seed = context.expanded.get("seed", None)
    if is_computed(seed) or is_copy(seed) or _is_seed(seed):
        return
    try:
        find_seed(context.expanded)
    except SeedError as error:
        yield from error.findings


def _fix(written: object, given: object) -> str:
    """Say how to write a seed that is not an integer."""
    if isinstance(given, float) and given.is_integer() and not is_computed(written):
        return f"write {int(given)}"
    if not isinstance(given, str):
        return ""
    if not is_computed(written):
        return f"write {given.strip()} without quotes" if given.strip().isdecimal() else ""
    inside = str(written).removeprefix("$")
    return f'write `"$int({inside})"`: the {"expression" if inside != written else "reference"} gives text'


def _is_seed(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _checked(seed: object, given: object, *, path: str, place: Place | None, excerpt: str, fix: str) -> int:
    if _is_seed(seed):
        return seed
    raise SeedError(
        Finding(
            message=f"invalid seed {given!r}",
            path=path,
            place=place,
            excerpt=excerpt,
            expected=(f"an integer from 0 to {_LARGEST}",),
            fix=fix,
        )
    )
