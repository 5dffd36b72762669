"""A sweep is rehearsed before its first trial; what fails is named with its choice, and nothing is left behind."""

import json
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna", minversion="5")

from lighter_cli.sweeps.layout import SWEEPS
from lighter_cli.sweeps.plan import plan_of
from lighter_cli.sweeps.process import Starter
from lighter_cli.sweeps.progress import Progress
from lighter_cli.sweeps.rehearsal import Rehearsal
from lighter_cli.sweeps.rehearsed_cases import needed_in
from lighter_cli.sweeps.sweep import Sweep, open_sweep
from lighter_cli.sweeps.widening import widen
from lighter_cli.sweeps.worker import Slot
from lighter_config import CheckError, Severity
from lighter_config.space import SpaceOptions

pytestmark = pytest.mark.slow

PARTS = """
    import os, signal, time
    import torch
    from pytorch_lightning import Callback

    class Strict(Callback):
        '''Fails with some values of its arguments.'''

        def __init__(self, size=1, other=1, wait_s=0.0):
            self.size, self.other, self.wait_s = size, other, wait_s

        def on_fit_start(self, trainer, module):
            time.sleep(self.wait_s)
            if self.size == 9:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            if self.size == 8:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.size == 7:
                raise ValueError("7 is too large")
            if self.size + self.other == 10:
                raise ValueError("both together are too large")

        def on_validation_epoch_end(self, trainer, module):
            module.log("val/ratio", float("nan") if self.other == 6 else 1.0)

        def on_predict_start(self, trainer, module):
            if self.other == 7:
                raise ValueError("7 cannot be predicted with")
"""
SIZE, OTHER = "trainer::callbacks::1::size", "trainer::callbacks::1::other"

Rehearse = Callable[..., Sweep]


@pytest.fixture
def config(system_config: str, write: Callable[[str, str], Path]) -> str:
    """The tiny experiment with a callback that fails with some values."""
    write("own/parts.py", PARTS)
    write(
        "sweep.yaml",
        """
        _base_: config.yaml
        project: own
        trainer:
          callbacks: [{_target_: project.parts.Strict, size: 1, other: 1, wait_s: 0.0}]
        """,
    )
    return "sweep.yaml"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def rehearse(starter: Starter, config: str, temporary: Path) -> Rehearse:
    """Rehearse the sweep of some words."""

    def run(*words: str, name: str | None = "x", slots: int = 2, **options: Any) -> Sweep:
        plan = plan_of([config, *words], SpaceOptions(**options), name)
        sweep = open_sweep(plan)
        widen(sweep)
        needed = needed_in(sweep.folder, sweep.space, asked=True)
        Rehearsal(sweep, [Slot(index) for index in range(slots)], starter, Progress()).run(needed)
        return sweep

    return run


def left_in(temporary: Path) -> list[Path]:
    """Return what Lighter has left; torch keeps an empty folder for its cache."""
    return [*temporary.glob("lighter-*")]


