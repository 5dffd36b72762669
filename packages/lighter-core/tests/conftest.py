"""Small real objects that several test files train with."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

HERE = Path(__file__).parent
RANKS = {"two_ranks", "spawned_ranks"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("gpu") is not None and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs an NVIDIA GPU"))
        if RANKS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("ranks"))  # each worker would start ranks of its own


@pytest.fixture(scope="session")
def _ranks_of_all_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run two_ranks.py on two ranks; return its folder, and what the ranks wrote to stderr."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    ranks = []
    with (tmp_path_factory.mktemp("stderr") / "stderr.txt").open("w+") as stderr:
        try:
            for rank in range(2):
                own = {"WORLD_SIZE": "2", "NODE_RANK": "0", "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"}
                command = [sys.executable, str(HERE / "two_ranks.py"), str(folder)]
                environment = os.environ | meeting | own
                ranks.append(subprocess.Popen(command, env=environment, stdout=stderr, stderr=stderr))
            for process in ranks:
                process.wait()
        finally:
            for process in ranks:
                process.kill()
                process.wait()
        stderr.seek(0)
        return folder, stderr.read()


@pytest.fixture(scope="module")
def two_ranks(request: pytest.FixtureRequest, _ranks_of_all_files: tuple[Path, str]) -> Path:
    """The folder in which two ranks have run `on_two_ranks` of the test file."""
    folder, stderr = _ranks_of_all_files
    name = request.path.stem
    assert all((folder / f"{name}.{rank}").exists() for rank in range(2)), stderr[-5000:]
    return folder / name


@pytest.fixture(scope="session")
def spawned_ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which spawned_ranks.py has run."""
    folder = tmp_path_factory.mktemp("spawned")
    command = [sys.executable, str(HERE / "spawned_ranks.py")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


class Rows(Logger):
    """A logger that keeps its rows."""

    name = "rows"
    version = 0

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...

    def of(self, name: str) -> list[tuple[int, float]]:
        return [(step, row[name]) for step, row in self.rows if name in row]

    def values(self, name: str) -> list[float]:
        return [value for _, value in self.of(name)]


class Epochs(Callback):
    """What a callback sees at the end of each training epoch and validation."""

    def __init__(self) -> None:
        self.train: list[dict[str, float]] = []
        self.val: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: nn.Module) -> None:
        self.train.append(_floats(trainer, "train/"))

    def on_validation_end(self, trainer: Trainer, pl_module: nn.Module) -> None:
        if not trainer.sanity_checking:
            self.val.append(_floats(trainer, "val/"))


def _floats(trainer: Trainer, prefix: str) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(prefix)}


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def epochs() -> Epochs:
    return Epochs()


@pytest.fixture
def make_trainer() -> Callable[..., Trainer]:
    def make(**options: Any) -> Trainer:
        defaults = {
            "max_epochs": 2,
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "log_every_n_steps": 1,
        }
        return Trainer(**{**defaults, **options})

    return make


@pytest.fixture
def make_data() -> Callable[..., TensorDataset]:
    def make(count: int, *, seed: int = 0, classes: int = 3) -> TensorDataset:
        """Float64, so that a loop by hand gives the same numbers to the last digits."""
        generator = torch.Generator().manual_seed(seed)
        inputs = torch.randn(count, 4, generator=generator, dtype=torch.float64)
        return TensorDataset(inputs, torch.randint(classes, (count,), generator=generator))

    return make


@pytest.fixture
def make_network() -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        generator = torch.Generator().manual_seed(1)
        network = nn.Linear(4, 3, dtype=torch.float64)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        return network

    return make


class ByHand:
    """A plain loop over the same batches, without Lightning and without lighter."""

    def __init__(self, network: nn.Module, lr: float = 0.1) -> None:
        self.network = network
        self.optimizer = torch.optim.SGD(network.parameters(), lr=lr)
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self, loader: DataLoader, accumulate: int = 1) -> list[tuple[float, int]]:
        """Return the mean loss and the count of each batch."""
        batches = list(loader)
        losses = []
        for i, (inputs, targets) in enumerate(batches):
            loss = self.criterion(self.network(inputs), targets)
            (loss / accumulate).backward()
            if (i + 1) % accumulate == 0 or i + 1 == len(batches):
                self.optimizer.step()
                self.optimizer.zero_grad()
            losses.append((loss.item(), len(targets)))
        return losses

    @torch.no_grad()
    def evaluate(self, loader: DataLoader) -> list[tuple[float, int]]:
        return [(self.criterion(self.network(x), y).item(), len(y)) for x, y in loader]

    @torch.no_grad()
    def predict(self, loader: DataLoader) -> tuple[Tensor, Tensor]:
        batches = [(self.network(x), y) for x, y in loader]
        return torch.cat([pred for pred, _ in batches]), torch.cat([target for _, target in batches])


def mean(losses: list[tuple[float, int]]) -> float:
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


@pytest.fixture
def by_hand(make_network: Callable[[], nn.Module]) -> Iterator[ByHand]:
    return ByHand(make_network())


@pytest.fixture
def weighted_mean() -> Callable[[list[tuple[float, int]]], float]:
    return mean
