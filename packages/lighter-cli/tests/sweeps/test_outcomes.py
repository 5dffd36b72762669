"""The runs of a trial are in the order of their starts, whatever their names are."""

import json
from pathlib import Path

from lighter_cli import Runner
from lighter_cli.runs.trial import Trial
from lighter_cli.sweeps.outcomes import records_of
from lighter_config import RECORD_FILE
from lighter_config.sources.run_folders import run_folder


def test_two_runs_of_one_second_are_in_the_order_of_their_starts(system_config: str, tmp_path: Path) -> None:
    folder = tmp_path / "lighter_sweeps" / "x" / "trials" / "0000"
    folder.mkdir(parents=True)
    (folder / "trial.json").write_text("{}")
    Runner(trial=Trial(folder)).run("fit", [system_config, f"trainer::default_root_dir={folder}"])
    (run,) = (folder / "lighter_runs").iterdir()
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
