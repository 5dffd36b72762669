"""What a person sees, on a pseudo-terminal: colours, widths, the progress bar, Ctrl-C."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.runs.record import read_records

sys.path.append(str(Path(__file__).parents[1]))
from terminal_session import TerminalSession

sys.path.pop()

Write = Callable[[str, str], Path]

LIGHTER = [sys.executable, "-m", "lighter_cli"]

TALKING = """
import logging
import time
from pathlib import Path

import pytorch_lightning as pl

MESSAGE = "half [/x] of it: 50% of 数字 and %s " + "w" * 60


class Talking(pl.Callback):
    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step == 2:
            logging.getLogger("lighter.talking").info("%s", MESSAGE)


class Slow(pl.Callback):
    def on_train_epoch_start(self, trainer, *args):
        if trainer.current_epoch == 1:
            print("SECOND EPOCH", flush=True)
            time.sleep(60)
"""


def test_colours_are_for_terminals_that_show_them(system_config: str) -> None:
    command = [*LIGHTER, "show", system_config]
    with TerminalSession(command) as coloured:
        assert coloured.wait() == 0
    with TerminalSession(command, NO_COLOR="1") as plain:
        assert plain.wait() == 0
    with TerminalSession(command, TERM="dumb") as dumb:
        assert dumb.wait() == 0
    assert "\x1b[" in coloured.seen
    assert "\x1b[" not in plain.seen + dumb.seen
    assert coloured.text == plain.text == dumb.text


@pytest.mark.parametrize("columns", [40, 200])
def test_rows_fit_the_width_and_nothing_is_cut(system_config: str, columns: int) -> None:
    words = ["explain", "trainer::max_epochs", system_config, "trainer::max_epochs=3"]
    with TerminalSession([*LIGHTER, *words], columns=columns) as session:
        assert session.wait() == 0
    lines = session.text.splitlines()
    place = next(line for line in lines if "word 3" in line or "word 2" in line)
    assert ("trainer::max_epochs=3" in place) == (columns == 200)
    assert any("config.yaml:4" in line for line in lines)


@pytest.mark.slow
def test_a_fit_has_a_bar_whole_messages_and_a_closing_table(system_config: str, write: Write) -> None:
    write("talking.py", TALKING)
    write("talking.yaml", "trainer: {enable_progress_bar: true, callbacks: [{_target_: talking.Talking}]}")
    with TerminalSession([*LIGHTER, "fit", system_config, "talking.yaml"]) as session:
        assert session.wait() == 0, session.text
    assert "━" in session.text
    assert "Epoch 1/1" in session.text
    # each on a line of its own, above the bar
    assert "\rhalf [/x] of it: 50% of 数字 and %s " + "w" * 60 + "\n" in session.text
    assert "\r`Trainer.fit` stopped: `max_epochs=2` reached.\n" in session.text
    closing = session.text[session.text.index("val/loss/epoch ") :]
    (record,) = read_records(Path.cwd())
    assert "val/metrics/Accuracy/epoch" in closing
    assert "best checkpoint" in closing
    assert f"lighter test lighter_runs/{record.folder.name}" in closing


@pytest.mark.slow
def test_ctrl_c_ends_with_130_a_record_and_the_next_command(system_config: str, write: Write) -> None:
    """The bar is one that the config names, which wins over the bar that is there without."""
    write("talking.py", TALKING)
    write(
        "slow.yaml",
        """
        trainer:
          enable_progress_bar: true
          callbacks:
            - _target_: talking.Slow
            - _target_: pytorch_lightning.callbacks.TQDMProgressBar
        """,
    )
    with TerminalSession([*LIGHTER, "fit", system_config, "slow.yaml"]) as session:
        session.wait_for("SECOND EPOCH")
        session.type("\x03")
        assert session.wait() == 130
    assert "Traceback" not in session.text
    assert "━" not in session.text
    assert "100%|" in session.text
    (record,) = read_records(Path.cwd())
    assert record.status == "interrupted"
    assert record.checkpoint("last") is not None
    assert f"lighter fit lighter_runs/{record.folder.name}" in session.text
