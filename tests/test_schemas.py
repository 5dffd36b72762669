"""The schema of an experiment accepts each config of the repository, and refuses what a schema can tell."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.test_documentation import PAGES, _blocks
from tests.test_every_config import CONFIGS, NEEDS

from lighter_cli.inspecting.schema import schema_text
from lighter_config import ConfigError

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).parents[1]


def read_as_an_editor(text: str) -> Any:
    """Read YAML 1.2 as a server of YAML does, which knows nothing of Lighter."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    return with_text_keys(yaml.load(text) or {})


def with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): with_text_keys(item) for key, item in value.items()}
    return [with_text_keys(item) for item in value] if isinstance(value, list) else value


def mistakes(schema: dict[str, Any], text: str) -> Iterator[str]:
    jsonschema.Draft202012Validator.check_schema(schema)
    for error in jsonschema.Draft202012Validator(schema).iter_errors(read_as_an_editor(text)):
        yield f"{list(error.absolute_path)}: {error.message:.300}"


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_valid_by_its_own_schema(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ROOT / name
    monkeypatch.chdir(file.parent)
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    assert list(mistakes(json.loads(schema_text([file.name])), file.read_text())) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_configs_of_a_page_are_valid_by_their_schemas(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("outputs", "__pycache__"))
    for block in _blocks(page):
        if block.title:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text, encoding="utf-8")
        if block.language != "yaml" or block.must_fail:
            continue
        file = Path(block.title or "block.yaml")
        file.write_text(block.text, encoding="utf-8")
        try:
            schema = json.loads(schema_text([str(file)]))
        except ConfigError:
            continue  # a part that only another file makes whole
        assert list(mistakes(schema, block.text)) == [], block.where


@pytest.fixture(scope="module")
def digits() -> str:
    return (ROOT / "examples/digits/config.yaml").read_text()


