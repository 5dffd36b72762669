"""The former place of `lighter.callbacks`, for one release."""

import warnings

from lighter.callbacks.writers.prediction_writer import PredictionWriter, Sample, WriterMode

__all__ = ["PredictionWriter", "Sample", "WriterMode"]

warnings.warn(
    "`lighter.callbacks.prediction_writer` has moved to `lighter.callbacks` and will be removed in the next release",
    DeprecationWarning,
    stacklevel=2,
)
