"""Bundles of MONAI become experiments: names, sections and the seed move, engines and handlers are reported by line."""

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.checking.checker import Checker
from lighter_cli.migration import Kind, migrate
from lighter_config import Severity, load
from lighter_config.signatures.answers import short_names

Command = Callable[..., subprocess.CompletedProcess[str]]
BUNDLE = Path(__file__).parent / "monai"
HAS_MONAI = find_spec("monai") is not None
SMALL = {
    "networks/nets/unet.py": "class UNet:\n    def __init__(self, **arguments): ...\n\n\nUnet = UNet\n",
    "networks/nets/__init__.py": "from .unet import UNet, Unet\n",
    "losses/__init__.py": "class DiceCELoss:\n    def __init__(self, **arguments): ...\n",
    "data/__init__.py": "from .dataset import CacheDataset, Dataset\nfrom .dataloader import DataLoader\n",
    "data/dataset.py": "class Dataset: ...\n\n\nclass CacheDataset(Dataset): ...\n",
    "data/dataloader.py": "class DataLoader: ...\n",
    "inferers/__init__.py": "class SlidingWindowInferer: ...\n",
    "transforms/__init__.py": "from .compose import Compose\nfrom .dictionary import *\n",
    "transforms/compose.py": "class Compose: ...\n",
    "transforms/dictionary.py": (
        "class LoadImaged: ...\n\n\nclass EnsureChannelFirstd: ...\n\n\nclass RandFlipd: ...\n\n\n"
        "RandFlipD = RandFlipDict = RandFlipd\n"
    ),
}
"""MONAI's own layout, with the names of the bundle, for where MONAI is not installed: only source is read."""


