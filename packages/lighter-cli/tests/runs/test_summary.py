import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.runs.record import read_records


def _said(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    lines = [record.getMessage() for record in caplog.records if record.name == "lighter_cli.runs.recorder"]
    return dict(line.split("  ", maxsplit=1) for line in lines)


def test_fit_ends_with_numbers_best_checkpoint_and_next_command(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [system_config, "vars::num_samples=14"])
    said = {name: value.strip() for name, value in _said(caplog).items()}
    record = read_records(Path())[-1]
    assert float(said["val/loss/epoch"]) == pytest.approx(record.content["metrics"]["val/loss/epoch"], rel=1e-3)
    assert said["best checkpoint"].startswith("checkpoints/epoch=1-step=6.ckpt (val/loss/epoch ")
    assert said["record"] == f"lighter_runs/{record.folder.name}"
    assert said["to test"] == f"lighter test lighter_runs/{record.folder.name}"
    assert not any("optimizer" in name for name in said)


TWO_LOADERS = "system::dataloaders::test=['%system::dataloaders::train', '%system::dataloaders::train']"
A_LONG_NAME = "A_metric_whose_name_is_longer_than_what_the_columns_of_a_table_in_a_terminal_have_room_for"


def test_each_value_of_each_loader_is_said_with_its_whole_name(
    system_config: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {A_LONG_NAME: {"_target_": "torchmetrics.SumMetric"}}
    count = "$lambda _: torch.tensor(411522.0)"  # in each of three batches
    adapter = {"_target_": "lighter.adapters.MetricsAdapter", "pred_argument": 0, "pred_transforms": count}
    added = {"system": {"adapters": {"test": {"metrics": adapter}}, "metrics": {"=test": metrics}}}
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("test", [system_config, TWO_LOADERS, added], verbose=False)
    said = _said(caplog)
    names = [f"test/metrics/{A_LONG_NAME}/epoch/dataloader_idx_{index}" for index in (0, 1)]
    assert list(said) == [*names, "record"]
    assert [said[name].strip() for name in names] == ["1234566", "1234566"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [(), ("--verbose",)])
@pytest.mark.slow
def test_lightnings_table_is_printed_on_demand(system_config: str, lighter: Callable[..., Any], words: Any) -> None:
    done = lighter("test", system_config, *words)
    assert done.returncode == 0, done.stderr
    assert ("Test metric" in done.stdout) == bool(words)
    assert "test/metrics/Accuracy/epoch  0." in done.stderr


def test_results_of_a_rehearsal_are_said_without_a_record(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("test", [system_config, "trainer::fast_dev_run=true"], verbose=False)
    assert list(_said(caplog)) == ["test/metrics/Accuracy/epoch"]


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_a_changed_folder_of_checkpoints_is_no_warning_outside_fit(system_config: str, stage: str) -> None:
    """Warnings are errors here. A ModelCheckpoint without `dirpath` takes that of the logger, new in each run."""
    logger = "trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs}"
    words = [system_config, logger, "trainer::log_every_n_steps=1"]
    Runner().run("fit", words)
    Runner().run(stage, words, ckpt_path="last")


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_best_checkpoint_from_before_a_resume_has_no_score(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Resumed into another folder, Lightning knows the file but not its score.

    Nothing is left to train, and the values of the last epoch are shown all the same.
    """
    Runner().run("fit", [system_config])
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=other"], ckpt_path="last")
    assert re.search(r"best checkpoint +checkpoints/epoch=1-step=6\.ckpt\n", caplog.text)
    assert re.search(r"val/loss/epoch +0\.\d+\n", caplog.text)
