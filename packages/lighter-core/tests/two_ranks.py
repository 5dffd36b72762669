"""Run as a script by conftest.py, once for each of two ranks: what the test files do on two ranks, one after the other.

One pair of processes runs them all, because importing torch takes longer than any of them.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

TEST_FILES = (
    "test_distributed",
    "test_csv_writer",
    "test_freezer",
    "test_file_writer",
)  # whose last run ends the ranks


def main(folder: Path) -> None:
    for name in TEST_FILES:
        own = folder / name
        own.mkdir(exist_ok=True)
        os.chdir(own)
        import_module(name).on_two_ranks()
        (folder / f"{name}.{os.environ['LOCAL_RANK']}").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
