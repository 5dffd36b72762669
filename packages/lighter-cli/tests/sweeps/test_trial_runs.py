"""A run that is a trial of a sweep says so in its record and in lists, can be pruned, and stops when it is told to."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException

from lighter_cli import Runner
from lighter_cli.runs.record import Record, read_records
from lighter_cli.runs.run import read_runs
from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps import trial_callback
from lighter_cli.sweeps.owners import claim, read_owner, take_over_claim
from lighter_cli.sweeps.trial_callback import callbacks_of_trial

# a resumed trial saves into the folder of the one before
pytestmark = pytest.mark.filterwarnings(
    "ignore:Checkpoint directory .* exists and is not empty",
    "ignore:You.re resuming from a checkpoint that ended before",
    "ignore:training resumes in the middle of an epoch",
)

Command = Callable[..., subprocess.CompletedProcess[str]]


def fit(config: str, trial: Trial, *words: str) -> Record:
    words = (config, f"trainer::default_root_dir={trial.folder}", *words)
    Runner(trial=trial).run("fit", list(words))
    return read_records(Path.cwd())[-1]


def test_the_record_and_lists_name_the_trial(system_config: str, in_process: Command) -> None:
    record = fit(system_config, Trial(Path("lighter_sweeps/digits-3fa9/trials/0007")))
    assert record.content["trial"] == {"sweep": "digits-3fa9", "number": 7, "repeat": None}
    repeat = fit(system_config, Trial(Path("lighter_sweeps/digits-3fa9/trials/0007/seed=1")))
    assert repeat.content["trial"] == {"sweep": "digits-3fa9", "number": 7, "repeat": "seed=1"}
    fit(system_config, Trial(Path("lighter_sweeps/other/trials/0000")))
    Runner().run("fit", [system_config])
    assert [run.trial for run in read_runs()] == ["digits-3fa9/7", "digits-3fa9/7/seed=1", "other/0", ""]
    listed = json.loads(in_process("runs", "list", "--sweep", "digits-3fa9", "--json").stdout)
    assert json.loads(in_process("runs", "list", "--sweep", "digits-3fa9/7", "--json").stdout) == listed
    assert json.loads(in_process("runs", "list", "--sweep", "digits-3fa9/70", "--json").stdout) == []
    assert [run["trial"]["repeat"] for run in listed] == [None, "seed=1"]
    assert "digits-3fa9/7/seed=1" in in_process("runs", "list").stdout
    assert "trial          digits-3fa9/7\n" in in_process("runs", "show", record.folder.name).stdout


class _Pruned(Callback):
    pruned_epoch: int | None = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 3:
            self.pruned_epoch = 3
            trainer.should_stop = True


def test_the_record_says_in_which_epoch_a_trial_was_pruned(system_config: str, tmp_path: Path) -> None:
    trial = Trial(tmp_path / "lighter_sweeps/x/trials/0000", lambda _: [_Pruned()])
    record = fit(system_config, trial, "trainer::max_epochs=8")
    assert record.status == "finished"
    assert record.content["ended_by"] == "pruned at epoch 3"
    assert record.content["ended"] == {"by": "pruned", "epoch": 3}
    assert record.content["progress"]["epoch"] == 4


class _Interrupting(Callback):
    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == 4:
            os.kill(os.getpid(), signal.SIGUSR1)


def test_a_trial_saves_and_stops_at_the_end_of_a_batch(system_config: str, tmp_path: Path) -> None:
    trial = Trial(tmp_path / "lighter_sweeps/x/trials/0000", lambda _: [_Interrupting()])
    with pytest.raises(SystemExit):
        fit(system_config, trial, "trainer::max_epochs=9", "system::dataloaders::train::batch_size=4")
    (record,) = read_records(tmp_path)
    assert record.status == "interrupted"
    last = record.checkpoint("last")
    assert last is not None
    assert record.content["progress"]["step"] == 5
    words = [system_config, f"trainer::default_root_dir={trial.folder}", "trainer::max_epochs=9"]
    words.append("system::dataloaders::train::batch_size=4")
    Runner(trial=Trial(trial.folder)).run("fit", words, ckpt_path=last)
    assert read_records(tmp_path)[-1].content["resumed"] == {"run": record.id, "step": 5}
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_a_claim_holds_until_another_process_claims_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lighter_sweeps" / "x" / "trials" / "0000"
    folder.mkdir(parents=True)
    first = claim(folder, slot=1)
    second = claim(folder)
    assert not take_over_claim(folder, first)
    monkeypatch.setenv("LIGHTER_TRIAL_CLAIM", first)
    with pytest.raises(SystemExit, match="another process has taken this trial over"):
        callbacks_of_trial(folder)
    monkeypatch.setenv("LIGHTER_TRIAL_CLAIM", second)
    callbacks_of_trial(folder)
    owner = read_owner(folder)
    assert owner is not None
    assert owner["pid"] == os.getpid()


class _TakenOver(Callback):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 1:
            claim(self.folder)


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_a_trial_that_was_taken_over_does_not_finish_twice(
    system_config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_taken_over: bool
) -> None:
    folder = tmp_path / "lighter_sweeps" / "x" / "trials" / "0000"
    folder.mkdir(parents=True)
    monkeypatch.setenv("LIGHTER_TRIAL_CLAIM", claim(folder))
    monkeypatch.setattr(trial_callback, "keep_claim", lambda folder, name: None)  # its SIGTERM would end the tests
    own = callbacks_of_trial(folder)
    trial = Trial(folder, lambda trainer: [*own(trainer), *[_TakenOver(folder)] * is_taken_over])
    if is_taken_over:
        with pytest.raises(SIGTERMException):
            fit(system_config, trial, "trainer::max_epochs=2")
    else:
        fit(system_config, trial, "trainer::max_epochs=2")
    (record,) = read_records(tmp_path)
    assert record.status == ("interrupted" if is_taken_over else "finished")
    assert record.content["progress"]["epoch"] == 2
