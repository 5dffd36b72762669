"""All four stages through the real Trainer, in both layouts."""

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric.utilities.exceptions import MisconfigurationException

from lighter_cli import Runner
from lighter_cli.errors import CheckpointError
from lighter_cli.running.runner import method_arguments
from lighter_cli.runs.record import read_records
from lighter_config import CheckError, ConfigError, parse_sources

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]


@pytest.fixture(params=["system", "model and data"])
def config(request: pytest.FixtureRequest) -> str:
    fixture = "system_config" if request.param == "system" else "module_config"
    return str(request.getfixturevalue(fixture))


def test_fit_trains_two_epochs_and_saves_checkpoints(config: str) -> None:
    assert Runner().run("fit", [config]) is None
    (last,) = Path("checkpoints").glob("last.ckpt")
    checkpoint = torch.load(last, weights_only=True)
    assert checkpoint["epoch"] == 1
    assert checkpoint["global_step"] == 6  # 12 samples in batches of 5, twice


def test_every_stage_returns_what_lightning_returns(config: str) -> None:
    Runner().run("fit", [config])
    (validated,) = Runner().run("validate", [config], ckpt_path="last")
    (tested,) = Runner().run("test", [config], ckpt_path="last")
    predictions = Runner().run("predict", [config], ckpt_path="last")
    assert math.isfinite(validated["val/loss/epoch"])
    assert len(predictions) == 3
    if "system" not in Path(config).read_text():
        assert tested["test/loss/epoch"] == pytest.approx(validated["val/loss/epoch"])


def test_validation_loss_equals_one_computed_by_hand(system_config: str) -> None:
    Runner().run("fit", [system_config])
    (validated,) = Runner().run("validate", [system_config], ckpt_path="last")
    weights = torch.load("checkpoints/last.ckpt", weights_only=True)["state_dict"]
    inputs = torch.linspace(-1, 1, 48).reshape(12, 4).double()
    scores = inputs @ weights["network.weight"].double().T + weights["network.bias"].double()
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(12) % 2)
    assert validated["val/loss/epoch"] == pytest.approx(expected.item(), rel=1e-6)


