"""The former place of `lighter.logging.module_logging`, for one release: pickled modules name it."""

import warnings

from lighter.logging.module_logging import ModuleLogging as DualLogging

__all__ = ["DualLogging"]

warnings.warn(
    "`lighter.dual_logging` has moved to `lighter.logging.module_logging` and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