def test_a_sweep_that_passes_is_rehearsed_once(
    rehearse: Rehearse, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = rehearse(f"{SIZE}:=1..3", f"{OTHER}:=2,3,4")
    assert "rehearsing 2 configs before the first trial" in capsys.readouterr().out
    assert left_in(temporary) == []
    assert not sweep.trials.numbers
    assert {file.name for file in sweep.folder.iterdir()} >= {"rehearsed.json", "sweep.json", "config.yaml"}
    assert not [*Path().rglob("lighter_runs")]
    rehearse(f"{SIZE}:=1..3", f"{OTHER}:=2,3,4")
    rehearse(f"{SIZE}:=1..4", f"{OTHER}:=2,3,4")
    assert capsys.readouterr().out.splitlines() == [
        "rehearsing 1 config before the first trial; --no-preflight starts it at once",
        "rehearsed 1 config: no warnings",
    ]


def test_every_value_that_fails_is_named_with_its_place(rehearse: Rehearse, write: Callable[[str, str], Path]) -> None:
    text = f"""
        sweep:
          over:
            {SIZE}: 1..7
            {OTHER}: 1..4
            system::optimizer:
              - {{lr: 0.01}}
              - {{_target_: torch.optim.SparseAdam}}
        """
    write("search.yaml", text)
    with pytest.raises(CheckError) as caught:
        rehearse("search.yaml")
    optimizer, size, stopped = caught.value.findings
    assert optimizer.message.startswith("fit fails: RuntimeError: SparseAdam")
    assert optimizer.case.startswith("choice 2 of system::optimizer: SparseAdam; in train, batch 0")
    assert str(optimizer.place) == "search.yaml:8:20"
    assert size.message == "fit fails: ValueError: 7 is too large"
    assert size.case == f"the high end of {SIZE} (search.yaml:4:34)"
    assert size.place is not None
    assert size.place.source == "sweep.yaml"
    assert stopped.message == "no trial has started: the rehearsal found 2 errors"
    assert not Path(SWEEPS).exists()  # the corrected config begins anew


def test_a_fault_of_a_late_stage_stops_a_sweep(rehearse: Rehearse, temporary: Path) -> None:
    with pytest.raises(CheckError) as caught:
        rehearse(f"{SIZE}:=2,3", f"{OTHER}:=1,2,7", slots=1)
    assert caught.value.findings[0].message == "predict fails: ValueError: 7 cannot be predicted with"
    assert caught.value.findings[0].case == f"choice 3 of {OTHER}: 7 (command line, word 3)"
    assert left_in(temporary) == []


def test_what_the_first_trial_has_too_is_not_blamed_on_a_choice(rehearse: Rehearse) -> None:
    with pytest.raises(CheckError) as caught:
        rehearse(f"{SIZE}=7", "seed:=1,2,3")
    found = [finding for finding in caught.value.findings if finding.severity is Severity.ERROR]
    assert [(one.message, one.case) for one in found] == [("fit fails: ValueError: 7 is too large", "")]


def test_values_that_only_fail_together_are_named_together(rehearse: Rehearse) -> None:
    with pytest.raises(CheckError) as caught:
        rehearse(f"{SIZE}:=1..5", f"{OTHER}:=1..5", "seed:=0..3")
    assert caught.value.findings[0].message == "fit fails: ValueError: both together are too large"
    assert caught.value.findings[0].case == (
        f"the high end of {SIZE} (command line, word 2) and the high end of {OTHER} (command line, word 3) "
        "and the high end of seed (command line, word 4)"
    )


def test_memory_that_runs_out_at_an_end_is_a_warning(rehearse: Rehearse, caplog: pytest.LogCaptureFixture) -> None:
    sweep = rehearse(f"{SIZE}:=1..9")
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "OutOfMemoryError: CUDA out of memory" in warning
    assert f"with               the high end of {SIZE}" in warning
    assert sweep.folder.is_dir()


def test_a_killed_rehearsal_counts_as_memory(rehearse: Rehearse, caplog: pytest.LogCaptureFixture) -> None:
    rehearse(f"{SIZE}:=1..8")
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "the rehearsal failed: it was ended by SIGKILL" in warning
    with pytest.raises(CheckError, match="SIGKILL"):
        rehearse(f"{SIZE}=8", "seed:=1,2", name="other")


def test_warnings_are_given_once_and_never_again(rehearse: Rehearse, caplog: pytest.LogCaptureFixture) -> None:
    rehearse(f"{OTHER}=6", "seed:=1,2")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [one.partition("\n")[0] for one in warnings] == [
        f"val/ratio is nan in the rehearsal of {stage}" for stage in ("fit", "validate")
    ]
    assert "with " not in "".join(warnings)
    caplog.clear()
    rehearse(f"{OTHER}=6", "seed:=1,2,3")
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_the_frozen_code_is_rehearsed(rehearse: Rehearse, write: Callable[[str, str], Path]) -> None:
    rehearse(f"{SIZE}:=1..3")
    write("own/parts.py", "raise ImportError('broken since')")
    rehearse(f"{SIZE}:=1..4")


def test_a_repeat_that_fails_is_named(rehearse: Rehearse) -> None:
    with pytest.raises(CheckError) as caught:
        rehearse("seed:=1,2", f"{SIZE}:=1..7", repeat=(SIZE,))
    assert caught.value.findings[0].case.startswith(f"the high end of {SIZE}")


def test_an_epoch_longer_than_a_job_is_a_warning(rehearse: Rehearse, caplog: pytest.LogCaptureFixture) -> None:
    rehearse("seed:=1,2", "sweep::slurm::timeout_min=0.0001")
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith("an epoch takes about 0.")
    assert "and a job ends after 0.0001 min\n  command line, word 3" in warning


STRUCTURES = "system::optimizer:={lr: 0.01},{lr: 0.02},{lr: 0.03},{lr: 0.04},{_target_: torch.optim.Adam}"


def test_the_command_rehearses_by_default_and_says_so(lighter: Callable[..., Any], config: str) -> None:
    words = ("sweep", config, "trainer::max_epochs=1", STRUCTURES)
    dry = lighter(*words, "--dry-run")
    assert "rehearsed before the first trial, 5 configs\nsystem::optimizer\nlr=0.01" in dry.stdout
    assert "rehearsed before" not in lighter(*words, "--dry-run", "--no-preflight").stdout
    assert len(json.loads(lighter(*words, "--dry-run", "--json").stdout)["rehearsed"]) == 5
    done = lighter(*words, "--json", "--name", "y", "--workers", "2", "--safe", "--allow", "project")
    assert (done.returncode, done.stderr) == (0, "")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["event"] for event in events]
    assert kinds[:8] == ["note", *["rehearsed"] * 5, "note", "begin"]
    assert {event["params"]["system::optimizer"] for event in events[1:6]} == {
        "lr=0.01", "lr=0.02", "lr=0.03", "lr=0.04", "Adam",
    }  # fmt: skip
    assert all(event["ok"] for event in events[1:6])
    assert kinds.count("ended") == 5
    again = lighter(*words, "--name", "y").stdout
    assert "rehears" not in again
    assert "rehears" not in lighter(*words, "--name", "z", "--no-preflight").stdout


def test_ctrl_c_ends_a_rehearsal_and_loses_nothing(config: str, tmp_path: Path, temporary: Path) -> None:
    words = [config, "trainer::max_epochs=1", "trainer::callbacks::1::wait_s=0.5", STRUCTURES, "--name", "c", "--json"]
    command = ["lighter", "sweep", *words]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "rehearsed":
            process.send_signal(signal.SIGINT)
            break
    rest = process.stdout.read()
    assert process.wait() == 130
    process.stdout.close()
    num_passed = sum(event["event"] == "rehearsed" for event in events) + rest.count('"rehearsed"')
    assert "to continue: lighter sweep lighter_sweeps/c" in rest
    assert left_in(temporary) == []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    kinds = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert kinds.count("rehearsed") == 5 - num_passed
    assert kinds.count("ended") == 5
