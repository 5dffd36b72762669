"""A trial is judged by its runs, in the order of their starts, whatever their names are."""

import json
import shutil
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.runs.epochs import read_epochs
from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps.outcomes import records_of, result_of_run
from lighter_config import RECORD_FILE, load, parse_sources
from lighter_config.sources.run_folders import run_folder
from lighter_config.space import read_space


@pytest.fixture
def run(system_config: str, tmp_path: Path) -> Path:
    """The folder of the record of a trial's only run."""
    folder = tmp_path / "lighter_sweeps" / "x" / "trials" / "0000"
    folder.mkdir(parents=True)
    (folder / "trial.json").write_text("{}")
    Runner(trial=Trial(folder)).run("fit", [system_config, f"trainer::default_root_dir={folder}"])
    (found,) = (folder / "lighter_runs").iterdir()
    return found


def test_the_time_between_the_runs_of_a_trial_does_not_count(run: Path, system_config: str) -> None:
    killed, content = read_epochs(run)[-1].time_s, json.loads((run / RECORD_FILE).read_text())
    times = {"start": "2099-11-28T05:53:26+00:00", "end": "2099-11-28T05:53:36+00:00"}
    shutil.copytree(run, run.with_name("20991128-055326-a35b5b"))
    (run.with_name("20991128-055326-a35b5b") / RECORD_FILE).write_text(json.dumps(content | times))
    (run / RECORD_FILE).write_text(json.dumps(content | {"status": "running", "end": None}))
    records = records_of(run.parents[1])
    space = read_space(load(parse_sources([system_config, "trainer::max_epochs:=1,2"], sweeping=True)))
    result = result_of_run(records[-1], records, space)
    assert result.took_s == pytest.approx(killed + 10)
    assert 0 < killed < 60


def test_two_runs_of_one_second_are_in_the_order_of_their_starts(run: Path) -> None:
    folder = run.parents[1]
    for name, start in (("20261128-055326-a35b5b", "26.2"), ("20261128-055326-0be43d", "26.9")):
        copy = folder / "lighter_runs" / name
        copy.mkdir()
        for file in run.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
        content = json.loads((copy / RECORD_FILE).read_text()) | {
            "id": name,
            "start": f"2099-11-28T05:53:{start}00+00:00",
        }
        (copy / RECORD_FILE).write_text(json.dumps(content))
    names = [record.folder.name for record in records_of(folder)]
    assert names == [run.name, "20261128-055326-a35b5b", "20261128-055326-0be43d"]
    newest = run_folder(folder)
    assert newest is not None
    assert newest.name == "20261128-055326-0be43d"
