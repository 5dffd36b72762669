"""Callbacks that draw (`pictures`), freeze parameters (`freezing`), write predictions (`writers`) and set values."""

from lighter.callbacks.configured_values import ConfiguredValues
from lighter.callbacks.freezing.freezer import Freezer
from lighter.callbacks.pictures.confusion_matrix import ConfusionMatrix
from lighter.callbacks.pictures.figure import Figure
from lighter.callbacks.pictures.image_logger import ImageLogger
from lighter.callbacks.pictures.picture import Matrix, Picture
from lighter.callbacks.pictures.picture_callback import PictureCallback
from lighter.callbacks.writers.csv_writer import CsvWriter
from lighter.callbacks.writers.file_formats import register_file_format
from lighter.callbacks.writers.file_writer import FileWriter
from lighter.callbacks.writers.prediction_writer import PredictionWriter, Sample

__all__ = [
    "ConfiguredValues",
    "ConfusionMatrix",
    "CsvWriter",
    "Figure",
    "FileWriter",
    "Freezer",
    "ImageLogger",
    "Matrix",
    "Picture",
    "PictureCallback",
    "PredictionWriter",
    "Sample",
    "register_file_format",
]
