"""Import what a stage needs while the garbage collector rests."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Import torch, and what is imported inside, without garbage collection; keep torch out of every later one.

    Torch and Lightning are half a million objects that live as long as the process. The collector would go through
    them several times while they are imported, again in each full collection of the training, and at the exit. What is
    garbage when torch has come is never freed, so this is for a process that belongs to the run, not for a notebook.

    Lightning's own imports are not kept out, as Triton is among them: the library that binds it to Python prints at
    the exit which of its functions nobody has collected (https://nanobind.readthedocs.io/en/latest/refleaks.html).
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
