"""A FIFO in the place of any file that a command reads is refused; nobody writes into it, so opening it would wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")]

COMMANDS = {
    "a config": ("check", "fifo.yaml"),
    "a base": ("check", "based.yaml"),
    "a file of a reference": ("check", "referring.yaml"),
    "a checkpoint as input": ("show", "fifo.ckpt"),
    "a checkpoint to start from": ("test", "config.yaml", "--ckpt-path", "fifo.ckpt"),
    "a link to a device as checkpoint": ("test", "config.yaml", "--ckpt-path", "zero.ckpt"),
    "a module of the project": (
        "check",
        "config.yaml",
        "project=code",
        "trainer::logger={_target_: project.fifo.make}",
    ),
    "a short name in the project": ("check", "config.yaml", "project=code", "trainer::logger={_target_: Fifo}"),
    "a module of the folder": ("describe", "fifo.make"),
    "a file of a schema": ("schema", "fifo.yaml"),
    "a file to migrate": ("migrate", "fifo.yaml"),
    "the tab key": ("--complete", "zsh", "3", "fit", "fifo.ckpt", "tr"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_does_not_wait_for_a_fifo(case: str, system_config: str) -> None:
    for name in ("fifo.yaml", "fifo.ckpt", "fifo.py", "code/fifo.py"):
        os.mkfifo(name)
    Path("zero.ckpt").symlink_to("/dev/zero")
    Path("based.yaml").write_text("_base_: fifo.yaml\n", encoding="utf-8")
    Path("referring.yaml").write_text("vars: {a: '%fifo.yaml::b'}\n", encoding="utf-8")
    program = "from lighter_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *COMMANDS[case]],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if case in ("the tab key", "a module of the folder") else 1), done.stderr
