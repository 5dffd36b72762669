"""Raise the error that ended a run, not one that Lightning meets while it cleans up after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception_only, walk_tb
from typing import TYPE_CHECKING

from lighter_cli.lightning_package import package_of
from lighter_config.checks.lightning_packages import PACKAGES

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_CLEANING_UP = ("_interrupt", "_teardown")
"""Functions of Lightning that run once the trainer's method has failed."""


@contextmanager
def raising_the_first_error(trainer: Trainer) -> Iterator[None]:
    """Raise the first of several errors, with a note about the later ones.

    After an error of a GPU, moving the weights back to the host fails too, and that error alone would be shown.

    Raises:
        Exception: What was raised inside, or what Lightning was cleaning up after when that was raised.
    """
    try:
        yield
    except Exception as error:
        first = _first(error)
        if first is error:
            raise
        if package_of(trainer) == PACKAGES[0] and isinstance(first, Exception):
            from lighter.lightning.failure_notes import note_failure  # imports that package

            note_failure(trainer, first)  # the callback that does it may come after one that failed
        (line, *_) = "".join(format_exception_only(error)).splitlines()
        first.add_note(f"cleaning up after this failed too: {line}")
        raise first  # noqa: B904  # its own cause and context remain


def _first(error: BaseException) -> BaseException:
    while error.__context__ is not None and _is_of_cleaning_up(error):
        error = error.__context__
    return error


def _is_of_cleaning_up(error: BaseException) -> bool:
    return any(frame.f_code.co_name in _CLEANING_UP for frame, _ in walk_tb(error.__traceback__))