def test_a_later_file_and_an_override_win(system_config: str, write: Write) -> None:
    write("long.yaml", "trainer:\n  max_epochs: 5\nsystem:\n  optimizer:\n    lr: 0.2\n")
    Runner().run("fit", [f"{system_config},long.yaml", "trainer::max_epochs=3", "trainer::callbacks::0::filename=mine"])
    checkpoint = torch.load("checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["epoch"] == 2
    assert checkpoint["optimizer_states"][0]["param_groups"][0]["lr"] == 0.2
    assert Path("checkpoints/mine.ckpt").is_file()


def test_a_mapping_is_a_source_from_python(system_config: str) -> None:
    Runner().run("fit", [system_config, {"trainer": {"max_epochs": 1}}])
    assert torch.load("checkpoints/last.ckpt", weights_only=True)["epoch"] == 0


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # which is wanted here
@pytest.mark.parametrize("way", ["option", "args", "last"])
def test_fit_resumes_from_a_checkpoint(config: str, way: str) -> None:
    Runner().run("fit", [config])
    words = [config, "trainer::max_epochs=4", "trainer::callbacks::0::dirpath=resumed"]
    match way:
        case "option":
            Runner().run("fit", words, ckpt_path="checkpoints/last.ckpt")
        case "args":
            Runner().run("fit", [*words, "args::fit::ckpt_path=checkpoints/last.ckpt"])
        case "last":
            Runner().run("fit", words, ckpt_path="last")
    resumed = torch.load("resumed/last.ckpt", weights_only=True)
    assert resumed["global_step"] == 12
    Runner().run("fit", [config, "trainer::max_epochs=4", "trainer::callbacks::0::dirpath=fresh"])
    uninterrupted = torch.load("fresh/last.ckpt", weights_only=True)
    for name, weights in uninterrupted["state_dict"].items():
        torch.testing.assert_close(resumed["state_dict"][name], weights)


def test_the_option_beats_args(system_config: str) -> None:
    Runner().run("fit", [system_config])
    Runner().run("test", [system_config, "args::test::ckpt_path=best"], ckpt_path="checkpoints/last.ckpt")
    Runner().run("test", [system_config, "args::test::ckpt_path=gone.ckpt"], ckpt_path="checkpoints/last.ckpt")
    with pytest.raises(ConfigError, match=r"nope\.ckpt"):
        Runner().run("test", [system_config, "args::test::ckpt_path=best"], ckpt_path="nope.ckpt")


@pytest.mark.filterwarnings("ignore:The dirpath has changed")  # which is wanted here
@pytest.mark.parametrize(
    "args",
    [
        {"vars": {"a": {"ckpt_path": "last"}}, "args": {"fit": "@vars::a"}},
        {"vars": {"a": {"ckpt_path": "last"}}, "args": {"fit": "%vars::a"}},
        {"vars": {"a": {"fit": {"ckpt_path": "last"}}}, "args": "@vars::a"},
        {"vars": {"which": "last"}, "args": {"fit": {"ckpt_path": "@vars::which"}}},
        {"args": {"fit": "${'ckpt_path': 'last'}"}},
    ],
    ids=["@", "%", "all args", "the path alone", "literal"],
)
def test_checkpoint_in_referenced_args_is_used(system_config: str, args: dict[str, Any]) -> None:
    Runner().run("fit", [system_config])
    words = [system_config, "trainer::max_epochs=3", "trainer::callbacks::0::dirpath=resumed"]
    Runner().run("fit", [*words, args])
    assert torch.load("resumed/last.ckpt", weights_only=True)["global_step"] == 9
    used = {record.content["options"]["ckpt_path"] for record in read_records(Path.cwd())}
    assert used == {None, str(Path("checkpoints/last.ckpt").resolve())}


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_checkpoint_that_only_building_shows_is_an_error(system_config: str) -> None:
    Runner().run("fit", [system_config])
    args = {"args": {"fit": "$dict(ckpt_path='checkpoints/last.ckpt')"}}
    with pytest.raises(CheckpointError, match="args::fit gives ckpt_path, which is known only after") as raised:
        Runner().run("fit", [system_config, args])
    (finding,) = raised.value.findings
    assert finding.fix == "write args::fit::ckpt_path=checkpoints/last.ckpt, or use ckpt_path="
    words = [system_config, "trainer::max_epochs=3", "trainer::callbacks::0::dirpath=resumed"]
    Runner().run("fit", [*words, args], ckpt_path="last")
    assert torch.load("resumed/last.ckpt", weights_only=True)["global_step"] == 9


@pytest.mark.parametrize("args", [{"args": {"fit": "@vars::a"}}, {"args": "@vars::a"}])
def test_referenced_args_that_are_no_mapping_are_an_error(system_config: str, args: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be a mapping, is 3"):
        Runner().run("fit", [system_config, {"vars": {"a": 3}}, args])


def test_a_stage_builds_nothing_that_it_does_not_use(system_config: str) -> None:
    broken = ["system::dataloaders::train::dataset=$open('/nowhere')", "system::optimizer::params=$1/0"]
    kept = ["=system::dataloaders::test={_target_: torch.utils.data.DataLoader, dataset: '@dataset'}"]
    (result,) = Runner().run("test", [system_config, *kept, *broken])
    assert "test/metrics/Accuracy/epoch" in result


def test_a_seed_gives_the_same_weights_and_sets_no_variable(system_config: str) -> None:
    for name in ("a", "b"):
        Runner().run("fit", [system_config, "seed=7", f"trainer::callbacks::0::dirpath={name}"])
    Runner().run("fit", [system_config, "seed=8", "trainer::callbacks::0::dirpath=c"])
    a, b, c = (torch.load(f"{name}/last.ckpt", weights_only=True)["state_dict"] for name in "abc")
    assert torch.equal(a["network.weight"], b["network.weight"])
    assert not torch.equal(a["network.weight"], c["network.weight"])


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_seed_gives_the_same_losses_with_random_workers(module_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = Path("code/models.py").read_text()
    noisy = """

class Noisy(TensorDataset):
    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image * random.random() + torch.randn(4), label


def noisy():
    return Noisy(*samples().tensors)
"""
    Path("code/models.py").write_text("import random\n\n" + code + noisy)
    loader = "data::train_dataloader"
    words = [module_config, f"{loader}::dataset::_target_=project.models.noisy", f"{loader}::num_workers=2"]
    words += [f"{loader}::shuffle=true", "data::val_dataloader::num_workers=0", "data::val_dataloader::shuffle=false"]
    monkeypatch.setenv("PL_GLOBAL_SEED", "11")
    losses = []
    for seed in ("seed=11", "seed=null", "seed=12"):
        Runner().run("fit", [*words, seed])
        assert os.environ["PL_GLOBAL_SEED"] == "11"
        assert "PL_SEED_WORKERS" not in os.environ
        losses.append(read_records(Path())[-1].content["metrics"]["train/loss/epoch"])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_an_error_of_the_config_carries_every_finding(system_config: str) -> None:
    with pytest.raises(CheckError) as caught:
        Runner().run(
            "fit", [system_config, "trainer::max_epoch=3", "system::criterion::_target_=torch.nn.CrosEntropyLoss"]
        )
    assert {finding.path for finding in caught.value.findings} >= {"trainer::max_epoch", "system::criterion::_target_"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
@pytest.mark.parametrize("accelerator", ["gpu", "cuda"])
def test_a_device_that_the_machine_lacks_is_named_with_the_override_to_try(
    system_config: str, accelerator: str
) -> None:
    with pytest.raises(MisconfigurationException) as caught:
        Runner().run("fit", [system_config, f"trainer::accelerator={accelerator}"])
    assert "; to try: trainer::accelerator=auto" in "\n".join(caught.value.__notes__)


def test_an_unknown_stage_is_an_error() -> None:
    with pytest.raises(ValueError, match="train"):
        Runner().run("train", ["config.yaml"])


def test_a_checkpoint_is_tested_without_its_weighted_loss(system_config: str) -> None:
    weighted = "system::criterion::weight=$torch.tensor([1.0, 3.0])"
    Runner().run("fit", [system_config, weighted])
    (tested,) = Runner().run("test", [system_config, weighted], ckpt_path="best")
    assert "test/metrics/Accuracy/epoch" in tested


def test_evaluating_untrained_weights_is_a_warning(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    """A network as it was built used to be tested without a word."""
    Runner().run("test", [system_config])
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "no ckpt_path: the network keeps its initial weights" in warnings


@pytest.mark.parametrize(("stage", "mode"), [("validate", "val"), ("test", "test"), ("predict", "predict")])
def test_stage_without_batches_is_a_warning(
    system_config: str, stage: str, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"trainer::limit_{mode}_batches"
    Runner().run(stage, parse_sources([system_config, f"{path}=0"], from_command_line=True))
    Runner().run(stage, [system_config, f"{path}=1"])
    found = [message for message in caplog.messages if "runs no batch" in message]
    assert found == [
        f"""\
{stage} runs no batch: {path} is 0
  command line, word 2 {path}=0
  to fix             set {path}=1.0 to use all batches"""
    ]


def test_a_checkpoint_with_objects_names_the_argument(system_config: str) -> None:
    Runner().run("fit", [system_config])
    checkpoint = torch.load("checkpoints/last.ckpt", weights_only=True)
    torch.save(checkpoint | {"extra": Path()}, "objects.ckpt")
    with pytest.raises(CheckpointError, match=r"pathlib\.[\w.]*Path.*") as caught:
        Runner().run("test", [system_config], ckpt_path="objects.ckpt")
    assert caught.value.findings[0].fix == "add weights_only=False if you trust whoever wrote the file"
    Runner().run("test", [system_config], ckpt_path="objects.ckpt", weights_only=False)


def test_the_precedence_of_the_methods_arguments() -> None:
    given: dict[str, Any] = {"options": {}, "safe": False, "args": {}, "defaults": {}}
    assert method_arguments(None, **given) == {"weights_only": True, "ckpt_path": None}
    given["defaults"] = {"weights_only": False, "verbose": 1, "return_predictions": 1}
    assert method_arguments(None, **given) == {**given["defaults"], "ckpt_path": None}
    given["args"] = {"weights_only": None, "verbose": 2, "ckpt_path": "args.ckpt"}
    expected = {"weights_only": None, "verbose": 2, "return_predictions": 1}
    assert method_arguments("a.ckpt", **given) == expected | {"ckpt_path": "a.ckpt"}
    given["safe"] = True
    assert method_arguments(None, **given) == expected | {"weights_only": True, "ckpt_path": None}
    given["options"] = {"weights_only": False, "verbose": None}
    assert method_arguments(None, **given) == expected | {"weights_only": False, "ckpt_path": None}


@pytest.mark.filterwarnings("ignore:The dirpath has changed")
def test_record_says_what_the_checkpoint_restored(system_config: str, in_process: Callable[..., Any]) -> None:
    Runner().run("fit", [system_config])
    words = ["trainer::max_epochs=3", "trainer::callbacks::0::dirpath=resumed", "system::optimizer::lr=0.7"]
    Runner().run("fit", parse_sources([system_config, *words], from_command_line=True), ckpt_path="last")
    (found,) = [content for record in read_records(Path.cwd()) if (content := record.content).get("restored_values")]
    (value,) = found["restored_values"]
    assert (value["path"], value["place"]) == ("system::optimizer::lr", "command line, word 4")
    assert (value["configured"], value["restored"]) == (0.7, 0.1)
    assert torch.load("resumed/last.ckpt", weights_only=True)["optimizer_states"][0]["param_groups"][0]["lr"] == 0.1
    shown = in_process("runs", "show", found["id"]).stdout
    assert re.search(r"system::optimizer::lr +0.1, not 0.7 of command line, word 4", shown), shown


def test_record_says_what_parameter_groups_train(system_config: str, in_process: Callable[..., Any]) -> None:
    groups = (
        "{_target_: lighter.optimizers.groups, network: '@system::model', groups: {head: {names: weight, lr: 0.25}}}"
    )
    Runner().run("fit", [system_config, f"=system::optimizer::params={groups}"])
    (record,) = read_records(Path.cwd())
    assert record.content["parameter_groups"] == [
        {"optimizer": "SGD", "name": "head", "num_tensors": 1, "num_parameters": 8, "num_frozen": 0}
        | {"lr": 0.25, "weight_decay": 0.0},
        {"optimizer": "SGD", "name": "default", "num_tensors": 1, "num_parameters": 2, "num_frozen": 0}
        | {"lr": 0.1, "weight_decay": 0.0},
    ]
    shown = in_process("runs", "show", record.content["id"]).stdout
    assert re.search(r"parameter groups\n +head +1 tensor, 8 parameters, lr 0.25, weight_decay 0\n", shown), shown


def test_safe_allows_parameter_groups(system_config: str) -> None:
    groups = "{_target_: lighter.optimizers.groups, network: '@system::model', groups: {head: {names: weight}}}"
    words = [f"=system::optimizer::params={groups}", "trainer::max_epochs=1"]
    Runner().run("fit", [system_config, *words], safe=True)
