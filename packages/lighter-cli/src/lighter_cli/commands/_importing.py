"""How the commands that run a stage import torch."""

from collections.abc import Iterator
from contextlib import contextmanager

from lighter_cli.terminal import process


@contextmanager
def importing() -> Iterator[None]:
    """Import torch and Lightning inside, fast; afterwards the working directory is importable."""
    from lighter_cli.project import make_working_directory_importable
    from lighter_cli.running.gc_pause import gc_paused

    with gc_paused():
        yield
    process.print_messages_once()
    make_working_directory_importable()
