"""Nodes of a Ray cluster: what one needs before a trial runs there, and what becomes of its trials when it dies."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lighter_cli.errors import SweepError
from lighter_cli.sweeps.owners import OWNER_FILE, TOUCH_S
from lighter_cli.sweeps.queue import Queue
from lighter_config import Finding

_LOOK_S = 1.0
_SILENT_S = 1.25 * TOUCH_S


def refuse_node(about: Mapping[str, Any], folder: Path, working_directory: str) -> None:
    """Refuse a node on which trials cannot run.

    Args:
        about: What an actor there says.
        folder: The folder of the sweep.
        working_directory: Where the sweep was begun.

    Raises:
        SweepError: It does not see the folder, or has another version of Lighter.
    """
    name = f"the node {about['address']} ({about['host']})"
    own = importlib.metadata.version("lighter-cli")
    if about["version"] != own:
        message, fix = f"{name} has lighter-cli {about['version']}, here it is {own}", "install one version everywhere"
    elif not about["has_optuna"]:
        message, fix = f"{name} has no Optuna", "pip install 'lighter-cli[ray]' there"
    elif not about["sees_folder"]:
        message, fix = f"{name} does not see {folder}", "begin the sweep on a disk that all nodes share"
    elif not about["has_working_directory"]:
        message, fix = f"{name} has no folder {working_directory}", "begin the sweep on a disk that all nodes share"
    else:
        return
    raise SweepError(Finding(message=message, fix=fix))


class LostOwners:
    """Frees the trials of nodes and actors that are gone, so that others continue them soon.

    What Ray has lost may still run, such as a node without a network: the end of its actors ends its trials, after a
    batch, and they show until then that they run. So a claim ends only when its owner has been silent.

    Args:
        queue: The runs of the sweep.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._looked_at = 0.0
        self._touched: dict[str, tuple[float, float]] = {}  # by claim: when its owner touched its file, and since when

    def look(self, present: Collection[tuple[str, int]]) -> None:
        """Look for owners that are gone, at most once a second.

        Args:
            present: The node and number of each slot that works.
        """
        if time.monotonic() - self._looked_at < _LOOK_S:
            return
        self._looked_at = time.monotonic()
        if silent := self._silent_claims(present):
            self._queue.end_claims(lambda owner: owner.get("claim") in silent)

    def _silent_claims(self, present: Collection[tuple[str, int]]) -> set[str]:
        now = time.monotonic()
        silent = set()
        for job in self._queue.running():
            owner = job.owner or {}
            if "ray_node" not in owner or (owner["ray_node"], owner.get("slot")) in present:
                continue
            claim = owner.get("claim", "")
            with suppress(OSError):
                touched = (job.folder / OWNER_FILE).stat().st_mtime
                before, since = self._touched.setdefault(claim, (touched, now))
                if before != touched:
                    self._touched[claim] = touched, now
                elif now - since > _SILENT_S:
                    silent.add(claim)
        return silent
