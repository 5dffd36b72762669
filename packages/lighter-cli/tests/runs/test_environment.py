import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest
import torch

from lighter_cli.runs.environment import gpu_driver, is_gone, this_process, versions


def test_versions_are_those_that_are_installed() -> None:
    assert versions()["pytorch-lightning"] == version("pytorch-lightning")
    assert versions()["lighter-core"] == version("lighter-core")
    assert versions()["torch"] == torch.__version__  # with its build: the same version differs between CUDA versions


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  535.129.03  Release Build  (root@host)",
    ],
)
def test_the_version_of_the_gpu_driver_is_read_without_cuda(line: str, tmp_path: Path) -> None:
    assert gpu_driver(tmp_path / "missing") is None
    (tmp_path / "version").write_text(f"{line}\nGCC version:  gcc version 11.4.0\n", encoding="utf-8")
    assert gpu_driver(tmp_path / "version") == "535.129.03"


def test_a_process_that_ended_is_gone() -> None:
    program = "import json; from lighter_cli.runs.environment import this_process; print(json.dumps(this_process()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert is_gone(json.loads(done.stdout))


def test_this_process_is_not_gone_but_one_that_had_its_number_is() -> None:
    process = this_process()
    assert not is_gone(process)
    assert is_gone({**process, "created": process["created"] - 3600})


def test_a_process_that_was_killed_but_not_yet_waited_for_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = {**this_process(), "pid": process.pid, "created": psutil.Process(process.pid).create_time()}
    assert not is_gone(identity)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert is_gone(identity)
    process.wait()
    assert is_gone(identity)


def test_a_process_of_another_host_counts_as_alive() -> None:
    assert not is_gone({**this_process(), "host": "elsewhere", "pid": 2**22 - 1})
