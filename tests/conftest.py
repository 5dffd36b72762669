"""What one test of the workspace changes of the process, the next does not see."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_process_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test a cache, and forget the project that it made importable."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    before = list(sys.path)
    yield
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] in ("project", "my_project")]:
        del sys.modules[name]
