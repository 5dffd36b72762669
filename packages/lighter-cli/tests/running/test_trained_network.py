"""The trained network of a run, in one line."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from lighter_cli import Runner, load_network
from lighter_cli.errors import CheckpointError
from lighter_cli.runs.record import Record, read_records
from lighter_config import CheckError, ConfigError, SourceError

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


@pytest.fixture
def trained(system_config: str) -> Record:
    Runner().run("fit", [system_config, "system::criterion::weight=$torch.tensor([1.0, 2.0])"])
    (record,) = read_records(Path.cwd())
    return record


def test_network_of_a_run_gives_what_its_best_checkpoint_gives_by_hand(trained: Record) -> None:
    by_hand = nn.Linear(4, 2)
    state = torch.load(trained.content["checkpoints"]["best"], weights_only=True)["state_dict"]
    by_hand.load_state_dict({"weight": state["network.weight"], "bias": state["network.bias"]})
    for given in (trained.folder, str(trained.folder), trained.content["checkpoints"]["best"]):
        network = load_network(given)
        assert type(network) is nn.Linear
        assert not network.training
        assert torch.equal(network(torch.ones(3, 4)), by_hand(torch.ones(3, 4)))


def test_network_needs_no_data_trainer_or_optimizer(trained: Record) -> None:
    config = trained.folder / "config.yaml"
    for name in ("torch.utils.data.TensorDataset", "pytorch_lightning.Trainer", "torch.optim.SGD"):
        assert name in config.read_text()
        config.write_text(config.read_text().replace(name, "absent_package.Absent"))
    assert isinstance(load_network(trained.folder), nn.Linear)


def test_network_of_a_lightning_module_is_the_module(write: Callable[[str, str], Path], module_config: str) -> None:
    Runner().run("fit", [module_config])
    (record,) = read_records(Path.cwd())
    network = load_network(record.folder)
    state = torch.load(record.content["checkpoints"]["last"], weights_only=True)["state_dict"]
    own = network.state_dict()
    assert own.keys() <= {name.removeprefix("network.") for name in state} | state.keys()
    assert all(torch.equal(value, state.get(name, state.get(f"network.{name}"))) for name, value in own.items())


def test_random_state_of_the_process_is_not_set(trained: Record) -> None:
    torch.manual_seed(1)
    load_network(trained.folder)
    first = torch.rand(1)
    torch.manual_seed(2)
    load_network(trained.folder)
    assert torch.rand(1) != first


def test_compiled_network_is_loaded(system_config: str) -> None:
    network = {"_target_": "torch.nn.Linear", "in_features": 4, "out_features": 2}
    compiled = {"_target_": "torch.compile", "_args_": [network], "backend": "eager"}
    Runner().run("fit", [system_config, "~system::model", {"system": {"model": compiled}}])
    (record,) = read_records(Path.cwd())
    assert load_network(record.folder)(torch.ones(3, 4)).shape == (3, 2)


def test_config_has_no_trained_network(system_config: str) -> None:
    with pytest.raises(SourceError, match=r"'config.yaml' is a config, which has no trained network"):
        load_network(system_config)


def test_run_without_a_checkpoint_has_no_trained_network(system_config: str) -> None:
    Runner().run("fit", [system_config, "trainer::enable_checkpointing=false", "trainer::callbacks=[]"])
    (record,) = read_records(Path.cwd())
    with pytest.raises(CheckpointError, match="has no 'last' checkpoint"):
        load_network(record.folder)
    Runner().run("validate", [record.folder / "config.yaml"])
    with pytest.raises(SourceError, match="used no checkpoint"):
        load_network(max(read_records(Path.cwd()), key=lambda record: record.content["start"]).folder)


def test_checkpoint_that_runs_code_is_refused(trained: Record, tmp_path: Path) -> None:
    class Danger:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "executed"),)

    checkpoint = Path(trained.content["checkpoints"]["best"])
    content = torch.load(checkpoint, weights_only=True)
    torch.save({**content, "extra": Danger()}, checkpoint, pickle_module=pickle)
    with pytest.raises(ConfigError, match="holds more than tensors"):
        load_network(checkpoint)
    assert not (tmp_path / "executed").exists()


def test_safe_refuses_targets_outside_its_list(trained: Record) -> None:
    assert isinstance(load_network(trained.folder, safe=True), nn.Linear)
    config = trained.folder / "config.yaml"
    config.write_text(config.read_text().replace("torch.nn.Linear", "os.mkdir"))
    with pytest.raises(CheckError, match=r"os\.mkdir"):
        load_network(trained.folder, safe=True)
