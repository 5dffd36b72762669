"""Small time series for pytorch-forecasting."""

from typing import Any

import numpy as np
import pandas as pd
from pytorch_forecasting import NHiTS, TimeSeriesDataSet


def series(count: int, *, seed: int, length: int = 30) -> TimeSeriesDataSet:
    """Make noisy waves, each with a window of 8 steps to look at and 2 to forecast."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"series": str(one), "time": time, "value": np.sin(time / 3 + one) + generator.normal(0, 0.1)}
        for one in range(count)
        for time in range(length)
    )
    return TimeSeriesDataSet(
        frame,
        time_idx="time",
        target="value",
        group_ids=["series"],
        max_encoder_length=8,
        max_prediction_length=2,
        time_varying_unknown_reals=["value"],
    )


class Forecaster(NHiTS):
    """The step of pytorch-forecasting needs a callback that only its own `predict` method adds."""

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Any:
        """Return what the network returns for the inputs of a batch."""
        return self(batch[0])


def forecaster(dataset: TimeSeriesDataSet) -> Forecaster:
    """Make a small network that fits the columns of a data set."""
    return Forecaster.from_dataset(dataset, hidden_size=8, learning_rate=1e-3, optimizer="adam", log_interval=-1)
