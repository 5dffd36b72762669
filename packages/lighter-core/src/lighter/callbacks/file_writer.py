"""The former place of `lighter.callbacks`, for one release."""

import warnings

from lighter.callbacks.writers.file_writer import FileWriter

__all__ = ["FileWriter"]

warnings.warn(
    "`lighter.callbacks.file_writer` has moved to `lighter.callbacks` and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
