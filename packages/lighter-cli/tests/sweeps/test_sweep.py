"""A sweep runs as many trials as were asked for, each once, and tells its sampler how they ended."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", minversion="5")

from lighter_cli.errors import SweepError  # noqa: E402
from lighter_cli.runs.record import read_record, read_records  # noqa: E402
from lighter_cli.sweeps.journal import open_journal  # noqa: E402
from lighter_cli.sweeps.overview import Overview  # noqa: E402
from lighter_cli.sweeps.plan import plan_of  # noqa: E402
from lighter_cli.sweeps.process import Starter  # noqa: E402
from lighter_cli.sweeps.progress import Progress  # noqa: E402
from lighter_cli.sweeps.results import read_results  # noqa: E402
from lighter_cli.sweeps.sweep import Sweep, open_sweep  # noqa: E402
from lighter_cli.sweeps.trial_table import trial_lines  # noqa: E402
from lighter_cli.sweeps.widening import widen  # noqa: E402
from lighter_cli.sweeps.worker import Slot, Worker  # noqa: E402
from lighter_config import SourceError  # noqa: E402
from lighter_config.space import SpaceOptions  # noqa: E402

pytestmark = pytest.mark.slow

VALUE = "val/value"
Work = Callable[..., Sweep]


@pytest.fixture
def work(starter: Starter, config: str) -> Work:
    """Run the sweep of some words to its end."""

    def run(*words: str, workers: int = 1, name: str | None = None, retry: bool = False, **options: Any) -> Sweep:
        plan = plan_of(words or (config,), SpaceOptions(**options), name)
        sweep = open_sweep(plan)
        widen(sweep)
        worker = Worker(sweep, [Slot(index) for index in range(workers)], starter, Progress())
        if retry:
            worker.queue.retry()
        assert worker.work() == "done"
        return sweep

    return run


def states(sweep: Sweep) -> list[str]:
    return [sweep.trials.results[number].shown_state for number in sweep.trials.numbers]


def study_of(sweep: Sweep) -> "optuna.Study":
    return optuna.load_study(study_name=sweep.name, storage=open_journal(sweep.folder))


def rows(sweep: Sweep) -> list[dict[str, str]]:
    return read_results(sweep.folder)


def test_every_point_of_a_grid_runs_once(work: Work, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = work(config, "vars::value:=0.1,0.3,0.2", "vars::num_samples:=12,14", workers=2)
    assert states(sweep) == ["finished"] * 6
    points = [(values["vars::value"], values["vars::num_samples"]) for values in sweep.trials.values.values()]
    assert len(set(points)) == 6
    records = [record.content["trial"]["number"] for record in read_records(Path.cwd())]
    assert sorted(records) == [0, 1, 2, 3, 4, 5]
    assert capsys.readouterr().out.startswith(f"sweep {sweep.name}: 6 trials\n")
    again = work(config, "vars::value:=0.1,0.3,0.2", "vars::num_samples:=12,14")
    assert again.folder == sweep.folder
    assert len(read_records(Path.cwd())) == 6


def test_a_search_takes_the_best_epoch_and_a_larger_total_adds(work: Work, config: str) -> None:
    words = (config, "vars::value:=0.0..1.0")
    sweep = work(*words, maximize=(VALUE,), trials=3)
    assert sweep.trials.values[0] == {"vars::value": 0.5}  # the config as it is comes first
    for number, result in sweep.trials.results.items():
        assert result.values[0] == pytest.approx(sweep.trials.values[number]["vars::value"] + 0.01, abs=1e-6)
    best = max(sweep.trials.results, key=lambda number: sweep.trials.results[number].values[0])
    assert (sweep.folder / "best").resolve() == sweep.trials.folder_of(best)
    values = dict(sweep.trials.values)
    more = work(*words, maximize=(VALUE,), trials=5)
    assert more.folder == sweep.folder
    assert states(more) == ["finished"] * 5
    assert {number: more.trials.values[number] for number in values} == values
    study = study_of(more)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5
    assert study.best_trial.params == more.trials.values[study.best_trial.number]
    assert [int(row["trial"]) for row in rows(more)] == [0, 1, 2, 3, 4]


def test_continuing_by_the_folder_keeps_the_options(work: Work, config: str) -> None:
    sweep = work(config, "vars::value:=0.0..1.0", maximize=(VALUE,), trials=1)
    more = work(str(sweep.folder), trials=2)
    assert more.space.objectives[0].name == VALUE
    assert states(more) == ["finished"] * 2


def test_two_workers_draw_as_many_trials_as_one(work: Work, config: str) -> None:
    sweep = work(config, "vars::value:=0.0..1.0", minimize=(VALUE,), trials=7, workers=2)
    assert states(sweep) == ["finished"] * 7
    assert sweep.trials.numbers == list(range(7))


def test_a_trial_is_as_the_config_and_says_where_its_values_come_from(work: Work, config: str) -> None:
    Path("search.yaml").write_text("sweep:\n  over:\n    vars::value: [0.25, 0.5]\n    trainer::max_epochs: [2, 3]\n")
    sweep = work(config, "search.yaml")
    assert sweep.trials.values[1] == {"vars::value": "0.25", "trainer::max_epochs": "3"}
    (folder,) = (sweep.trials.folder_of(1) / "lighter_runs").iterdir()
    record = read_record(folder)
    assert record.content["progress"]["epoch"] == 3
    places = json.loads((folder / "provenance.json").read_text())
    assert "search.yaml:4" in str(places["trainer::max_epochs"])
    assert "trial 1" in str(places["trainer::max_epochs"])
    assert Path(record.content["project"]) == sweep.folder / "code"


def test_later_edits_do_not_reach_trials(work: Work, config: str) -> None:
    words = (config, "vars::value:=0.0..1.0")
    sweep = work(*words, maximize=(VALUE,), trials=1)
    Path("own/parts.py").write_text("raise ImportError('edited')\n")
    assert states(work(*words, maximize=(VALUE,), trials=2)) == ["finished"] * 2
    Path(config).write_text(Path(config).read_text().replace("max_epochs: 2", "max_epochs: 5"))
    with pytest.raises(SourceError, match=f"the config has changed since the sweep {sweep.name} began") as error:
        work(*words, maximize=(VALUE,), trials=3)
    assert "trainer::max_epochs 2 → 5" in str(error.value)
    third = work(str(sweep.folder), trials=3)
    assert third.trials.results[2].epochs == 2


def test_one_bad_trial_does_not_end_the_sweep(work: Work, config: str) -> None:
    sweep = work(config, "vars::fail:='',raise,memory,nan,once", minimize=(VALUE,), sampler="grid")
    assert states(sweep) == ["finished", "failed", "failed", "failed", "failed"]
    errors = [sweep.trials.results[number].error for number in range(5)]
    assert "ValueError: no layer has 2 units" in errors[1]
    assert "CUDA out of memory" in errors[2]
    assert errors[3] == "val/value is nan"
    told = [trial.state.name for trial in study_of(sweep).trials]
    assert told == ["COMPLETE", "FAIL", "PRUNED", "PRUNED", "FAIL"]  # samplers avoid what was pruned without a value
    assert [row["state"] for row in rows(sweep)] == ["finished", "failed", "failed", "failed", "failed"]
    again = work(config, "vars::fail:='',raise,memory,nan,once", minimize=(VALUE,), sampler="grid", retry=True)
    assert states(again) == ["finished", "failed", "failed", "failed", "finished"]
    assert [trial.state.name for trial in study_of(again).trials] == [
        "COMPLETE",
        "FAIL",
        "PRUNED",
        "PRUNED",
        "COMPLETE",
    ]
    numbers = [record.content["trial"]["number"] for record in read_records(Path.cwd())]
    assert sorted(numbers) == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert (again.folder / "journal.1.log").exists()


def test_a_failure_of_every_trial_stops_the_sweep(work: Work, config: str) -> None:
    with pytest.raises(SweepError, match="every trial fails: ValueError: no layer has"):
        work(config, "vars::fail=raise", "trainer::max_epochs:=1..9")
    assert len(read_records(Path.cwd())) == 3


def test_a_trial_that_cannot_begin_has_its_error(work: Work, config: str) -> None:
    sweep = work(config, "system::model::_target_:=torch.nn.Linear,torch.nn.Lineal")
    assert states(sweep) == ["finished", "failed"]
    assert "Lineal" in sweep.trials.results[1].error


def test_repeats_are_runs_of_one_trial(work: Work, config: str) -> None:
    words = (config, "vars::value:=0.2,0.4", "seed:=0..2")
    sweep = work(*words, maximize=(VALUE,), repeat=("seed",), sampler="grid", workers=2)
    assert states(sweep) == ["finished"] * 2
    result = sweep.trials.results[1]
    assert result.values[0] == pytest.approx(0.41, abs=1e-6)
    assert result.deviations == (pytest.approx(0.0, abs=1e-6),)
    assert result.attempts == 3
    folders = sorted(entry.name for entry in sweep.trials.folder_of(0).iterdir() if entry.is_dir())
    assert folders == ["seed-0", "seed-1", "seed-2"]
    assert {record.content["seed"] for record in read_records(Path.cwd())} == {0, 1, 2}
    assert len(study_of(sweep).trials) == 2
    assert "0.41 ± " in "".join(map(str, trial_lines(Overview(sweep.folder), is_everything=True)))


def test_a_conditional_space_has_the_values_of_its_choice(work: Work, config: str) -> None:
    Path("search.yaml").write_text(
        "sweep:\n  over:\n    system::optimizer:\n      - {lr: 1e-3..1e-1:log}\n"
        "      - {_target_: torch.optim.Adam, lr: 1e-4..1e-2:log, weight_decay: 0.0..0.5}\n"
    )
    sweep = work(config, "search.yaml", maximize=(VALUE,), trials=6, sampler="random")
    assert states(sweep) == ["finished"] * 6
    for record in read_records(Path.cwd()):
        optimizer = record.content["values"]
        is_adam = optimizer["system::optimizer::_target_"] == "torch.optim.Adam"
        assert ("system::optimizer::weight_decay" in optimizer) == is_adam


def test_where_is_fulfilled_by_every_trial(work: Work, config: str) -> None:
    Path("search.yaml").write_text(
        "sweep:\n  over: {vars::value: 0.0..1.0, vars::epoch_s: 0.0..0.001}\n  where: $@vars::value <= 0.5\n"
    )
    sweep = work(config, "search.yaml", maximize=(VALUE,), trials=6, sampler="random")
    assert len(sweep.trials.values) == 6
    assert all(values["vars::value"] <= 0.5 for values in sweep.trials.values.values())


def test_constraints_and_several_objectives(work: Work, config: str) -> None:
    Path("search.yaml").write_text('sweep:\n  constraints: ["val/value <= 0.35"]\n')
    words = (config, "search.yaml", "vars::value:=0.1,0.3,0.5")
    sweep = work(*words, maximize=(VALUE,), minimize=("val/loss/epoch",), sampler="grid")
    assert (sweep.folder / "best").resolve().name == "0001"
    trials = study_of(sweep).trials
    assert [trial.constraints["val/value"] > 0 for trial in trials] == [False, False, True]
    assert [len(trial.values) for trial in trials] == [2, 2, 2]


def test_bad_trials_are_pruned_and_the_first_ones_are_not(work: Work, config: str) -> None:
    words = (config, "vars::value:=0.9,0.8,0.7,0.6,0.5,0.1,0.0", "trainer::max_epochs=6")
    sweep = work(*words, maximize=(VALUE,), sampler="grid", pruner="median")
    pruned = [number for number, result in sweep.trials.results.items() if result.state == "pruned"]
    assert pruned == [5, 6]
    assert sweep.trials.results[5].error == "pruned at epoch 2"  # after a third of the epochs
    records = {record.content["trial"]["number"]: record for record in read_records(Path.cwd())}
    assert records[5].status == "finished"
    assert records[5].content["ended_by"] == "pruned at epoch 2"
    trial = study_of(sweep).trials[5]
    assert trial.state.name == "PRUNED"
    assert list(trial.intermediate_values) == [0, 1, 2]


def test_a_widened_space_keeps_its_trials(work: Work, config: str, caplog: pytest.LogCaptureFixture) -> None:
    sweep = work(config, "vars::value:=0.4..0.6", maximize=(VALUE,), trials=2)
    wider = work(str(sweep.folder), "vars::value:=0.0..1.0", "vars::num_samples:=8..16", trials=4)
    assert wider.folder == sweep.folder
    assert states(wider) == ["finished"] * 4
    study = study_of(wider)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    assert study.trials[0].params == {"vars::value": 0.5, "vars::num_samples": 12}
    with caplog.at_level(logging.INFO):
        narrower = work(str(sweep.folder), "vars::value:=0.45..0.55", trials=5)
    assert {one.name: str(one.domain) for one in narrower.space.dimensions}["vars::value"] == "0.45..0.55"
    assert states(narrower) == ["finished"] * 5
    assert len(rows(narrower)) == 5


def test_another_space_in_the_same_file_says_how_to_continue(
    work: Work, config: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path("search.yaml").write_text("sweep: {over: {vars::value: [0.1, 0.2]}}\n")
    before = work(config, "search.yaml")
    Path("search.yaml").write_text("sweep: {over: {vars::value: [0.1, 0.2, 0.3]}}\n")
    after = work(config, "search.yaml")
    assert after.folder != before.folder
    assert f"so this is another sweep; --name {before.name} continues that one" in caplog.text
    caplog.clear()
    assert len(work(config, "search.yaml", name=before.name).trials.numbers) == 3
    assert "another sweep" not in caplog.text


def test_a_widened_grid_has_no_hole_and_no_double(work: Work, config: str) -> None:
    sweep = work(config, "vars::num_samples:=8,12", name="grid")
    widened = work(config, "vars::num_samples:=4,8,12", "vars::value:=0.5,0.6", name="grid")
    points = [tuple(values.values()) for values in widened.trials.values.values()]
    assert points[:2] == [("8",), ("12",)]  # with the value of the config, 0.5
    assert points[2:] == [("4", "0.5"), ("4", "0.6"), ("8", "0.6"), ("12", "0.6")]
    assert sweep.folder == widened.folder


def test_what_failed_outside_the_space_does_not_run_again(work: Work, config: str) -> None:
    sweep = work(config, "vars::fail:=raise,''", name="left")
    assert states(sweep) == ["failed", "finished"]
    narrowed = work(config, "vars::fail:=once,''", name="left", retry=True)
    assert states(narrowed) == ["failed", "finished", "failed"]
    assert [result.attempts for result in narrowed.trials.results.values()] == [1, 1, 1]


def test_the_sampler_draws_the_same_after_a_stop(work: Work, config: str) -> None:
    words = (config, "vars::value:=0.0..1.0")
    at_once = work(*words, maximize=(VALUE,), trials=5, name="at-once")
    work(*words, maximize=(VALUE,), trials=2, name="in-parts")
    in_parts = work(*words, maximize=(VALUE,), trials=5, name="in-parts")
    assert in_parts.trials.values == at_once.trials.values


def test_files_are_choices_and_a_changed_one_is_refused(work: Work, config: str) -> None:
    Path("short.yaml").write_text("trainer: {max_epochs: 1}\n")
    Path("long.yaml").write_text("trainer: {max_epochs: 3}\n")
    sweep = work(config, ":=short.yaml,long.yaml")
    assert [result.epochs for result in sweep.trials.results.values()] == [1, 3]
    Path("long.yaml").write_text("trainer: {max_epochs: 4}\n")
    with pytest.raises(SourceError, match=f"long.yaml has changed since the sweep {sweep.name} began"):
        work(config, ":=short.yaml,long.yaml")
    Path("long.yaml").unlink()
    more = work(str(sweep.folder), "vars::value:=0.2,0.5")
    assert [values.get("vars::value") for values in more.trials.values.values()] == [None, None, "0.2", "0.2"]
    assert [result.epochs for result in more.trials.results.values()] == [1, 3, 1, 3]  # with 0.5, of the config, too


def test_a_sweep_ends_when_nothing_gets_better(work: Work, config: str) -> None:
    words = (config, "vars::value:=0.9,0.8,0.7,0.6,0.5,0.4")
    sweep = work(*words, maximize=(VALUE,), sampler="grid", patience=2)
    assert sweep.trials.numbers == [0, 1, 2]


def test_a_search_by_a_component(work: Work, config: str) -> None:
    Path("search.yaml").write_text("sweep:\n  sampler: {_target_: optuna.samplers.RandomSampler, seed: 3}\n")
    words = (config, "search.yaml", "vars::value:=0.0..1.0")
    sweep = work(*words, maximize=(VALUE,), trials=3)
    assert states(sweep) == ["finished"] * 3
