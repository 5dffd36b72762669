"""Callbacks for Lightning's Trainer: freezing parameters, and storing predictions."""

from lighter.callbacks.csv_writer import CsvWriter
from lighter.callbacks.prediction_writer import PredictionWriter, Sample

__all__ = ["CsvWriter", "PredictionWriter", "Sample"]
