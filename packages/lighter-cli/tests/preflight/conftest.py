"""What the tests of the rehearsal share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """Return the files below a folder with their contents, without compiled code."""

    def read(folder: Path) -> dict[str, bytes]:
        files = (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
        return {str(file.relative_to(folder)): file.read_bytes() for file in files}

    return read
