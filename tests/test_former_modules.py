"""A config may name a callback by the module that it was in."""

import pytest

from lighter_config.signatures import Signature, SignatureReader

FORMER = ("csv_writer.CsvWriter", "file_writer.FileWriter", "freezer.Freezer", "prediction_writer.PredictionWriter")


@pytest.mark.parametrize("former", FORMER)
def test_reading_finds_a_callback_at_its_former_path(former: str) -> None:
    read = SignatureReader().read(f"lighter.callbacks.{former}")
    now = SignatureReader().read(f"lighter.callbacks.{former.split('.')[1]}")
    assert isinstance(read, Signature)
    assert isinstance(now, Signature)
    assert read.parameters == now.parameters
