"""The former place of `lighter.callbacks`, for one release."""

import warnings

from lighter.callbacks.writers.csv_writer import CsvWriter

__all__ = ["CsvWriter"]

warnings.warn(
    "`lighter.callbacks.csv_writer` has moved to `lighter.callbacks` and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
