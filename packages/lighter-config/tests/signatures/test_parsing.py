"""Warnings of Python about the text that is read: all warnings are errors in these tests."""

import warnings
from pathlib import Path

import pytest

from lighter_config.signatures import DoesNotExist, Signature, SignatureReader

DOUBTFUL = '''
class Net:
    """Match \\d in a name."""

    def __init__(self, width: int = 3, pattern="\\d") -> None: ...
'''


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignatureReader:
    (tmp_path / "doubtful.py").write_text(DOUBTFUL, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return SignatureReader(cache_folder=None)


def test_a_doubtful_escape_keeps_no_module_from_being_read(reader: SignatureReader) -> None:
    answer = reader.read("doubtful.Net")
    assert isinstance(answer, Signature)
    assert answer.keywords == ("width", "pattern")


def test_a_doubtful_escape_of_a_module_is_not_told_again(reader: SignatureReader) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert isinstance(reader.read("doubtful.Nett"), DoesNotExist)
    assert told == []
