"""Stand in for SLURM on one machine: ``sbatch``, ``srun``, ``scontrol``, ``squeue`` and ``scancel`` are this file.

Each task of an array is a process of its own, the keeper of a job. It waits until the array and a node have room, runs
the script with the variables of SLURM, and heeds the files that the other commands leave for it: signals reach every
process below ``srun``, as in SLURM; a job that is requeued or cancelled gets SIGTERM, and SIGKILL some seconds later.
The queue is a folder, which ``STAND_IN_SLURM`` names.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

FOLDER = Path(os.environ.get("STAND_IN_SLURM", "."))
COMMANDS = ("sbatch", "srun", "scontrol", "squeue", "scancel")
NODES = {"n1": 4, "n2": 4}
_KILL_WAIT_S = 15.0
_REQUEUE_S = 5.0  # a requeued job begins later, in SLURM after minutes
_POLL_S = 0.05


class StandIn:
    """The interface of ``RealSlurm`` to the commands in this file.

    Args:
        folder: Where its queue is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "STAND_IN_SLURM": str(self.folder)}

    def start(self) -> None:
        (self.folder / "bin").mkdir()
        for name in COMMANDS:
            file = self.folder / "bin" / name
            file.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
            file.chmod(0o755)

    def say(self, *command: str) -> str:
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def kill_node(self, node: str) -> None:
        for job in _jobs(self.folder):
            if job["node"] == node:
                (self.folder / f"{job['id']}.died").touch()

    def start_node(self, node: str) -> None:
        """Nodes come back by themselves."""

    def processes(self, node: str) -> list[psutil.Process]:
        found = []
        for job in _jobs(self.folder):
            if job["node"] == node:
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += psutil.Process(job["keeper"]).children(recursive=True)
        return found

    def stop(self) -> None:
        keepers = [psutil.Process(job["keeper"]) for job in _jobs(self.folder) if psutil.pid_exists(job["keeper"])]
        for keeper in keepers:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in [*keeper.children(recursive=True), keeper]:
                    process.kill()


