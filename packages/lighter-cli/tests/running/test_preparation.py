"""What is done with a config before anything is built."""

import logging

import pytest

from lighter_cli.running.preparation import find_mistakes, prepare
from lighter_config import CheckError, Severity, Stage, load


def test_debugging_shows_the_stages_config_with_copies(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="lighter_cli"):
        prepare(load([system_config, "vars::num_samples=14"]), Stage.TEST)
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert "num_samples: 14" in message
    assert "test:" in message
    assert "optimizer:" not in message  # a test does not use it
    assert "%::" not in message


def test_the_error_has_every_mistake_unless_checks_are_off(system_config: str) -> None:
    config = load([system_config, "trainer::max_epoch=3", "system::optimizer::lrr=1"])
    with pytest.raises(CheckError) as caught:
        prepare(config, Stage.FIT)
    assert len(caught.value.findings) == 2
    assert prepare(config, Stage.FIT, check_first=False).seed == 0


def test_mistakes_and_notes_on_the_project_are_returned(system_config: str) -> None:
    config = load([system_config, "trainer::max_epoch=3", "project=code"])
    assert [finding.severity for finding in find_mistakes(config)].count(Severity.ERROR) == 1
