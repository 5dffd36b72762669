"""Start ``lighter`` in a process of its own: forked from a warm server, or cold where that is not possible."""

import json
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from lighter_cli.distributed.launcher_variables import without_ranks

_logger = logging.getLogger(__name__)

_NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"
_POLL_S = 0.05


class Process:
    """A started ``lighter``.

    Attributes:
        pid: Its process id; it leads a session, in which its loaders' workers are too.
    """

    def __init__(self, pid: int, starter: "Starter", popen: "subprocess.Popen[bytes] | None" = None) -> None:
        self.pid = pid
        self._starter = starter
        self._popen = popen
        self._process = None if popen is not None else _found(pid)
        self.exitcode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; ``None`` while the process runs."""
        if self.exitcode is None:
            if self._popen is not None:
                self.exitcode = self._popen.poll()
            else:
                self._starter.read_answers(0)
                if self.exitcode is None and self._starter.is_gone and not _is_alive(self._process):
                    self.exitcode = 1  # the server that knew it was killed
        return self.exitcode

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until the process ends; return its exit code, or ``None`` after the time."""
        return self._starter.wait_for([self], timeout_s)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process and all that is in its session, also what is left there after the process has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self.exitcode is None:  # else its id may be that of another process
            self.send(signal.SIGKILL)


class Starter:
    """Starts processes of ``lighter``, each in a session of its own, without a terminal.

    Args:
        modules: What the server imports besides torch and Lightning.
        environment: The environment of the server: what must be set before torch is imported.
        is_cold: Start no server.

    Attributes:
        problem: Why processes start cold; empty if they are forked.
    """

    def __init__(
        self, modules: Sequence[str] = (), *, environment: Mapping[str, str] | None = None, is_cold: bool = False
    ) -> None:
        self._modules = modules
        self._environment = dict(environment or {})
        self._server: subprocess.Popen[bytes] | None = None
        self._forked: dict[int, Process] = {}
        self._new: dict[int, Process] = {}
        self._number = 0
        self._unread = b""
        self._is_ready = False
        self.problem = "" if not is_cold else "it was asked for"
        if sys.platform != "linux" and not is_cold:
            self.problem = f"{sys.platform} cannot fork a process that has imported torch"

    @property
    def is_gone(self) -> bool:
        """Whether the server has ended."""
        return self._server is None or self._server.poll() is not None

    def warm_up(self) -> None:
        """Start the server; it imports while the caller does something else."""
        if self._server is not None or self.problem:
            return
        # a module may read its rank while it is imported; and without the last one, looking for a GPU would start CUDA
        environment = {**without_ranks(os.environ), **self._environment, _NVML: "1"}
        command = [sys.executable, "-P", "-m", "lighter_cli.sweeps.warm", *self._modules]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )

    def start(
        self,
        words: Sequence[str],
        *,
        output: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Process:
        """Start ``lighter WORDS``.

        Args:
            words: The command and its inputs.
            output: The file that gets what it prints.
            environment: What its environment has besides that of this process, whose ranks it does not inherit.
            folder: Its working directory; that of this process by default.
        """
        variables = {**without_ranks(os.environ), **self._environment, **(environment or {})}
        self.warm_up()
        if not self.problem and (process := self._fork(words, output, variables, folder or Path.cwd())):
            return process
        with output.open("ab") as stream:
            popen = subprocess.Popen(
                [sys.executable, "-m", "lighter_cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=variables,
                cwd=folder,
                start_new_session=True,
            )
        return Process(popen.pid, self, popen)

    def wait_for(self, processes: Sequence[Process], timeout_s: float | None = None) -> int | None:
        """Wait until one of some processes ends; return its exit code, or ``None`` after the time."""
        left = float("inf") if timeout_s is None else timeout_s
        while True:
            for process in processes:
                if process.poll() is not None:
                    return process.exitcode
            if left <= 0:
                return None
            self.read_answers(min(_POLL_S, left))
            left -= _POLL_S

    def close(self) -> None:
        """End the server; processes that still run continue."""
        if self._server is not None:
            for stream in (self._server.stdin, self._server.stdout):
                if stream is not None:
                    stream.close()
            self._server.wait()

    def read_answers(self, timeout_s: float) -> None:
        """Read what the server has said, after waiting for it a while."""
        stream = None if self._server is None else self._server.stdout
        if stream is None or stream.closed or not select.select([stream], [], [], timeout_s)[0]:
            if stream is None or stream.closed:
                select.select([], [], [], timeout_s)
            return
        content = os.read(stream.fileno(), 65536)
        if not content:
            self._lose_server()
            return
        *lines, self._unread = (self._unread + content).split(b"\n")
        for line in lines:
            self._heed(json.loads(line))

    def _heed(self, answer: Mapping[str, Any]) -> None:
        if "ready" in answer:
            self._is_ready = answer["ready"]
            self.problem = answer["problem"]
        elif "pid" in answer:
            self._new[answer["id"]] = self._forked[answer["id"]] = Process(answer["pid"], self)
        else:
            self._forked.pop(answer["id"]).exitcode = answer["exit"]

    def _fork(self, words: Sequence[str], output: Path, variables: Mapping[str, str], folder: Path) -> Process | None:
        """Let the server fork a process; ``None`` if it cannot."""
        assert self._server is not None
        assert self._server.stdin is not None
        while not self._is_ready and not self.problem:
            self.read_answers(_POLL_S)
        if self.problem:
            _logger.warning("trials start cold, which takes longer: %s", self.problem)
            return None
        self._number += 1
        request = {"id": self._number, "words": list(words), "output": str(output), "folder": str(folder)}
        try:
            self._server.stdin.write(f"{json.dumps({**request, 'environment': dict(variables)})}\n".encode())
            self._server.stdin.flush()
        except OSError:
            self._lose_server()
        while self._number not in self._new and not self.problem:
            self.read_answers(_POLL_S)
        return self._new.pop(self._number, None)

    def _lose_server(self) -> None:
        assert self._server is not None
        self._server.wait()
        assert self._server.stdout is not None
        self._server.stdout.close()
        if not self.problem:
            self.problem = f"the process that forks them ended with exit code {self._server.returncode}"
            if self._is_ready:
                _logger.warning("trials start cold, which takes longer: %s", self.problem)


def _found(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _is_alive(process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
