"""Pause garbage collection while torch and Lightning are imported."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pause garbage collection while torch and what the block needs are imported; exclude torch from it for good.

    Torch and Lightning create half a million objects that live as long as the process. The collector would visit them
    several times during the import, in each full collection of the training, and at exit. Garbage that exists once
    torch is imported is never freed, so use this in a process that belongs to the run, not in a notebook.

    Only torch's objects are excluded. Lightning imports Triton, and the library that binds Triton to Python prints at
    exit the functions that were never collected (https://nanobind.readthedocs.io/en/latest/refleaks.html).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401

        gc.freeze()
        yield
    finally:
        if was_enabled:
            gc.enable()
