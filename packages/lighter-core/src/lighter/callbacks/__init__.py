"""Callbacks for Lightning's Trainer that freeze parameters (`freezing`) and write predictions (`writers`)."""

from lighter.callbacks.freezing.freezer import Freezer
from lighter.callbacks.writers.csv_writer import CsvWriter
from lighter.callbacks.writers.file_formats import register_file_format
from lighter.callbacks.writers.file_writer import FileWriter
from lighter.callbacks.writers.prediction_writer import PredictionWriter, Sample

__all__ = ["CsvWriter", "FileWriter", "Freezer", "PredictionWriter", "Sample", "register_file_format"]
