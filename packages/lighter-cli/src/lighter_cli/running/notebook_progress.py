"""Choose a progress bar that a notebook can show: Lightning's default one needs ipywidgets there."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from lighter_cli.lightning_package import class_beside, derived
from lighter_config import Config
from lighter_config.checks.components import components_in

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import TQDMProgressBar
else:
    TQDMProgressBar = object  # `derived` adds that of the trainer's package

_RICH_BAR = "RichProgressBar"
_BATCHES = 20  # between two updates, as Lightning has it in Colab: each is a message to the browser


class NotebookProgressBar(TQDMProgressBar):
    """A bar of text in one line: notebooks show a line that is written again, but not several below each other."""

    def init_validation_tqdm(self) -> Any:
        """Show no second bar while a fit validates."""
        if self.trainer.state.fn == "validate":
            return super().init_validation_tqdm()
        return class_beside(self.trainer, "callbacks.progress.tqdm_progress.Tqdm")(disable=True)


def use_readable_progress(trainer: Trainer, config: Config) -> None:
    """Replace Lightning's default bar in a notebook without ipywidgets; a bar that the config names stays.

    Rich, which draws that bar, would warn at each start of it, and show nothing.

    Args:
        trainer: The trainer.
        config: The config that it was built from.
    """
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    rich_bar = class_beside(trainer, f"callbacks.{_RICH_BAR}")
    if not any(type(callback) is rich_bar for callback in callbacks) or not is_notebook_without_widgets():
        return
    components = components_in(config.expanded().tree, lambda _: True)
    if any((component.target or "").endswith(f".{_RICH_BAR}") for component in components):
        return
    bar = derived(NotebookProgressBar, trainer, "callbacks.TQDMProgressBar")(refresh_rate=_BATCHES)
    callbacks[:] = [bar if type(callback) is rich_bar else callback for callback in callbacks]


def is_notebook_without_widgets() -> bool:
    """Return whether this is the kernel of a notebook, and ipywidgets is not installed."""
    if "IPython" not in sys.modules or find_spec("ipywidgets") is not None:
        return False
    from rich import get_console  # installed, as its bar is in use

    return get_console().is_jupyter
