"""The trial of a sweep that a run belongs to: the environment variable ``LIGHTER_TRIAL`` names its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytorch_lightning import Callback, Trainer

TRIAL_VARIABLE = "LIGHTER_TRIAL"
TRIALS = "trials"
"""The folder of a sweep that has one folder a trial, named by its number."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial of a sweep.

    Attributes:
        folder: Its folder, or that of one of its repeats: ``<sweep>/trials/0007`` or ``<sweep>/trials/0007/seed=1``.
        callbacks: Makes the callbacks that it adds to a trainer: they report its values and prune it.
    """

    folder: Path
    callbacks: Callable[[Trainer], Sequence[Callback]] = lambda _: ()

    @property
    def sweep_folder(self) -> Path:
        """The folder of the sweep."""
        return self._trial_folder.parent.parent

    @property
    def sweep(self) -> str:
        """The name of the sweep."""
        return self.sweep_folder.name

    @property
    def number(self) -> int:
        """The number of the trial, from 0."""
        return int(self._trial_folder.name)

    @property
    def repeat(self) -> str | None:
        """The name of the repeat; ``None`` if trials are not repeated."""
        return None if self.folder == self._trial_folder else self.folder.name

    @property
    def recorded(self) -> dict[str, Any]:
        """The field ``trial`` of the record."""
        return {"sweep": self.sweep, "number": self.number, "repeat": self.repeat}

    @property
    def _trial_folder(self) -> Path:
        return self.folder if self.folder.parent.name == TRIALS else self.folder.parent


def name_of_trial(content: Mapping[str, Any]) -> str:
    """Return what lists show of the trial of a record, such as ``digits-3fa9/7``; empty without one.

    >>> name_of_trial({"trial": {"sweep": "digits-3fa9", "number": 7, "repeat": "seed=1"}})
    'digits-3fa9/7/seed=1'
    """
    trial = content.get("trial")
    if trial is None:
        return ""
    return "/".join(map(str, filter(lambda part: part is not None, (trial["sweep"], trial["number"], trial["repeat"]))))
