"""Callbacks that freeze parameters (`freezing`), write predictions (`writers`) and set configured values."""

from lighter.callbacks.configured_values import ConfiguredValues
from lighter.callbacks.freezing.freezer import Freezer
from lighter.callbacks.writers.csv_writer import CsvWriter
from lighter.callbacks.writers.file_formats import register_file_format
from lighter.callbacks.writers.file_writer import FileWriter
from lighter.callbacks.writers.prediction_writer import PredictionWriter, Sample

__all__ = [
    "ConfiguredValues",
    "CsvWriter",
    "FileWriter",
    "Freezer",
    "PredictionWriter",
    "Sample",
    "register_file_format",
]
