"""The same road from Python, as in a notebook."""

import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import lighter_cli
from lighter_cli import LoadedExperiment, Runner, load_experiment
from lighter_cli.errors import CheckpointError
from lighter_cli.runs.record import read_records
from lighter_config import CheckError, MergeError, SourceError

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


def test_the_config_is_there_before_anything_is_built(system_config: str) -> None:
    experiment = load_experiment(system_config, {"trainer": {"max_epochs": 3}}, "seed=4")
    assert experiment.config.get("trainer::max_epochs") == 3
    assert str(experiment.config.place("trainer::max_epochs")).startswith(str(Path(__file__)))
    assert repr(experiment) == (
        "<experiment config.yaml '{'\"'\"'trainer'\"'\"': {'\"'\"'max_epochs'\"'\"': 3}}' seed=4:"
        " trainer, vars, dataset, system, seed>"
    )


def test_check_returns_what_is_wrong(system_config: str) -> None:
    assert load_experiment(system_config).check() == []
    findings = load_experiment(system_config, "trainer::max_epoch=3").check("fit")
    assert [finding.path for finding in findings] == ["trainer::max_epoch"]


def test_check_finds_an_invalid_seed(system_config: str) -> None:
    (finding,) = load_experiment(system_config, "seed=many").check()
    assert finding.message == "invalid seed 'many'"
    assert str(finding.place).startswith(f"{__file__}:")
    assert str(finding.place).endswith(", argument 2")


def test_build_gives_seeded_objects_anew_at_each_call(system_config: str) -> None:
    experiment = load_experiment(system_config, "seed=5")
    first, second = experiment.build("fit"), experiment.build("fit")
    assert first.model is not second.model
    assert torch.equal(first.model.network.weight, second.model.network.weight)  # type: ignore[union-attr, arg-type]
    assert first.trainer.max_epochs == 2
    assert first.datamodule is None
    with pytest.raises(CheckError):
        load_experiment(system_config, "trainer::max_epoch=3").build("fit")
    assert not Path("lighter_runs").exists()


def test_the_stages_are_those_of_the_commands(system_config: str) -> None:
    experiment = load_experiment(system_config)
    assert experiment.fit().run is not None
    assert experiment.built is not None
    trained = experiment.built.model.state_dict()["network.weight"]
    assert torch.equal(trained, torch.load("checkpoints/last.ckpt", weights_only=True)["state_dict"]["network.weight"])
    results = [experiment.validate(ckpt_path="last"), experiment.test(ckpt_path="last")]
    assert results == [Runner().run(stage, [system_config], ckpt_path="last") for stage in ("validate", "test")]
    assert len(experiment.predict(ckpt_path="best")) == 3
    assert [record.content["stage"] for record in read_records(Path())[:3]] == ["fit", "validate", "test"]
    assert read_records(Path())[0].content["words"] == [system_config]


def test_what_was_loaded_is_what_runs(system_config: str) -> None:
    experiment = load_experiment(system_config, "trainer::max_epochs=1")
    Path(system_config).write_text("trainer: 5\n")
    experiment.fit()
    assert torch.load("checkpoints/last.ckpt", weights_only=True)["epoch"] == 0


def test_nothing_of_the_process_is_set_up(system_config: str) -> None:
    def state() -> object:
        handlers = list(logging.getLogger().handlers)
        return handlers, sys.excepthook, warnings.showwarning, dict(os.environ), logging.getLogger("lighter_cli").level

    before = state()
    experiment = load_experiment(system_config, "trainer::max_epochs=1")
    experiment.fit()
    experiment.test(ckpt_path="last")
    assert state() == before


def test_config_run_and_overrides_are_inputs(system_config: str) -> None:
    config = load_experiment(system_config).config
    assert load_experiment(config).config.tree == config.tree
    experiment = load_experiment(config, "trainer::max_epochs=1")
    assert (experiment.config.get("trainer::max_epochs"), config.get("trainer::max_epochs")) == (1, 2)
    run = experiment.fit().run
    assert run is not None
    Path(system_config).unlink()
    assert load_experiment(run).config.get("trainer::max_epochs") == 1
    again = load_experiment(run, "trainer::max_epochs=3")
    assert again.config.get("trainer::max_epochs") == 3
    assert Runner().run("test", run) == again.test() == Runner().run("test", [run, "trainer::max_epochs=3"])


