"""Keep the numbers of an earlier run that a CSVLogger would delete."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from lighter_cli.lightning_package import is_a

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

_logger = logging.getLogger(__name__)
_FILE = "metrics.csv"


def keep_numbers(trainer: Trainer) -> None:
    """Rename each file of numbers that Lightning's CSVLogger would delete when it starts, also in predict.

    A logger without a ``version`` has a new folder in each run; with a fixed one, all stages share the folder.
    """
    if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
        return
    for logger in trainer.loggers:
        if not is_a(logger, "loggers.CSVLogger") or logger.log_dir is None:
            continue
        file = Path(logger.log_dir, _FILE)
        if file.is_file():
            names = (file.with_name(f"metrics-{number}.csv") for number in itertools.count(1))
            kept = next(name for name in names if not name.exists())
            file.rename(kept)
            _logger.warning("%s of an earlier run is now %s, as this run writes to the same folder", file, kept.name)
