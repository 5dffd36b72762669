"""The server that forks trials: it has imported torch once, so a trial starts in a tenth of the time.

Run: python -P -m lighter_cli.sweeps.warm MODULE...

It reads one JSON request a line from its standard input, and writes one JSON answer a line: the process id of each
trial, later its exit code. A trial is a child in a session of its own, with its own arguments, environment, working
directory and output: as ``lighter fit WORDS`` would have started. When the input ends, so does the server; its trials
continue. It runs no code of the user's project.
"""

import atexit
import gc
import importlib
import importlib.util
import json
import os
import selectors
import signal
import sys
import tempfile
import threading
import time
import types
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

OWN_MODULES = (
    "torch",
    "torchmetrics",
    "torch.utils.serialization.config",
    "lighter",
    "lighter_config.building._sparkwheel",
    "lighter_config.sources.yaml_reader",
    "lighter_config.writing.yaml_writer",
    "lighter_cli.main",
    "lighter_cli.app",
    "lighter_cli.terminal.kept_help",
    "lighter_cli.inspecting.words",
    "lighter_cli.inspecting.merged_inputs",
    "lighter_cli.commands.stages",
    "lighter_cli.running.runner",
    "lighter_cli.running.build",
    "lighter_cli.running.gc_pause",
    "lighter_cli.running.trainer_call",
    "lighter_cli.sweeps.trial_callback",
)
_POLL_S = 1.0
_THREAD_END_S = 0.1  # a joined thread is listed a moment longer
_DO_WITHOUT = ("jemalloc_bg_thd",)
"""Threads that a forked child does without. Those of jemalloc, in pyarrow, which pandas imports, return unused memory;
``background_thread_postfork_child`` in jemalloc's src/background_thread.c switches them off."""


def main(modules: Sequence[str]) -> None:
    """Import modules, then fork trials until the standard input ends."""
    # a collection would visit what is imported several times, and leave holes in pages that children then copy:
    # https://docs.python.org/3/library/gc.html#gc.freeze
    gc.disable()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a launcher sends it to all processes; this one ends with its parent
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a module prints while it is imported is no answer
    problem = import_all(modules)
    _answer(answers, {"ready": not problem, "problem": problem})
    if problem:
        return
    gc.freeze()  # a collection in a child would copy every page
    _Server(answers).serve()
    os._exit(0)  # taking torch apart takes longer


def import_all(modules: Sequence[str]) -> str:
    """Import what trials need.

    Returns:
        Why this process cannot be forked; empty if it can.
    """
    for name in (*OWN_MODULES, *modules):
        try:
            importlib.import_module(name)
        except Exception:
            if name in OWN_MODULES:
                raise  # the trial reports that another one cannot be imported
        if _has_threads():
            return f"importing {name} starts threads"
        if _uses_gpu():
            return f"importing {name} starts CUDA"
    return ""


class _Server:
    def __init__(self, answers: Any) -> None:
        self._answers = answers
        self._requests: dict[int, int] = {}  # the number of the request, by the process id
        self._wakeup, self._on_child = os.pipe()
        for descriptor in (self._wakeup, self._on_child):
            os.set_blocking(descriptor, False)

    def serve(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._on_child)
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        selector.register(self._wakeup, selectors.EVENT_READ)
        pending = b""
        while True:
            ready = {key.fd for key, _ in selector.select(_POLL_S)}
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
            self._report_ended()
            if 0 in ready:
                content = os.read(0, 65536)
                if not content:
                    return
                *lines, pending = (pending + content).split(b"\n")
                for line in lines:
                    self._fork(json.loads(line), selector)

    def _fork(self, request: Mapping[str, Any], selector: selectors.BaseSelector) -> None:
        pid = _fork()
        if pid == 0:
            try:
                selector.close()
                signal.set_wakeup_fd(-1)
                self._answers.close()
                os.close(self._wakeup)
                os.close(self._on_child)
                _prepare(request)
            except BaseException as error:  # before there is an output to report it
                os.write(2, f"a trial cannot start: {error!r}\n".encode())
                os._exit(1)
            _run()
        self._requests[pid] = request["id"]
        _answer(self._answers, {"id": request["id"], "pid": pid})

    def _report_ended(self) -> None:
        while self._requests:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _answer(self._answers, {"id": self._requests.pop(pid), "exit": os.waitstatus_to_exitcode(status)})


def _prepare(request: Mapping[str, Any]) -> None:
    """Give this child its session, signals, output, working directory, environment and arguments."""
    os.setsid()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # it is that of TMPDIR when the server first needed one
    sys.argv = ["lighter", *request["words"]]
    # what Lightning runs again for the other ranks, and what spawned workers import
    program = types.ModuleType("__main__")
    program.__spec__ = importlib.util.find_spec("lighter_cli.__main__")
    program.__file__ = None if program.__spec__ is None else program.__spec__.origin
    sys.modules["__main__"] = program


def _run() -> NoReturn:
    """Run the command line, and end as an interpreter does, without taking torch apart."""
    code = 1
    try:
        importlib.import_module("lighter_cli.main").main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  # wait for threads
        atexit._run_exitfuncs()  # noqa: SLF001  # as multiprocessing does in its children
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code & 0xFF)


def _answer(answers: Any, content: Mapping[str, Any]) -> None:
    try:
        answers.write(f"{json.dumps(content)}\n")
        answers.flush()
    except BrokenPipeError:  # the worker was killed
        os._exit(0)


def _fork() -> int:
    """Fork this process without the warning of Python 3.12 and newer, which does not know whose threads there are.

    Those left are harmless: see ``_has_threads``.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _has_threads() -> bool:
    """Return whether this process has threads that a forked child would miss.

    A library may handle forks itself. OpenBLAS, in NumPy and SciPy, ends its pool before each one
    (``openblas_fork_handler``, OpenBLAS pull request 343), and a child starts its own. To see that, fork a process that
    ends at once. What is left after it, such as a pool of OpenMP that was used, would hang in a child
    (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=60035).
    """
    if threading.active_count() > 1:
        return True
    if not _native_threads():
        return False
    pid = _fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    end = time.monotonic() + _THREAD_END_S
    while _native_threads():
        if time.monotonic() > end:
            return True
        time.sleep(_THREAD_END_S / 20)
    return False


def _native_threads() -> list[str]:
    """Return the names of the threads besides the main one, without those that do no harm."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            name = (task / "comm").read_text().strip()
            if int(task.name) != os.getpid() and name not in _DO_WITHOUT:
                found.append(name)
    return found


def _uses_gpu() -> bool:
    """Return whether this process has started CUDA: a forked child could not use it then."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return True
    descriptors = Path("/proc/self/fd")
    opened = []
    for descriptor in descriptors.iterdir() if descriptors.is_dir() else ():
        with suppress(OSError):
            opened.append(str(descriptor.readlink()))
    return "/dev/nvidia-uvm" in opened


if __name__ == "__main__":
    main(sys.argv[1:])
