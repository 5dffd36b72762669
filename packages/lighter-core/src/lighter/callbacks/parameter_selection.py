"""The former place of `lighter.parameter_selection`, for one release."""

import warnings

from lighter.parameter_selection import ParameterSelection

__all__ = ["ParameterSelection"]

warnings.warn(
    "`lighter.callbacks.parameter_selection` has moved to `lighter.parameter_selection`"
    " and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
