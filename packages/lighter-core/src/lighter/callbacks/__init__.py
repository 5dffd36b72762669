"""Callbacks for Lightning's Trainer: freezing parameters, and storing predictions."""

from lighter.callbacks.csv_writer import CsvWriter
from lighter.callbacks.file_formats import register_file_format
from lighter.callbacks.file_writer import FileWriter
from lighter.callbacks.freezing.freezer import Freezer
from lighter.callbacks.prediction_writer import PredictionWriter, Sample

__all__ = ["CsvWriter", "FileWriter", "Freezer", "PredictionWriter", "Sample", "register_file_format"]
