"""What the server that forks the workers of loaders imports: once, for all of them."""

import multiprocessing
import sys
from itertools import accumulate

from lighter_config import Config
from lighter_config.checks.components import components_in


def import_once_for_workers(config: Config) -> None:
    """Let the server from which ``multiprocessing`` forks workers, as by default on Python 3.14, import what they need.

    Without this, each worker imports torch anew in each epoch, and the user's code as the files are by then. In a
    session where the user edits and reloads code, it stays with the workers. Once the server runs, nothing changes it.

    Args:
        config: The config whose objects were built, which imported the modules that its targets name.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    needed = {"torch", "lighter"}
    if not hasattr(sys, "ps1"):
        for component in components_in(config.expanded().tree, lambda _: True):
            needed.update(accumulate((component.target or "").split("."), "{}.{}".format))
    multiprocessing.set_forkserver_preload(["__main__", *(name for name in list(sys.modules) if name in needed)])
