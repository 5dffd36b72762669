"""A later command in the folder of a CSVLogger deletes no numbers of an earlier one."""

from pathlib import Path

import pytest

from lighter_cli import Runner

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*directory .* exists and is not empty")]

LOGGER = "trainer::logger={_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs, name: csv, version: %s}"


def test_predict_in_the_same_folder_keeps_the_numbers_of_the_fit(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    words = [system_config, LOGGER % "0"]
    folder = Path("logs/csv/version_0")
    Runner().run("fit", words)
    assert not caplog.messages or "metrics-1.csv" not in caplog.text
    numbers = (folder / "metrics.csv").read_text()
    Runner().run("predict", words)
    assert (folder / "metrics-1.csv").read_text() == numbers
    assert f"{folder}/metrics.csv of an earlier run is now metrics-1.csv" in caplog.text
    Runner().run("fit", words)
    Runner().run("test", words)
    assert (folder / "metrics-2.csv").read_text() == numbers


def test_a_logger_without_a_version_needs_no_new_name(system_config: str) -> None:
    for _ in range(2):
        Runner().run("fit", [system_config, LOGGER % "null"])
    assert sorted(file.parent.name for file in Path().rglob("metrics*.csv")) == ["version_0", "version_1"]
