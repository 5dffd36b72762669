"""Deprecated path of ``lighter_cli.running.runner``, until the next minor release."""

import warnings

from lighter_cli.running.runner import Runner

__all__ = ["Runner"]

warnings.warn(
    "lighter_cli.runner has moved to lighter_cli.running.runner; import Runner from lighter_cli",
    DeprecationWarning,
    stacklevel=2,
)