@pytest.fixture(scope="module")
def schema(digits: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The schema of the digits example, as a user has it before making a mistake."""
    file = tmp_path_factory.mktemp("digits") / "config.yaml"
    file.write_text(digits)
    made: dict[str, Any] = json.loads(schema_text([str(file)]))
    return made


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_epochs: 20", "max_epoch: 20"),
        ("max_epochs: 20", "max_epochs: many"),
        ("max_epochs: 20", "max_epochs: 2.5"),
        ("max_epochs: 20", "max_epochs: [20]"),
        ("max_epochs: 20", "=max_epoch: 20"),
        ("log_every_n_steps: 10", "log_every_n_steps: '10'"),
        ("      patience: 6\n", "      patiance: 6\n"),
        ("      patience: 6\n", "      patience: a few\n"),
        ("      monitor: val/loss/epoch\n", ""),
        ("      monitor: val/metrics/Accuracy/epoch\n", "      monitor: 5\n"),
        ("      mode: max\n", "      mode: maximum\n"),
        ("num_features: 32", "num_feature: 32"),
        ("num_features: 32", "num_features: wide"),
        (", num_features: 32", ""),
        ("in_channels: 1, ", ""),
        ("p: 0.25", "p: '0.25'"),
        ("task: multiclass", "task: multi"),
        ("average: macro", "average: makro"),
        ("validate_args: false", "validate_args: never"),
        ("lr: 3e-3", "lrr: 3e-3"),
        ("lr: 3e-3", "lr: fast"),
        ("weight_decay: 0.01", "weight_decay: {a: 1}"),
        ('    params: "$@system::model.parameters()"\n', ""),
        ("_mode_: partial", "_mode_: partly"),
        ('T_max: "%trainer::max_epochs"', "T_maks: 3"),
        ("shuffle: true", "shufle: true"),
        ("  criterion:\n    _target_", "  criterium:\n    _target_"),
        ("seed: 42", "seed: -1"),
        ("seed: 42", "seed: many"),
        ("trainer:\n  _target_", "args: {fit: {ckpt_pth: last}}\ntrainer:\n  _target_"),
        ("trainer:\n  _target_", "args: {fitt: {ckpt_path: last}}\ntrainer:\n  _target_"),
    ],
)
def test_a_mistake_is_refused(schema: dict[str, Any], digits: str, old: str, new: str) -> None:
    assert old in digits
    assert list(mistakes(schema, digits)) == []
    assert list(mistakes(schema, digits.replace(old, new, 1))) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_epochs: 20", "max_epochs: $10 * 2"),
        ("max_epochs: 20", "max_epochs: '%vars::batch_size'"),
        ("max_epochs: 20", "max_epochs: {_target_: builtins.int, _args_: [20]}"),
        ("max_epochs: 20", "=max_epochs: 20"),
        ("max_epochs: 20", "max_epochs: null"),
        ("max_epochs: 20", "~max_epochs: null"),
        ("max_epochs: 20", "logger::save_dir: other"),
        ("  callbacks:\n", "  +callbacks:\n"),
        ("accelerator: auto", "accelerator: auto\n  strategy: {_target_: some.Strategy, anything: 1}"),
        ("torch.optim.AdamW", "torch.optim.RMSprop"),
        ("torch.optim.AdamW\n", "torch.optim.SGD\n    momentum: 0.9\n"),
        ("_target_: torch.nn.CrossEntropyLoss", "_target_: torch.nn.CrossEntropyLoss\n    weight: $torch.ones(10)"),
        ("{_target_: torch.nn.ReLU}", "{_target_: torch.nn.ReLU, _disabled_: true, _name_: first}"),
        ("_target_: torch.nn.Sequential\n", "_target_: torch.nn.Sequential\n    compile: true\n"),
        ("seed: 42", "seed: '@vars::batch_size'\n_base_: [a.yaml]\n_imports_: {np: numpy}\nmine: {a: [1, {b: 2}]}"),
        ("seed: 42", "sweep: {over: {trainer::max_epochs: 1..3}, maximize: val/x}\nproject: code\nshapes: {0: [1, 2]}"),
        ("params: \"$@system::model.parameters()\"", "=params: \"$@system::model.parameters()\""),
        ("params: \"$@system::model.parameters()\"", "_args_: [\"$@system::model.parameters()\"]"),
        ("T_max: \"%trainer::max_epochs\"", "T_max: 3\n    _mode_: partial"),
    ],
)  # fmt: skip
def test_what_the_language_allows_is_accepted(schema: dict[str, Any], digits: str, old: str, new: str) -> None:
    assert old in digits
    assert list(mistakes(schema, digits.replace(old, new, 1))) == []


def test_arguments_have_types_defaults_and_documentation(schema: dict[str, Any]) -> None:
    arguments = schema["$defs"]["torch.optim.AdamW"]["properties"]
    assert arguments["lr"]["title"].startswith("lr: ")
    assert arguments["lr"]["default"] == 0.001
    assert "learning rate" in arguments["lr"]["description"]
    assert arguments["betas"]["default"] == [0.9, 0.999]
    assert "Stop training when a monitored quantity" not in schema["description"]
    assert schema["$defs"]["pytorch_lightning.callbacks.EarlyStopping"]["description"]


def test_a_part_needs_not_what_another_file_brings(tmp_path: Path, digits: str) -> None:
    (tmp_path / "config.yaml").write_text(digits)
    part = "trainer: {max_epochs: 3}\nsystem: {optimizer: {lr: 0.1}}\n"
    (tmp_path / "part.yaml").write_text(part)
    schema = json.loads(schema_text(["config.yaml", "part.yaml"]))
    assert list(mistakes(schema, part)) == []
    assert list(mistakes(schema, digits)) == []
    assert list(mistakes(schema, part.replace("lr", "lrr"))) != []
    assert list(mistakes(schema, part.replace("3", "many"))) != []