def test_override_gives_a_new_experiment_with_places(system_config: str) -> None:
    experiment = load_experiment(system_config, "seed=1")
    Path("more.yaml").write_text("trainer:\n  max_epochs: 7\n")
    changed = experiment.override("seed=2", {"trainer": {"max_epochs": 3}}, "more.yaml")
    assert (experiment.config.get("seed"), changed.config.get("seed")) == (1, 2)
    assert experiment.config.get("trainer::max_epochs") == 2
    assert str(changed.config.place("trainer::max_epochs")) == "more.yaml:2:15"
    newest, before = changed.config.chain("seed")
    assert str(newest).startswith(f"{__file__}:")
    assert str(newest).endswith(", argument 1")
    assert str(before).endswith(", argument 2")
    assert changed.config.words[-3:] == ("seed=2", "{'trainer': {'max_epochs': 3}}", "more.yaml")
    with pytest.raises(MergeError, match="trainr does not exist"):
        experiment.override("trainr::max_epochs=3")


def test_override_runs_and_is_recorded(system_config: str) -> None:
    run = load_experiment(system_config).override("trainer::max_epochs=1").fit().run
    assert run is not None
    assert run.words == (system_config, "trainer::max_epochs=1")
    assert [row["epoch"] for row in run.history] == [0]
    place, *_ = load_experiment(run).config.chain("trainer::max_epochs")[1:]
    assert str(place).endswith(", argument 1")
    assert load_experiment(run).override("trainer::max_epochs=2").config.get("trainer::max_epochs") == 2


def test_run_is_an_input_by_its_name_and_by_its_id(system_config: str) -> None:
    run = load_experiment(system_config).fit(name="strong").run
    assert run is not None
    for name in (run.id, run.id[-6:], "strong", "last"):
        assert load_experiment(name).config.get("trainer::max_epochs") == 2
        assert Runner().run("test", [name]) == Runner().run("test", run)
    with pytest.raises(SourceError, match="'stronk' is neither a file, a run nor an override") as caught:
        load_experiment("stronk")
    assert caught.value.findings[0].nearest == ("strong",)
    load_experiment(system_config).fit(name="strong")
    with pytest.raises(SourceError, match="'strong' is the name of 2 runs") as caught:
        Runner().run("test", ["strong"])
    assert run.id in caught.value.findings[0].nearest
    assert str(caught.value.findings[0].place).endswith(", argument 1")
    Path("strong").mkdir()
    with pytest.raises(SourceError, match="is not the folder of a run"):
        load_experiment("strong")


def test_messages_name_arguments_in_python_and_options_in_a_command(
    system_config: str, in_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    experiment = load_experiment(system_config)
    command = in_process("fit", system_config, "--ckpt-path", "nope.ckpt").stderr
    with pytest.raises(CheckpointError) as missing:
        experiment.fit(ckpt_path="nope.ckpt")
    with pytest.raises(CheckError) as unsafe:
        experiment.build("fit", allow=["os"])
    assert "  option --ckpt-path nope.ckpt\n" in command
    assert re.search(r"  \S+test_loaded_experiment\.py:\d+, argument ckpt_path nope\.ckpt\n", str(missing.value))
    assert re.fullmatch(
        r"allow needs safe=True, which is missing\n"
        r"  \S+test_loaded_experiment\.py:\d+, argument allow os\n"
        r"  to fix             add safe=True, or remove allow",
        str(unsafe.value),
    )
    assert "--" not in str(missing.value)


def test_words_that_are_no_config_are_an_error() -> None:
    with pytest.raises(SourceError):
        load_experiment("nothing.yaml")


def test_the_package_exports_it_late() -> None:
    assert lighter_cli.load_experiment is load_experiment
    assert lighter_cli.LoadedExperiment is LoadedExperiment
    with pytest.raises(AttributeError, match="nothing"):
        _ = lighter_cli.nothing


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_built_model_has_the_weights_of_the_run(system_config: str, stage: str) -> None:
    Runner().run("fit", [system_config])
    (record,) = read_records(Path.cwd())
    trained = torch.load(record.content["checkpoints"]["best"], weights_only=True)["state_dict"]["network.weight"]
    for given in (record.folder, record.content["checkpoints"]["best"]):
        built = load_experiment(given).build(stage)
        assert torch.equal(built.model.network.weight, trained)  # type: ignore[arg-type, union-attr]


def test_built_model_continues_from_the_last_weights_in_fit(system_config: str) -> None:
    Runner().run("fit", [system_config])
    (record,) = read_records(Path.cwd())
    trained = torch.load(record.content["checkpoints"]["last"], weights_only=True)["state_dict"]["network.weight"]
    built = load_experiment(record.folder).build("fit")
    assert torch.equal(built.model.network.weight, trained)  # type: ignore[arg-type, union-attr]


def test_weights_that_do_not_fit_the_model_are_an_error(system_config: str) -> None:
    Runner().run("fit", [system_config])
    (record,) = read_records(Path.cwd())
    with pytest.raises(CheckpointError, match="do not fit System") as caught:
        load_experiment(record.folder, "system::model::out_features=3").build("predict")
    assert re.search(r"network\.weight.*\[2, 4\].*\[3, 4\]", str(caught.value))
    assert "leave out overrides" in str(caught.value)
