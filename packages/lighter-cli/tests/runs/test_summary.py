import logging
from pathlib import Path

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


def test_other_stages_name_their_record_only(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("validate", [system_config])
    assert list(_said(caplog)) == ["record"]


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_best_checkpoint_from_before_a_resume_has_no_score(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Resumed into another folder, Lightning knows the file but not its score."""
    Runner().run("fit", [system_config])
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [system_config, "trainer::callbacks::0::dirpath=other"], ckpt_path="last")
    assert "best checkpoint  checkpoints/epoch=1-step=6.ckpt\n" in caplog.text
