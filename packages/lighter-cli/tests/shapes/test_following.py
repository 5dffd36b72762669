"""What can be followed, and what is said of code that cannot be."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_config import Severity, Stage

from .conftest import Follow, experiment, layer

LINEAR = [layer("Linear", in_features=8, out_features=10)]
BATCH = ["4,8", "4:int64"]


def _texts(followed: Any) -> list[str]:
    return [f"{finding.severity}: {finding.message}" for finding in followed.findings]


def test_a_network_without_mistakes_shows_its_shapes(followed: Follow) -> None:
    result = followed(experiment([*LINEAR, layer("ReLU")], BATCH))
    assert result.findings == []
    assert result.stages == [Stage.FIT, Stage.VALIDATE]
    assert [(one.name, one.kind, one.tensors) for one in result.layers] == [
        ("input", "", (("float32", (4, 8)),)),
        ("0", "Linear", (("float32", (4, 10)),)),
        ("1", "ReLU", (("float32", (4, 10)),)),
        ("output", "Sequential", (("float32", (4, 10)),)),
        ("loss", "", (("float32", ()),)),
    ]
    assert result.parameters == 90


def test_ten_billion_parameters_need_no_memory(followed: Follow) -> None:
    wide = layer("Linear", in_features=50_000, out_features=50_000)
    result = followed(experiment([wide] * 4, ["2,50000", "2:int64"]))
    assert result.findings == []
    assert result.parameters == 4 * 50_000 * 50_001


def test_code_that_looks_at_values_is_a_note(followed: Follow) -> None:
    for name in ("Branches", "MakesArrays"):
        result = followed(experiment(layer(f"project.networks.{name}"), BATCH))
        (note,) = result.findings
        assert note.severity is Severity.NOTE
        assert "cannot be followed" in note.message
        assert "networks.py:" in note.case


def test_a_lazy_network_finds_its_sizes(followed: Follow) -> None:
    result = followed(experiment(layer("project.networks.Lazy"), BATCH))
    assert result.findings == []
    assert result.layers[-2].tensors == (("float32", (4, 10)),)


def test_weights_that_are_missing_are_not_needed(followed: Follow, tmp_path: Path) -> None:
    file = str(tmp_path / "missing.pt")
    assert followed(experiment(layer("project.networks.ReadsWeights", file=file), BATCH)).findings == []
    loading = {
        "_target_": "lighter.weights.load_weights",
        "network": layer("Linear", in_features=8, out_features=10),
        "path": file,
    }
    assert followed(experiment(loading, BATCH)).findings == []


def test_weights_of_other_shapes_are_found_unread(followed: Follow, tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(7, 10).state_dict(), tmp_path / "other.pt")
    loading = {
        "_target_": "lighter.weights.load_weights",
        "network": layer("Linear", in_features=8, out_features=10),
        "path": str(tmp_path / "other.pt"),
    }
    (error,) = followed(experiment(loading, BATCH)).findings
    assert "do not have the network's shapes" in error.message
    assert error.path == "system::model"


def test_an_item_that_the_adapter_reads_must_be_described(followed: Follow) -> None:
    adapter = {
        "_target_": "lighter.adapters.BatchAdapter",
        "input_accessor": "image",
        "target_accessor": "label",
        "identifier_accessor": "name",
    }
    adapters = {"train": {"batch": adapter}, "val": "%::train"}
    batch = {"image": "4,8", "label": "4:int64"}
    (error,) = followed(experiment(LINEAR, batch, adapters=adapters)).findings
    assert "'name' does not exist in the batch" in error.message
    assert "below `shapes`" in error.fix
    assert followed(experiment(LINEAR, {**batch, "name": "4:str"}, adapters=adapters)).findings == []


def test_precision_converts_where_the_trainer_does(followed: Follow) -> None:
    batch = ["4,8:float64", "4:int64"]
    assert _texts(followed(experiment(LINEAR, batch)))
    assert followed(experiment(LINEAR, batch), "trainer::precision=64-true").findings == []
    assert followed(experiment(LINEAR, BATCH), "trainer::precision=16-true").findings == []
    mixed = followed(experiment(LINEAR, BATCH), "trainer::precision=16-mixed")
    assert mixed.layers[1].tensors == (("bfloat16", (4, 10)),)


def test_data_and_schedules_of_its_length_are_not_built(followed: Follow) -> None:
    config = experiment(LINEAR, BATCH)
    config["system"]["dataloaders"] = {"train": {"_target_": "pathlib.Path.read_text", "self": "missing.csv"}}
    config["system"]["scheduler"] = {
        "_target_": "torch.optim.lr_scheduler.StepLR",
        "optimizer": "@system::optimizer",
        "step_size": "$len(@system::dataloaders::train)",
    }
    assert followed(config).findings == []


def test_what_fit_lacks_is_no_mistake_of_shapes(followed: Follow) -> None:
    config = experiment(LINEAR, BATCH)
    del config["system"]["optimizer"]
    result = followed(config)
    assert [finding.severity for finding in result.findings] == [Severity.WARNING]
    assert result.stages == [Stage.FIT, Stage.VALIDATE]
    assert result.layers


def test_a_description_may_compute_its_sizes(followed: Follow) -> None:
    config = {**experiment(LINEAR, [["%vars::size", 8], "$f'{@vars::size}:int64'"]), "vars": {"size": 6}}
    result = followed(config)
    assert result.findings == []
    assert result.layers[0].tensors == (("float32", (6, 8)),)


def test_numbered_items_of_words_are_a_list(followed: Follow) -> None:
    config = experiment(LINEAR, None)
    del config["shapes"]
    assert followed(config, "shapes::0=4,8", "shapes::1=4:int64").findings == []


def test_a_constructor_of_other_sizes_is_found(followed: Follow) -> None:
    model = [layer("GroupNorm", num_groups=3, num_channels=8)]
    (error,) = followed(experiment(model, BATCH)).findings
    assert error.path == "system::model::_args_::0"
    assert "must be divisible by num_groups" in error.message


@pytest.mark.parametrize("name", ["Downloads"])
def test_a_network_that_is_downloaded_is_a_note(name: str, followed: Follow) -> None:
    (note,) = followed(experiment(layer(f"project.networks.{name}"), BATCH)).findings
    assert note.severity is Severity.NOTE
    assert note.path == "system::model"
