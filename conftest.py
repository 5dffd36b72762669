"""Guards around every test of the workspace: what a test changes in the process, it must give back."""

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

# set by torch or Lightning when they are imported or start their first worker or process group, for the whole process
_SET_BY_LIBRARIES = {
    "CUDA_DEVICE_ORDER",
    "CUDA_MODULE_LOADING",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "OMP_NUM_THREADS",
    "PYTEST_CURRENT_TEST",
    "PYTORCH_NVML_BASED_CUDA_CHECK",
    "TORCHINDUCTOR_CACHE_DIR",
    "TRITON_CACHE_DIR",
    "TRITON_LIBDEVICE_PATH",
    "TRITON_PTXAS_PATH",
    "_MLFLOW_TELEMETRY_SESSION_ID",
}


def pytest_configure() -> None:
    """Let the tests, and what they start, be interrupted, and see the terminals that they make."""
    # where a shell runs the tests in the background, interrupts are ignored
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("COLUMNS", "LINES"):  # a size that the shell exports would beat that of the terminals of the tests
        os.environ.pop(name, None)


@pytest.fixture(autouse=True)
def _process_is_left_as_it_was() -> Iterator[None]:
    before = _process_state()
    yield
    after = _process_state()
    changed = {
        name: (before.get(name), after.get(name)) for name in before | after if before.get(name) != after.get(name)
    }
    assert not changed, f"the test left the process changed (before, after): {changed}"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(
    _process_is_left_as_it_was: None,  # first, so that it looks after `monkeypatch` has undone what it did
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)


def _process_state() -> dict[str, object]:
    environment = {f"${name}": value for name, value in os.environ.items() if name not in _SET_BY_LIBRARIES}
    return environment | {
        "sys.path": list(sys.path),
        "sys.excepthook": sys.excepthook,
        "warnings.showwarning": warnings.showwarning,
        "root logger's handlers": list(logging.getLogger().handlers),
        "threads": [thread.name for thread in threading.enumerate() if not thread.daemon],
    }