def sbatch(words: list[str]) -> int:
    script = Path(words[-1])
    lines = [one.removeprefix("#SBATCH --") for one in script.read_text().splitlines() if one.startswith("#SBATCH ")]
    options = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    if options.get("partition", "low") not in ("low", "high"):
        print("sbatch: error: invalid partition specified: " + options["partition"], file=sys.stderr)
        print("sbatch: error: Batch job submission failed: Invalid partition name specified", file=sys.stderr)
        return 1
    span, _, limit = options.get("array", "").partition("%")
    count = int(span.partition("-")[2]) + 1 if span else 1
    with _locked():
        counter = FOLDER / "next"
        first = int(counter.read_text()) if counter.exists() else 1
        counter.write_text(str(first + count))
    copy = FOLDER / f"{first}.sh"
    copy.write_text(script.read_text())
    for index in range(count):
        name = f"{first}_{index}" if span else str(first)
        job = {
            "id": first + index,
            "name": name,
            "array": first,
            "limit": int(limit or count),
            "state": "PENDING",
            "node": "",
            "restarts": 0,
            "script": str(copy),
            "options": options,
            "folder": str(Path.cwd()),
        }
        subprocess.Popen(
            [sys.executable, Path(sys.argv[0]).absolute(), "keep", json.dumps(job)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(FOLDER / "keepers.log").open("a"),
        )
        while not _file(job).exists():
            time.sleep(_POLL_S)
    print(f"Submitted batch job {first}")
    return 0


def keep(words: list[str]) -> int:
    """Run one job, again and again while it is requeued."""
    job = {**json.loads(words[0]), "keeper": os.getpid()}
    while True:
        job = {**job, "state": "PENDING", "node": ""}
        _write(job)
        while not (node := _room(job)):
            if _asked(job, "cancel"):
                _file(job).unlink()
                return 0
            time.sleep(_POLL_S)
        job = {**job, "state": "RUNNING", "node": node}
        if not _run(job):
            _file(job).unlink()
            return 0
        job = {**job, "restarts": job["restarts"] + 1, "state": "PENDING", "node": ""}
        _write(job)
        time.sleep(_REQUEUE_S)


def _room(job: Mapping[str, Any]) -> str:
    """Return the node that the job may run on; it is then taken."""
    with _locked():
        running = [one for one in _jobs(FOLDER) if one["state"] == "RUNNING"]
        if sum(one["array"] == job["array"] for one in running) >= job["limit"]:
            return ""
        for node, cores in NODES.items():
            if sum(one["node"] == node for one in running) < cores:
                _write({**job, "state": "RUNNING", "node": node})
                return node
    return ""


def _run(job: Mapping[str, Any]) -> bool:
    """Run the script of a job to its end; return whether it is requeued."""
    options, name = job["options"], job["name"]
    per_node, num_nodes = int(options.get("ntasks-per-node", "1")), int(options.get("nodes", "1"))
    variables = {
        "SLURM_JOB_ID": job["id"],
        "SLURM_JOB_NAME": options.get("job-name", "job"),
        "SLURM_CLUSTER_NAME": "stand-in",
        "SLURM_NNODES": num_nodes,
        "SLURM_JOB_NUM_NODES": num_nodes,
        "SLURM_NTASKS": per_node * num_nodes,
        "SLURM_NTASKS_PER_NODE": per_node,
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_JOB_NODELIST": "127.0.0.1",
        "SLURMD_NODENAME": job["node"],
    }
    if "_" in name:
        variables |= {"SLURM_ARRAY_JOB_ID": job["array"], "SLURM_ARRAY_TASK_ID": name.partition("_")[2]}
    if job["restarts"]:
        variables["SLURM_RESTART_COUNT"] = job["restarts"]
    environment = os.environ | {key: str(value) for key, value in variables.items()}
    log = options["output"].replace("%A_%a", name).replace("%j", name)
    with Path(log).open("ab") as out:
        batch = subprocess.Popen(["bash", job["script"]], env=environment, cwd=job["folder"], stdout=out, stderr=out)
    is_requeued, ends_at = False, 0.0
    while batch.poll() is None:
        time.sleep(_POLL_S)
        if number := _asked(job, "signal"):
            _send(batch.pid, signal.Signals[f"SIG{number}"])
        if _asked(job, "died"):
            _kill(batch)
            return True
        for what in ("requeue", "cancel"):
            if _asked(job, what) and not ends_at:
                ends_at, is_requeued = time.monotonic() + _KILL_WAIT_S, what == "requeue"
                _write({**job, "state": "COMPLETING"})
                _send(batch.pid, signal.SIGTERM)
        if ends_at and (time.monotonic() > ends_at or not _tasks(batch.pid)):
            _kill(batch)
    return is_requeued


def _tasks(pid: int) -> list[psutil.Process]:
    """Return what ``srun`` started, and all that these processes have started."""
    found: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children():
            found += child.children(recursive=True)
    return found


def _send(pid: int, number: signal.Signals) -> None:
    for process in _tasks(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _kill(batch: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(batch.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    batch.kill()
    batch.wait()


def srun(words: list[str]) -> int:
    options = dict(word.partition("=")[::2] for word in words if word.startswith("--"))
    at = words.index("--output")
    command = words[next(i for i in range(at + 2, len(words)) if not words[i].startswith("--")) :]
    job, per_node = os.environ["SLURM_JOB_ID"], int(os.environ["SLURM_NTASKS_PER_NODE"])
    array = f"{os.environ.get('SLURM_ARRAY_JOB_ID')}_{os.environ.get('SLURM_ARRAY_TASK_ID')}"
    tasks = []
    for rank in range(int(os.environ["SLURM_NTASKS"])):
        own = {"SLURM_PROCID": rank, "SLURM_LOCALID": rank % per_node, "SLURM_NODEID": rank // per_node}
        log = words[at + 1].replace("%j", job).replace("%A_%a", array).replace("%t", str(rank))
        variables = {name: str(value) for name, value in own.items()} | {"SLURM_STEP_ID": "0"}
        with Path(log).open("ab") as out:
            tasks.append(subprocess.Popen(command, env=os.environ | variables, stdout=out, stderr=out))
    codes: list[int] = []
    while len(codes) < len(tasks):
        codes = [code for task in tasks if (code := task.poll()) is not None]
        if any(codes) and "--kill-on-bad-exit" in options:
            for task in tasks:
                task.terminate()
        time.sleep(_POLL_S)
    return max(map(abs, codes))


def scontrol(words: list[str]) -> int:
    if words == ["show", "config"]:
        print("ClusterName             = stand-in")
        return 0
    assert words[0] == "requeue", words
    for job in _named(words[1]):
        (FOLDER / f"{job['id']}.requeue").touch()
    return 0


def squeue(words: list[str]) -> int:
    for job in _jobs(FOLDER):
        print("|".join((job["name"], job["state"], job["node"], "None" if job["node"] else "Resources")))
    return 0


def scancel(words: list[str]) -> int:
    number = next((word.partition("=")[2] for word in words if word.startswith("--signal=")), "")
    for name in (word for word in words if not word.startswith("--")):
        for job in _named(name):
            if "--state=PENDING" not in words or job["state"] == "PENDING":
                (FOLDER / f"{job['id']}.{'signal' if number else 'cancel'}").write_text(number)
    return 0


def _named(name: str) -> list[dict[str, Any]]:
    return [job for job in _jobs(FOLDER) if name in (job["name"], str(job["array"]))]


def _jobs(folder: Path) -> list[dict[str, Any]]:
    found = []
    for file in sorted(folder.glob("*.json")):
        with contextlib.suppress(FileNotFoundError):
            found.append(json.loads(file.read_text()))
    return sorted(found, key=lambda job: job["id"])


def _asked(job: Mapping[str, Any], what: str) -> str:
    file = FOLDER / f"{job['id']}.{what}"
    try:
        text = file.read_text()
    except FileNotFoundError:
        return ""
    file.unlink()
    return text or what


def _file(job: Mapping[str, Any]) -> Path:
    return FOLDER / f"{job['id']}.json"


def _write(job: Mapping[str, Any]) -> None:
    temporary = FOLDER / f"{job['id']}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(job))
    temporary.replace(_file(job))


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    with (FOLDER / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    name = Path(sys.argv[0]).name
    if sys.argv[1:2] == ["keep"]:
        sys.exit(keep(sys.argv[2:]))
    programs = {"sbatch": sbatch, "srun": srun, "scontrol": scontrol, "squeue": squeue, "scancel": scancel}
    sys.exit(programs[name](sys.argv[1:]))
