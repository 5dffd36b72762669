"""``examples/recipe`` trains as a loop written by hand in float64 does, and leaves the averaged weights everywhere."""

import contextlib
import io
import json
import math
import runpy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lighter import System
from lighter_cli import Runner, load_experiment, load_network

EXAMPLE = Path(__file__).parents[1] / "examples" / "recipe"
CONFIG = "recipe/config.yaml"
QUIET = ["trainer::enable_progress_bar=false", "trainer::enable_model_summary=false", "trainer::accelerator=cpu"]
IN_FLOAT64 = """\
network:
  _target_: lighter.weights.load_weights
  network: {_target_: project.networks.Classifier, num_classes: 2}
  path: "$@vars::output + '/pretrained/pretrained.ckpt'"
  ignore: [head]
dataset:
  =_args_: ["$torch.tensor(@digits.images).double().unsqueeze(1) / 16", "$torch.tensor(@digits.target % 2)"]
trainer: {precision: 32-true, max_epochs: 6}
system:
  =model: $@network.double()
  dataloaders: {train: {shuffle: false}}
"""
EVERY_EPOCH = ["trainer::callbacks::2::save_top_k=-1", "trainer::callbacks::2::filename='{epoch}'"]
RESUMED = [f"trainer::callbacks::{index}::dirpath=resumed" for index in (2, 3)]

