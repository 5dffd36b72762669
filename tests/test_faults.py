"""Runs survive being killed; ``nox -s faults`` strikes them more often and in more ways."""

import subprocess
import sys
from pathlib import Path

FAULTS = Path(__file__).parent / "faults"


def test_runs_killed_at_random_end_as_uninterrupted_ones() -> None:
    command = [sys.executable, str(FAULTS), "--kills", "3", "--only", "checkpoints inside"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
