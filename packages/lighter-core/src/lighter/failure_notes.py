"""The former place of `lighter.lightning.failure_notes`, for one release."""

import warnings

from lighter.lightning.failure_notes import WorkerInit

__all__ = ["WorkerInit"]

warnings.warn(
    "`lighter.failure_notes` has moved to `lighter.lightning.failure_notes` and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
