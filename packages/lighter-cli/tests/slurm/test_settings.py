"""What a job asks SLURM for is read from the config, and mistakes in it are found before anything is submitted."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("submitit")

from lighter_cli.errors import SlurmError
from lighter_cli.slurm.settings import read_settings, require_slurm
from lighter_config import load


def settings_of(**given: Any) -> dict[str, Any]:
    return read_settings(load([{"sweep": {"slurm": given}}]))


def test_a_job_is_told_to_save_five_minutes_before_its_end() -> None:
    assert settings_of(timeout_min=60, partition="gpu") == {
        "timeout_min": 60,
        "partition": "gpu",
        "signal_delay_s": 300,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "nothing says how long a job may run"),
        ({"timeout_min": "1h"}, "sweep::slurm::timeout_min must be a whole number, is '1h'"),
        ({"timeout_min": 60, "cpus_per_task": 0}, "sweep::slurm::cpus_per_task must be a whole number, is 0"),
        ({"timeout_min": 5}, "a job of 5 min would be told to save at once, 300 s before its end"),
        ({"timeout_min": 60, "ntasks_per_node": 2}, "sweep::slurm::ntasks_per_node is not a setting of a job"),
    ],
)
def test_a_wrong_setting_is_an_error(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SlurmError) as caught:
        settings_of(**given)
    assert caught.value.findings[0].message == message


def test_an_unknown_setting_names_its_place_and_the_nearest(tmp_path: Path) -> None:
    Path("config.yaml").write_text("sweep:\n  slurm:\n    timeout_min: 60\n    partitoin: gpu\n")
    with pytest.raises(SlurmError) as caught:
        read_settings(load(["config.yaml"]))
    (finding,) = caught.value.findings
    assert finding.message == "sweep::slurm::partitoin is not a setting of a job"
    assert str(finding.place).startswith("config.yaml:4")
    assert finding.nearest == ("partition",)


def test_a_mapping_is_expected() -> None:
    with pytest.raises(SlurmError, match="sweep::slurm must be a mapping, is 'gpu'"):
        read_settings(load([{"sweep": {"slurm": "gpu"}}]))


def test_a_machine_without_slurm_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmError) as caught:
        require_slurm()
    (finding,) = caught.value.findings
    assert (finding.message, finding.fix) == ("sbatch is not here", "run this on a login node of the cluster")
