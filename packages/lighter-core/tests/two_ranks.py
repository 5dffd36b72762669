"""Run as a script by conftest.py, once for each of two ranks: what the test files do on two ranks, one after the other.

One pair of processes runs them all, because importing torch takes longer than any of them.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

TEST_FILES = (
    "test_distributed",
    "logging/test_every_metric",
    "callbacks/writers/test_csv_writer",
    "callbacks/pictures/test_confusion_matrix",
    "callbacks/pictures/test_figure",
    "callbacks/pictures/test_image_logger",
    "callbacks/freezing/test_freezer",
    "callbacks/writers/test_file_writer",
)  # whose last run ends the ranks


def main(folder: Path) -> None:
    for file in TEST_FILES:
        path = Path(__file__).parent / file
        sys.path.insert(0, str(path.parent))
        own = folder / path.name
        own.mkdir(exist_ok=True)
        os.chdir(own)
        try:
            module = import_module(path.name)
        except pytest.skip.Exception:  # an optional package is missing, so the tests of this file are skipped, too
            continue
        module.on_two_ranks()
        (folder / f"{path.name}.{os.environ['LOCAL_RANK']}").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
