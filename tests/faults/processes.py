"""``lighter`` in processes of its own, each forked from one that has imported torch: a start takes milliseconds."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["lighter_cli.app", "lighter_cli.running.runner", "lighter_cli.running.build", "lighter_cli.runs.recorder"]
)


def start(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> ForkServerProcess:
    """Start ``lighter WORDS…`` in a folder; what it says is appended to ``said.txt`` there."""
    process = _CONTEXT.Process(target=_lighter, args=(folder, words, dict(environment or {})))
    process.start()
    return process


def _lighter(folder: Path, words: tuple[str, ...], environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.argv = ["lighter", *words]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what it starts in the background
    from lighter_cli.app import main

    main()