@pytest.fixture(autouse=True)
def _bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(BUNDLE, tmp_path, dirs_exist_ok=True)
    if not HAS_MONAI:
        for name, text in SMALL.items():
            file = tmp_path / "site" / "monai" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        for folder in ("", "networks"):
            (tmp_path / "site" / "monai" / folder / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
    short_names._with_aliases.cache_clear()


def migrated(*files: str) -> list[str]:
    """Rewrite files in place, and return what was said."""
    results = migrate(list(files))
    for one in results:
        Path(one.name).write_text(one.after)
    return [f"{finding.place}: {finding.message}" for one in results for finding in one.findings]


def test_the_training_of_a_bundle_becomes_a_trainer_and_a_system() -> None:
    assert migrate(["train.json"])[0].kind is Kind.MONAI
    migrated("train.json")
    tree = json.loads(Path("train.json").read_text())
    assert tree["seed"] == 123
    assert tree["_imports_"] == {"glob": "glob", "os": "os", "ignite": "ignite"}
    assert tree["network_def"]["_target_"] == "monai.networks.nets.UNet"
    assert tree["train"]["random_transforms"][0]["_target_"] == "monai.transforms.RandFlipD"
    assert tree["trainer"] == {
        "_target_": "pytorch_lightning.Trainer",
        "max_epochs": 4,
        "check_val_every_n_epoch": "%val_interval",
    }
    system = tree["system"]
    assert (system["model"], system["criterion"]) == ("@network", "@loss")
    assert (system["optimizer"], system["scheduler"], system["inferer"]) == (
        "@optimizer",
        "@lr_scheduler",
        "@validate::inferer",
    )
    assert system["dataloaders"] == {"train": "@train::dataloader", "val": "@validate::dataloader"}
    assert {"handlers", "trainer", "postprocessing", "key_metric", "inferer"}.isdisjoint(tree["train"])
    assert {"run", "initialize", "imports"}.isdisjoint(tree)


def test_what_has_no_equivalent_is_reported_with_its_line(
    in_process: Command, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert in_process("migrate", "train.json").returncode == 1
    lines = BUNDLE.joinpath("train.json").read_text().splitlines()
    assert "train.json is a MONAI bundle config" in caplog.text
    for message, excerpt in {
        "the handler TensorBoardStatsHandler has no equivalent": '{"_target_": "TensorBoardStatsHandler"',
        "the handler StatsHandler is removed: values are logged by themselves": '"tag_name": "train_loss"',
        "the handler CheckpointSaver has no equivalent": '{"_target_": "CheckpointSaver"',
        "the metric MeanDice has no equivalent": '"val_mean_dice"',
        "the metric Accuracy has no equivalent": '"train_accuracy"',
        "`postprocessing` has no equivalent": '"postprocessing": {',
        "`run` is removed: the command runs the stage": '"run": [',
        "in `initialize` has no equivalent": "$setattr(torch.backends",
    }.items():
        number = next(index for index, line in enumerate(lines, 1) if excerpt in line)
        assert message in caplog.text
        assert f"train.json:{number}:" in caplog.text


def test_lines_that_did_not_change_stay_in_a_bundle() -> None:
    before = Path("train.json").read_text().splitlines()
    migrated("train.json")
    after = Path("train.json").read_text().splitlines()
    unchanged = [line for line in before if line in after]
    assert '        "channels": [4, 8],' in unchanged
    assert '            "roi_size": [16, 16],' in unchanged
    assert '            {"_target_": "monai.transforms.RandFlipD", "keys": ["image", "label"], "prob": 0.5}' in after


def test_a_later_file_of_a_bundle_replaces_and_follows_the_engine() -> None:
    migrated("train.json", "later.json")
    assert list(json.loads(Path("later.json").read_text())) == ["=network", "trainer::max_epochs"]
    config = load(["train.json", "later.json"])
    assert config.get("network")["channels"] == [8, 16]
    assert config.get("trainer::max_epochs") == 1


def test_a_change_of_an_engine_that_is_gone_is_reported() -> None:
    Path("later.json").write_text('{\n    "train#trainer#device": "cpu",\n    "train#dataloader#batch_size": 4\n}\n')
    said = migrated("train.json", "later.json")
    assert "later.json:2:5: train::trainer is removed, so nothing can be changed in it" in said
    assert Path("later.json").read_text() == '{\n    "train::dataloader::batch_size": 4\n}\n'


def test_inference_becomes_the_predict_stage_and_comments_stay() -> None:
    said = migrated("inference.yaml")
    assert [one for one in said if "evaluat" not in one] == [
        "inference.yaml:27:1: `postprocessing` has no equivalent",
        "inference.yaml:40:7: the handler CheckpointLoader has no equivalent",
    ]
    text = Path("inference.yaml").read_text()
    assert "network_def: # the same as in training\n  _target_: monai.networks.nets.UNet\n" in text
    assert "# what runs\ninferer:\n" in text
    tree = load(["inference.yaml"]).tree
    assert tree["system"] == {
        "_target_": "lighter.System",
        "model": "@network",
        "inferer": "@inferer",
        "dataloaders": {"predict": "@dataloader"},
        "adapters": {"predict": {"batch": {"_target_": "lighter.adapters.BatchAdapter", "input_accessor": "image"}}},
    }
    assert tree["trainer"] == {"_target_": "pytorch_lightning.Trainer", "precision": "16-mixed"}


def test_an_engine_of_another_kind_and_an_unknown_name_are_reported() -> None:
    Path("gan.yaml").write_text(
        "network_def: {_target_: UNett}\ntrainer:\n  _target_: GanTrainer\n  g_network: '@network_def'\n"
    )
    said = migrated("gan.yaml")
    assert "gan.yaml:3:3: the engine GanTrainer has no equivalent" in said
    assert "gan.yaml:1:15: UNett is not a name of MONAI" in said


def test_an_engine_that_is_called_trainer_becomes_the_section() -> None:
    Path("flat.yaml").write_text(
        "network_def: {_target_: UNet}\nloss: {_target_: DiceCELoss, _requires_: '@initialize'}\n"
        "loader: {_target_: DataLoader}\n# what trains\ntrainer:\n  _target_: SupervisedTrainer\n  max_epochs: 3\n"
        "  network: '@network_def'\n  loss_function: '@loss'\n  train_data_loader: '@loader'\n"
        "initialize:\n- $monai.utils.set_determinism(seed=1)\nrun:\n- $@trainer.run()\n"
    )
    said = [one.partition(": ")[2] for one in migrated("flat.yaml") if "comment" not in one]
    assert said == [
        "`run` is removed: the command runs the stage",
        "`_requires_` is removed: it gives imports here, not an order",
    ]
    tree = load(["flat.yaml"]).tree
    assert tree["trainer"] == {"_target_": "pytorch_lightning.Trainer", "max_epochs": 3}
    assert (tree["system"]["model"], tree["system"]["criterion"]) == ("@network_def", "@loss")
    assert tree["system"]["dataloaders"] == {"train": "@loader"}
    assert tree["seed"] == 1


def test_names_cannot_be_read_without_monai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lighter_cli.migration.from_monai.names.is_installed", lambda package: False)
    Path("small.yaml").write_text("network_def: {_target_: UNet}\n")
    assert migrated("small.yaml") == ["small.yaml:1:15: UNet is a name of MONAI, which is not installed"]


@pytest.mark.parametrize("text", ["$monai.utils.set_determinism(7)", "$monai.utils.set_determinism(seed=7)"])
def test_determinism_becomes_the_seed(text: str) -> None:
    Path("small.yaml").write_text(f"network_def: {{_target_: UNet}}\ninitialize:\n- {text}\nloss: {{a: 1}}\n")
    assert migrated("small.yaml") == []
    assert load(["small.yaml"]).get("seed") == 7


@pytest.mark.skipif(not HAS_MONAI, reason="needs MONAI; nox's session `medical` has it")
@pytest.mark.filterwarnings("default")  # of MONAI, about newer versions of torch and numpy
def test_a_bundle_trains_once_it_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    import numpy as np

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # MONAI sets both when it is imported
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    for folder in ("data/imagesTr", "data/labelsTr"):
        Path(folder).mkdir(parents=True)
        for index in range(4):
            np.save(f"{folder}/{index}.npy", np.random.default_rng(index).integers(0, 2, (16, 16)).astype("float32"))
    migrated("train.json", "later.json")
    found = Checker(()).check(["train.json", "later.json"]).findings
    assert [str(one) for one in found if one.severity is Severity.ERROR] == []
    quiet = ["trainer::accelerator=cpu", "trainer::logger=false", "trainer::enable_progress_bar=false"]
    runner = Runner()
    runner.run("fit", ["train.json", "later.json", *quiet, "trainer::enable_model_summary=false"])
    assert runner.experiment is not None
    assert "train/loss/epoch" in runner.experiment.trainer.callback_metrics
