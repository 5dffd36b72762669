"""Messages arrive whole, and errors show what a user can act on. Each test is a process: the console is global."""

import subprocess
import sys
from pathlib import Path

import pytest


def _run(program: str) -> subprocess.CompletedProcess[str]:
    Path("program.py").write_text(program)
    return subprocess.run([sys.executable, "program.py"], capture_output=True, text=True, check=False)


def test_log_messages_keep_brackets_and_percent_signs() -> None:
    """A message with `[/x]` used to be lost, and lines were wrapped."""
    long = "x" * 300
    done = _run(
        "import logging\nfrom lighter_cli.terminal import process\nprocess.configure()\n"
        f"logging.getLogger('lighter').info('loaded [/data/x] [red] 100%% {long}')\n"
        "logging.getLogger('other').warning('résumé 数字 100%')\n"
    )
    assert done.stderr.splitlines() == [f"loaded [/data/x] [red] 100%% {long}", "warning: résumé 数字 100%"]


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"])
def test_only_the_first_rank_speaks_whoever_started_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import logging\nfrom lighter_cli.terminal import process\nprocess.configure()\n"
        "logging.getLogger('lighter').info('here')\n"
    )
    monkeypatch.setenv("LOCAL_RANK", "0")  # the first of a machine is not the first of all
    monkeypatch.setenv(variable, "0")
    assert _run(program).stderr == "here\n"
    monkeypatch.setenv(variable, "1")
    assert _run(program).stderr == ""


def test_a_warning_is_one_line() -> None:
    done = _run(
        "import warnings\nfrom lighter_cli.terminal import process\nprocess.configure()\nwarnings.warn('take [care]')\n"
    )
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: take [care] (UserWarning, ")


def test_an_interruption_is_exit_code_130() -> None:
    done = _run(
        "from lighter_cli.terminal import process\nwith process.reporting_errors():\n    raise KeyboardInterrupt\n"
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_causes_of_an_error_are_shown() -> None:
    done = _run(
        "from lighter_cli.terminal import process\n"
        "with process.reporting_errors():\n"
        "    try:\n        open('nowhere')\n"
        "    except OSError as error:\n        raise ValueError('no data') from error\n"
    )
    assert done.returncode == 1
    assert "FileNotFoundError" in done.stderr
    assert "direct cause" in done.stderr
    assert done.stderr.rstrip().endswith("hidden; --traceback shows them)")


@pytest.mark.slow
def test_an_error_without_a_message_shows_its_line() -> None:
    """Lightning asserts that `max_epochs` is a number; hiding its frames left the word AssertionError alone."""
    done = _run(
        "import pytorch_lightning as pl\nfrom pytorch_lightning.demos.boring_classes import BoringModel\n"
        "from lighter_cli.terminal import process\n"
        "trainer = pl.Trainer(max_epochs='', logger=False, enable_checkpointing=False, enable_progress_bar=False)\n"
        "with process.reporting_errors():\n    trainer.fit(BoringModel())\n"
    )
    assert "assert isinstance(self.max_epochs, int)" in done.stderr
    assert done.stderr.count('File "') == 2


_FAILING = """
import torch
from torch import nn
from lighter_cli.terminal import process

class Users(nn.Module):
    def forward(self, x):
        return self.inner(x)

users = Users()
users.inner = nn.Sequential(nn.Linear(3, 2))
with process.reporting_errors():
    {call}
"""


@pytest.mark.slow
def test_frames_of_torch_are_hidden() -> None:
    done = _run(_FAILING.format(call="users(torch.ones(1, 4))"))
    lines = done.stderr.splitlines()
    assert [line.rpartition(", in ")[2] for line in lines if line.startswith("  File")] == ["<module>", "forward"]
    assert lines[-2].startswith("RuntimeError: ")
    assert lines[-2].endswith("(1x4 and 3x2)")  # the words before the shapes change with torch
    assert lines[-1].endswith("frames of Lighter, Lightning and torch hidden; --traceback shows them)")
