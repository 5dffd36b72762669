"""Runs on an NVIDIA GPU: their records, their checkpoints where there is none, and running out of its memory."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lighter_cli import Runner, load_network, read_runs

pytestmark = pytest.mark.gpu

ON_GPU = "trainer::accelerator=gpu"

NETWORK = """
import torch

class Greedy(torch.nn.Linear):
    def forward(self, input):
        if self.training:
            torch.empty(2**44, device=input.device)
        return super().forward(input)
"""


@pytest.fixture(autouse=True)
def _gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs an NVIDIA GPU")


def test_the_record_of_a_run_describes_the_gpu(system_config: str, lighter: Callable, tmp_path: Path) -> None:
    done = lighter("fit", system_config, ON_GPU)
    assert done.returncode == 0, done.stderr
    run = read_runs(tmp_path)[-1]
    assert run.status == "finished"
    assert torch.cuda.get_device_name() in json.dumps(run.record)
    assert run.record["peak_memory"]["cuda_allocated_mib"] > 0
    losses = [epoch["train/loss/epoch"] for epoch in run.history]
    assert losses[1] < losses[0]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_checkpoint_of_the_gpu_is_tested_and_loaded_without_one(
    system_config: str, lighter: Callable, tmp_path: Path, precision: str
) -> None:
    lighter("fit", system_config, ON_GPU, f"trainer::precision={precision}")
    folder = str(read_runs(tmp_path)[-1].folder)
    on_gpu = lighter("test", folder, ON_GPU)
    on_cpu = lighter("test", folder, "trainer::precision=32-true", "trainer::accelerator=cpu", CUDA_VISIBLE_DEVICES="")
    assert (on_gpu.returncode, on_cpu.returncode) == (0, 0), on_gpu.stderr + on_cpu.stderr
    first, second = (run.metrics for run in read_runs(tmp_path)[-2:])
    assert "test/metrics/Accuracy/epoch" in first
    assert first == pytest.approx(second, rel=1e-5 if precision == "32-true" else 2e-2)
    network = load_network(folder)
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    assert not network.training


def test_a_fit_interrupted_on_the_gpu_continues_from_its_last_checkpoint(
    system_config: str, lighter: Callable, tmp_path: Path
) -> None:
    lighter("fit", system_config, ON_GPU, "trainer::max_epochs=4")
    whole = read_runs(tmp_path)[-1].metrics
    lighter("fit", system_config, ON_GPU, "trainer::max_epochs=2")
    done = lighter("fit", system_config, ON_GPU, "trainer::max_epochs=4", "--ckpt-path", "last")
    assert done.returncode == 0, done.stderr
    assert read_runs(tmp_path)[-1].metrics == pytest.approx(whole, rel=1e-5)


def test_running_out_of_the_memory_of_the_gpu_names_overrides_to_try(
    system_config: str, write: Callable[[str, str], Path]
) -> None:
    write("code/networks.py", NETWORK)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        Runner().run("fit", [system_config, "system::model::_target_=project.networks.Greedy", "project=code", ON_GPU])
    notes = "\n".join(caught.value.__notes__)
    assert "system::dataloaders::train::batch_size=2" in notes


LABELS = """
import torch

class TooHigh(torch.utils.data.TensorDataset):
    def __getitem__(self, index):
        return super().__getitem__(index)[0], torch.tensor(2 + index % 2)
"""


def test_a_label_out_of_range_is_explained(
    system_config: str, write: Callable[[str, str], Path], lighter: Callable
) -> None:
    write("code/labels.py", LABELS)
    done = lighter("fit", system_config, "project=code", "dataset::_target_=project.labels.TooHigh", ON_GPU)
    assert done.returncode == 1
    assert "CUDA error: device-side assert triggered" in done.stderr
    assert "a device-side assert is mostly a label or an index out of range" in done.stderr