Weights = dict[str, Tensor]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a stage of the recipe, and return its record. The network to start from exists already."""
    shutil.copytree(EXAMPLE, tmp_path / "recipe", ignore=shutil.ignore_patterns("__pycache__", "outputs"))
    networks = runpy.run_path(str(EXAMPLE / "networks.py"))
    torch.manual_seed(1)
    state = {f"network.{name}": value for name, value in networks["Classifier"](10).state_dict().items()}
    (tmp_path / "outputs/recipe/pretrained").mkdir(parents=True)
    torch.save({"state_dict": state}, "outputs/recipe/pretrained/pretrained.ckpt")
    (tmp_path / "float64.yaml").write_text(IN_FLOAT64)

    def run_stage(stage: str, *words: str, config: str = CONFIG, ckpt_path: str | None = None) -> dict[str, Any]:
        with contextlib.redirect_stdout(io.StringIO()):
            Runner().run(stage, [config, *QUIET, *words], ckpt_path=ckpt_path)
        line = (tmp_path / ".lighter/runs.jsonl").read_text().splitlines()[-1]
        folder = Path(json.loads(line)["folder"])
        record: dict[str, Any] = json.loads((folder / "record.json").read_text())
        return {**record, "folder": folder}

    return run_stage


class ByHand:
    """The recipe, with neither Lightning nor Lighter.

    Attributes:
        network: The network that is trained.
        average: The moving average of its weights.
        rates: The learning rate of the head in each step.
        val_losses: The loss of the averaged weights on the validation images, after each epoch.
    """

    def __init__(self, system: System) -> None:
        self.network: nn.Module = runpy.run_path(str(EXAMPLE / "networks.py"))["Classifier"](2)
        self.network.load_state_dict(system.network.state_dict())
        self.network.double()
        self.average: Weights = {}
        self.rates: list[float] = []
        self.val_losses: list[float] = []
        self._criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        loaders = {mode: list(loader) for mode, loader in system.dataloaders.items()}
        self._train = [(inputs.double(), targets) for inputs, targets in loaders["train"]]
        self._val = [(inputs.double(), targets) for inputs, targets in loaders["val"]]

    def train(self, num_epochs: int) -> Iterator[None]:
        groups = [self._group(name, parameter) for name, parameter in self.network.named_parameters()]
        optimizer = torch.optim.AdamW(groups)
        highest = [group["lr"] for group in groups]
        num_steps = num_epochs * 8  # 16 batches, two for each step
        num_warmup = math.ceil(0.1 * num_steps)
        for epoch in range(num_epochs):
            self.network.backbone.requires_grad_(epoch >= 2)
            for first in range(0, len(self._train), 2):
                step = len(self.rates)
                factor = (
                    0.01 + 0.99 * step / num_warmup
                    if step < num_warmup
                    else (1 + math.cos(math.pi * (step - num_warmup) / (num_steps - num_warmup))) / 2
                )
                for group, rate in zip(optimizer.param_groups, highest, strict=True):
                    group["lr"] = factor * rate
                self.rates.append(factor * max(highest))
                optimizer.zero_grad()
                for inputs, targets in self._train[first : first + 2]:
                    (self._criterion(self.network(inputs), targets) / 2).backward()
                nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
                optimizer.step()
                for name, weight in self.network.state_dict().items():
                    before = self.average.get(name)
                    self.average[name] = weight.clone() if before is None else 0.95 * before + 0.05 * weight
            self.val_losses.append(self._val_loss())
            yield

    def _group(self, name: str, parameter: nn.Parameter) -> dict[str, Any]:
        layers = ["backbone.stem.", "backbone.blocks.0.", "backbone.blocks.1.", "backbone.blocks.2.", "head."]
        (layer,) = (index for index, prefix in enumerate(layers) if name.startswith(prefix))
        decay = 0.0 if ".norm." in name or name.endswith(".bias") else 0.05
        return {"params": [parameter], "lr": 4e-3 * 0.75 ** (4 - layer), "weight_decay": decay}

    @torch.no_grad()
    def _val_loss(self) -> float:
        total = 0.0
        for inputs, targets in self._val:
            outputs = torch.func.functional_call(self.network, self.average, (inputs,))
            total += float(self._criterion(outputs, targets)) * len(targets)
        return total / sum(len(targets) for _, targets in self._val)


def test_recipe_equals_a_loop_by_hand(run: Run) -> None:
    record = run("fit", "float64.yaml", *EVERY_EPOCH)
    by_hand = ByHand(load_experiment(CONFIG, *QUIET, "float64.yaml").build("fit").model)  # type: ignore[arg-type]
    logged = [json.loads(line)["metrics"] for line in (record["folder"] / "epochs.jsonl").read_text().splitlines()]
    first = {name: value.clone() for name, value in by_hand.network.state_dict().items()}
    for epoch, _ in enumerate(by_hand.train(6)):
        checkpoint = _read(f"outputs/recipe/checkpoints/epoch={epoch}.ckpt")
        _assert_close(checkpoint["current_model_state"], by_hand.network.state_dict())
        _assert_close(checkpoint["state_dict"], by_hand.average)
        moved = {name for name, value in by_hand.network.state_dict().items() if not torch.equal(value, first[name])}
        assert moved == {name for name in first if epoch >= 2 or name.startswith("head.")}
        assert logged[epoch]["val/loss/epoch"] == pytest.approx(by_hand.val_losses[epoch], rel=1e-9)
        assert logged[epoch]["train/optimizer/AdamW/lr/layer_4"] == pytest.approx(by_hand.rates[8 * epoch])
    assert len(by_hand.rates) == record["progress"]["step"] == 48
    _assert_close(_read("outputs/recipe/checkpoints/last.ckpt")["current_model_state"], by_hand.network.state_dict())


def test_the_averaged_weights_are_tested_and_loaded(run: Run) -> None:
    fit = run("fit", "trainer::max_epochs=3")
    tested = run("test", ckpt_path="best")["metrics"]["test/metrics/MulticlassAccuracy/epoch"]
    checkpoint = _read(fit["checkpoints"]["best"])
    network = load_network(fit["folder"])
    for name, value in network.state_dict().items():
        assert torch.equal(value, checkpoint["state_dict"][f"network.{name}"])
    assert not torch.equal(network.head.weight, checkpoint["current_model_state"]["network.head.weight"])
    loader = load_experiment(CONFIG, *QUIET).build("test").model.dataloaders["test"]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        right = [network(inputs).argmax(1) == targets for inputs, targets in loader]
    assert tested == pytest.approx(float(torch.cat(right).float().mean()))


@pytest.mark.filterwarnings("ignore:The dirpath has changed from")
def test_resumed_recipe_equals_an_uninterrupted_one(run: Run) -> None:
    run("fit", "trainer::max_epochs=4", *EVERY_EPOCH)
    middle = "outputs/recipe/checkpoints/epoch=1.ckpt"  # the backbone is still frozen
    run("fit", "trainer::max_epochs=4", *EVERY_EPOCH, *RESUMED, ckpt_path=middle)
    for file in ("epoch=3.ckpt", "last.ckpt"):
        expected, resumed = _read(f"outputs/recipe/checkpoints/{file}"), _read(f"resumed/{file}")
        for key in ("state_dict", "current_model_state", "averaging_state"):
            torch.testing.assert_close(resumed[key], expected[key], rtol=0, atol=0)
        (state,), (expected_state,) = resumed["optimizer_states"], expected["optimizer_states"]
        torch.testing.assert_close(state["state"], expected_state["state"], rtol=0, atol=0)
        assert resumed["lr_schedulers"] == expected["lr_schedulers"]


def test_schedule_is_as_long_as_the_fit(run: Run) -> None:
    words = ["trainer::max_epochs=2", "trainer::accumulate_grad_batches=3"]  # 16 batches: the last step has one
    fit = run("fit", *words)
    num_steps = load_experiment(CONFIG, *words).config.resolve("vars::num_steps")
    assert num_steps == fit["progress"]["step"] == 12
    assert _read(fit["checkpoints"]["last"])["lr_schedulers"][0]["_last_lr"] == pytest.approx([0] * 10, abs=1e-12)


def test_recipe_learns_the_second_task(run: Run) -> None:
    shutil.rmtree("outputs/recipe/pretrained")
    run("fit", config="recipe/pretrain.yaml")
    run("fit")
    assert run("test", ckpt_path="best")["metrics"]["test/metrics/MulticlassAccuracy/epoch"] > 0.95


def test_the_page_shows_the_config() -> None:
    page = (EXAMPLE.parents[1] / "docs/how-to/recipe.md").read_text()
    assert f'```yaml title="examples/{CONFIG}"\n{(EXAMPLE / "config.yaml").read_text()}```' in page


def _read(file: str | Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(file, weights_only=True)
    return content


def _assert_close(weights: Weights, expected: Weights) -> None:
    """Compare the network in a checkpoint with one by hand, in float64."""
    of_network = {
        name.removeprefix("network."): value for name, value in weights.items() if name.startswith("network.")
    }
    assert of_network.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(of_network[name], value, rtol=1e-9, atol=1e-11)
