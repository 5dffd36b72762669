"""The former place of `lighter.callbacks`, for one release."""

import warnings

from lighter.callbacks.freezing.freezer import Freezer

__all__ = ["Freezer"]

warnings.warn(
    "`lighter.callbacks.freezer` has moved to `lighter.callbacks` and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
