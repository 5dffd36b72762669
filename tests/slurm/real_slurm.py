"""A real SLURM of two small nodes on one machine: munged, slurmctld and a slurmd for each node, on the loopback.

Debian's packages have all of it: ``apt-get install slurmctld slurmd slurm-client munge``. slurmd needs root.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel")
NODES = ("n1", "n2")
_START_S = 30.0
_PATH = f"{os.environ['PATH']}:/usr/sbin"  # where Debian has daemons, and users have no path to
_CONFIG = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
KillWait=15
SlurmdTimeout=10
SlurmdParameters=config_overrides
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports}] CPUs=4 RealMemory=1000 State=UNKNOWN
PartitionName=low Nodes={nodes} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=30
PartitionName=high Nodes={nodes} MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""


def missing() -> str:
    """Return why it cannot run here; empty if it can."""
    absent = [name for name in DAEMONS if shutil.which(name, path=_PATH) is None]
    if absent:
        return f"not installed: {', '.join(absent)}; Debian: apt-get install slurmctld slurmd slurm-client munge"
    return "" if os.getuid() == 0 else "slurmd needs root"


class RealSlurm:
    """The daemons, with a configuration of their own.

    Args:
        folder: Where their configuration, state and logs are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        """What SLURM's commands need to find it."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        """Start it, and wait until both nodes are idle."""
        for name in ("state", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        ports = _free_ports(1 + len(NODES))
        text = _CONFIG.format(
            host=socket.gethostname().partition(".")[0],
            folder=self.folder,
            controller=ports[0],
            nodes=f"n[1-{len(NODES)}]",
            ports=",".join(map(str, ports[1:])),
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "cgroup.conf").touch()
        files = {"key-file": key} | {f"{name}-file": self.folder / f"munge.{name}" for name in ("log", "pid", "seed")}
        options = [f"--{name}={file}" for name, file in files.items()]
        self._daemon("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *options)
        while not (self.folder / "munge.socket").exists():
            self._check("munged")
        self._daemon("slurmctld", "-D", "-c")
        for node in NODES:
            self.start_node(node)
        end = time.monotonic() + _START_S
        while self.say("sinfo", "--noheader", "--format=%T %D", "--partition=low").split() != ["idle", str(len(NODES))]:
            for name in self._daemons:
                self._check(name)
            if time.monotonic() > end:
                raise RuntimeError(f"the nodes do not become idle:\n{self.logs()}")

    def start_node(self, node: str) -> None:
        """Start a node, or start one again that was killed."""
        self._daemon(node, "-D", "-c", "-N", node, program="slurmd")

    def kill_node(self, node: str) -> None:
        """Let a node die: kill its slurmd, and all processes of its jobs."""
        daemon = self._daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for process in self.processes(node):
            process.kill()

    def processes(self, node: str) -> list[psutil.Process]:
        """Return the processes of jobs on a node, those that SLURM started to watch them first."""
        watchers, others = [], []
        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [""])[0].startswith("slurmstepd"):
                inside = process.children(recursive=True)
                if any(self._is_mine(child, node) for child in inside):
                    watchers.append(process)
                    others += inside
        return watchers + others

    def say(self, *command: str) -> str:
        """Run a command of SLURM; return what it prints."""
        done = subprocess.run(command, env=os.environ | self.environment, capture_output=True, text=True, check=False)
        return done.stdout

    def logs(self) -> str:
        """Return what the daemons have logged last."""
        texts = [f"== {file.name}\n{file.read_text()[-3000:]}" for file in sorted(self.folder.glob("*.log"))]
        return "\n".join(texts)

    def stop(self) -> None:
        """Cancel all jobs, and end all daemons."""
        if "slurmctld" in self._daemons:
            self.say("scancel", "--signal=KILL", f"--user={os.getuid()}")
            self.say("scancel", f"--user={os.getuid()}")
            end = time.monotonic() + _START_S
            while self.say("squeue", "--noheader").strip() and time.monotonic() < end:
                time.sleep(0.2)
        left = [process for node in NODES for process in self.processes(node)]
        for daemon in reversed(self._daemons.values()):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def _daemon(self, name: str, *options: str, program: str = "") -> None:
        with (self.folder / f"{name}.out").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [shutil.which(program or name, path=_PATH) or name, *options],
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGUSR2, signal.SIG_DFL),
            )

    def _is_mine(self, process: psutil.Process, node: str) -> bool:
        try:
            variables = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return {**self.environment, "SLURMD_NODENAME": node}.items() <= variables.items()

    def _check(self, name: str) -> None:
        time.sleep(0.1)
        if self._daemons[name].poll() is not None:
            raise RuntimeError(f"{name} ended:\n{(self.folder / f'{name}.out').read_text()[-3000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
