"""An error about memory names what sets the batch size, and overrides to try."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_config import parse_sources

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]

NETWORK = """
import torch

class Greedy(torch.nn.Linear):
    text = ""

    def forward(self, input):
        if self.training or self.text:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(input)

class GreedyOnCpu(torch.nn.Linear):
    def forward(self, input):
        torch.empty(2**60)
        return super().forward(input)

class GreedyInEvaluation(Greedy):
    text = "always"
"""


@pytest.fixture
def note(system_config: str, write: Write) -> Callable[..., str]:
    """The note of a stage that runs out of memory."""
    write("code/networks.py", NETWORK)

    def run(*words: Any, stage: str = "fit", network: str = "Greedy", config: str = system_config) -> str:
        role = "system::model" if config == system_config else "model::network"
        target = f"{role}::_target_=project.networks.{network}"
        given = parse_sources([config, target, "project=code", *words], from_command_line=True)
        with pytest.raises((torch.OutOfMemoryError, RuntimeError)) as caught:
            Runner().run(stage, given)
        notes = [note for note in caught.value.__notes__ if note.startswith("out of memory")]
        assert len(notes) == 1
        return notes[0]

    return run


HALF = "  system::dataloaders::train::batch_size=2 (config.yaml:45:19 sets 5)"
TWICE = "  trainer::accumulate_grad_batches=2 (with half the batch size: as many samples a step)"
PRECISION = "  trainer::precision=bf16-mixed"


@pytest.mark.parametrize("network", ["Greedy", "GreedyOnCpu"])
def test_note_names_the_batch_size_and_three_overrides(note: Callable[..., str], network: str) -> None:
    words = ["trainer::num_sanity_val_steps=0"]
    assert note(*words, network=network).splitlines()[1:] == [HALF, TWICE, PRECISION]


def test_each_override_of_the_note_is_one_that_check_accepts(
    note: Callable[..., str], system_config: str, in_process: Callable[..., Any]
) -> None:
    overrides = [line.split()[0] for line in note().splitlines()[1:]]
    assert len(overrides) == 3
    assert in_process("check", system_config, *overrides).returncode == 0


def test_a_batch_size_that_is_a_reference_is_named_where_its_value_is(note: Callable[..., str]) -> None:
    words = [
        "vars::size=64",
        "vars::batch_size=@vars::size",
        "system::dataloaders::train::batch_size=@vars::batch_size",
    ]
    assert note(*words).splitlines()[1] == "  vars::size=32 (command line, word 4 sets 64)"


def test_overrides_that_are_in_use_are_not_repeated(note: Callable[..., str]) -> None:
    words = ["trainer::precision=bf16-mixed", "trainer::accumulate_grad_batches=3"]
    words.append("system::dataloaders::train::batch_size=1")
    (line,) = note(*words).splitlines()[1:]
    assert line.startswith("  trainer::accumulate_grad_batches=6 ")


@pytest.mark.parametrize(
    ("stage", "mode"), [("fit", "val"), ("validate", "val"), ("test", "test"), ("predict", "predict")]
)
def test_note_names_the_loader_of_the_running_mode(note: Callable[..., str], stage: str, mode: str) -> None:
    size, precision = note(stage=stage, network="GreedyInEvaluation").splitlines()[1:]
    assert size.startswith(f"  system::dataloaders::{mode}::batch_size=2 (copied by % from config.yaml:45:19")
    assert precision == PRECISION


def test_note_finds_the_batch_size_of_a_data_module(note: Callable[..., str]) -> None:
    assert note(config="module.yaml").splitlines()[1].startswith("  data::train_dataloader::batch_size=2 (module.yaml:")
