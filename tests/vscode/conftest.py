"""What npm has installed in editors/vscode, without which these tests are skipped."""

from pathlib import Path

import pytest

EXTENSION = Path(__file__).parents[2] / "editors/vscode"


@pytest.fixture(scope="session")
def extension() -> Path:
    """The folder of the extension, with its packages."""
    if not (EXTENSION / "node_modules").is_dir():
        pytest.skip("`npm ci` has not run in editors/vscode; the session `vscode` does that")
    return EXTENSION
