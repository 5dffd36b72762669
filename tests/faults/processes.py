"""``lighter`` in processes of its own, each forked from one that has imported torch: a start takes milliseconds."""

import atexit
from collections.abc import Mapping
from pathlib import Path

from lighter_cli.sweeps.process import Process, Starter

_STARTER = Starter()
atexit.register(_STARTER.close)


def start(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> Process:
    """Start ``lighter WORDS…`` in a folder; what it says is appended to ``said.txt`` there."""
    return _STARTER.start(words, output=folder / "said.txt", environment=environment, folder=folder)
