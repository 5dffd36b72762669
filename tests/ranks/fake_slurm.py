"""Stand in for SLURM on one machine: ``sbatch``, ``srun`` and ``scontrol`` are copies of this file on the PATH.

``sbatch`` runs a script with the variables of its allocation. When the file ``time_is_up`` appears, it sends the signal
that ``--signal`` asks for to every task, as SLURM does before the time of a job is over. When ``scontrol`` was asked to
requeue the job, all tasks get SIGTERM, and the script is run again.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

REQUEUED = Path("requeued")
TIME_IS_UP = Path("time_is_up")
SOON_S = 30  # KillWait: how long SLURM waits after SIGTERM


def sbatch(words: list[str]) -> int:
    options = {}
    script = next(word for word in words if not word.startswith("--"))
    given = [word for word in words if word.startswith("--")]
    for line in [
        one.removeprefix("#SBATCH ") for one in Path(script).read_text().splitlines() if one.startswith("#SBATCH ")
    ]:
        name, _, value = line.strip().partition("=")
        options[name] = value
    for word in given:  # they beat those of the script
        name, _, value = word.partition("=")
        options[name] = value
    num_nodes, per_node = int(options.get("--nodes", "1")), int(options.get("--ntasks-per-node", "1"))
    variables = {
        "SLURM_JOB_ID": os.environ.get("FAKE_JOB_ID", "4711"),
        "SLURM_JOB_NAME": options.get("--job-name", script),
        "SLURM_NNODES": str(num_nodes),
        "SLURM_NTASKS": str(num_nodes * per_node),
        "SLURM_NTASKS_PER_NODE": str(per_node),
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
    }
    for count in range(10):
        restarted = {"SLURM_RESTART_COUNT": str(count)} if count else {}
        code = _run_job(["bash", script], variables | restarted, options.get("--signal", ""))
        if not REQUEUED.exists():
            return code
        REQUEUED.unlink()
    return 99


def _run_job(command: list[str], variables: dict[str, str], asked: str) -> int:
    job = subprocess.Popen(command, env=os.environ | variables)
    told_to_end = 0.0
    while job.poll() is None:
        time.sleep(0.02)
        if TIME_IS_UP.exists() and asked:
            TIME_IS_UP.unlink()
            _signal_tasks(job.pid, getattr(signal, asked.partition("@")[0]))
        if REQUEUED.exists() and not told_to_end:
            told_to_end = time.monotonic()
            _signal_tasks(job.pid, signal.SIGTERM)
        if told_to_end and time.monotonic() > told_to_end + SOON_S:
            _signal_tasks(job.pid, signal.SIGKILL)
    return job.returncode


def _signal_tasks(pid: int, number: signal.Signals) -> None:
    """Signal what ``srun`` started, and nothing that these processes have started."""
    for process in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end at any moment
            parent = process.parent()
            if parent is not None and any(word.endswith("/srun") for word in parent.cmdline()):
                process.send_signal(number)


def srun(words: list[str]) -> int:
    per_node = int(os.environ["SLURM_NTASKS_PER_NODE"])
    tasks = []
    for rank in range(int(os.environ["SLURM_NTASKS"])):
        own = {
            "SLURM_PROCID": rank,
            "SLURM_LOCALID": rank % per_node,
            "SLURM_NODEID": rank // per_node,
            "SLURM_STEP_ID": 0,
        }
        variables = {name: str(value) for name, value in own.items()}
        tasks.append(subprocess.Popen(words, env=os.environ | variables))
    return max((task.wait() for task in tasks), key=abs)


def scontrol(words: list[str]) -> int:
    if os.environ.get("FAKE_SCONTROL_FAILS"):
        print("Requested operation is presently disabled", file=sys.stderr)
        return 1
    assert words == ["requeue", os.environ["SLURM_JOB_ID"]], words
    REQUEUED.touch()
    time.sleep(0.2)
    return 0


if __name__ == "__main__":
    sys.exit({"sbatch": sbatch, "srun": srun, "scontrol": scontrol}[Path(sys.argv[0]).name](sys.argv[1:]))
