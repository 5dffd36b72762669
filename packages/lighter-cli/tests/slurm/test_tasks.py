"""The task of a job lets its command save when the time is nearly over; processes of its own, without SLURM."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("submitit")

PROGRAM = """
    import os, signal, sys, time
    from pathlib import Path
    from lighter_cli.slurm.tasks import Task

    os.environ["SUBMITIT_FOLDER"] = "."
    child = '''
    import signal, time
    from pathlib import Path
    def end(*_):
        time.sleep(0.3)
        Path("saved").touch()
        raise SystemExit(0)
    signal.signal(signal.SIGTERM, end)
    Path("begun").touch()
    while True:
        time.sleep(0.05)
    '''
    task = Task([sys.executable, "-c", child], Path.cwd())

    def checkpoint(*_):  # as submitit's handler: in the main thread, which waits for the command
        again = task.checkpoint()
        assert Path("saved").exists()
        assert isinstance(again.function, Task)
        sys.exit(7)

    signal.signal(signal.SIGUSR2, checkpoint)
    task()
"""


def started(tmp_path: Path) -> "subprocess.Popen[bytes]":
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    process = subprocess.Popen([sys.executable, "program.py"], env=environment, start_new_session=True)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
    return process


def test_a_command_saves_before_the_job_is_requeued(tmp_path: Path) -> None:
    process = started(tmp_path)
    os.killpg(process.pid, signal.SIGUSR2)  # SLURM's signal reaches all processes: the command must ignore it
    assert process.wait() == 7
    assert (tmp_path / "saved").exists()


def test_a_cancelled_task_waits_until_its_command_has_saved(tmp_path: Path) -> None:
    process = started(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    assert (tmp_path / "saved").exists()
