"""Import what a stage needs while the garbage collector rests."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause garbage collection, and keep what was made until then out of every later one.

    Torch and Lightning are half a million objects that live as long as the process. The collector would go through
    them several times while they are imported, again in each full collection of the training, and at the exit: a
    third of the time that an import of them takes. What is garbage by then is never freed, so this is for a process
    that belongs to the run, not for a notebook.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
