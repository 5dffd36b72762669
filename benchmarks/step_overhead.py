"""What dual logging costs in a training step, against what a user would write instead.

Two trainers run in one process and one thread and take their steps in turn, batch by batch, with garbage collection off
and one torch thread. A step is all that Lightning does for a batch, from fetching it to writing a row. Ratios are of
25th percentiles and of means; beside them an exact count that needs no
clock: Python function calls per step.

    python benchmarks/step_overhead.py                       # the marks of a small step
    python benchmarks/step_overhead.py --resnet              # against nothing but training, 40 ms and more a step
    python benchmarks/step_overhead.py --evaluation          # steps of validation and test, and of 50 metrics
    python benchmarks/step_overhead.py --peer-python VENV/bin/python    # Lighter 0.1.0, installed in VENV
    python benchmarks/step_overhead.py --resnet --accelerator gpu --precision bf16-mixed --batch-size 4096

On a GPU a step ends when the device is done with it, and the ResNet needs a batch that keeps the device busy for 40 ms.
Lighter 0.1.0 has the same import name, so it runs in its own environment against the same hand-written module.
"""

import argparse
import cProfile
import gc
import itertools
import json
import logging
import platform
import pstats
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pytorch_lightning
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
    MulticlassSpecificity,
)

CLASSES = 10
BATCH_SIZE = 32
LOG_EVERY_N_STEPS = 50


class Sink(Logger):
    """Takes rows and drops them, so that no file system is measured."""

    name = "sink"
    version = 0

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...


def metrics() -> list[Any]:
    return [
        MulticlassAccuracy(num_classes=CLASSES, validate_args=False),
        MulticlassF1Score(num_classes=CLASSES, validate_args=False),
    ]


def fifty_metrics() -> dict[str, Any]:
    """Make 50 metrics: five classes in two averages, each for the five best predictions."""
    classes = [MulticlassAccuracy, MulticlassF1Score, MulticlassPrecision, MulticlassRecall, MulticlassSpecificity]
    return {
        f"{cls.__name__}_{average}_{top_k}": cls(num_classes=CLASSES, average=average, top_k=top_k, validate_args=False)
        for cls in classes
        for average in ("micro", "macro")
        for top_k in range(1, 6)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and how the steps run."""

    accelerator: str = "cpu"
    precision: str = "32-true"
    is_compiled: bool = False
    batch_size: int = BATCH_SIZE

    @property
    def device(self) -> str:
        return "cuda" if self.accelerator == "gpu" else "cpu"

    def network(self, make: Callable[[], nn.Module]) -> nn.Module:
        """Make a network; compiled it keeps its parameters, which the optimizer takes."""
        network = make()
        return torch.compile(network) if self.is_compiled else network  # type: ignore[return-value]

    def batch(self, *shape: int) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets that are on the device already: copying them is not what is compared."""
        inputs, targets = torch.randn(self.batch_size, *shape), torch.randint(CLASSES, (self.batch_size,))
        return inputs.to(self.device), targets.to(self.device)

    def wait(self) -> None:
        """Wait for the device to end a step."""
        if self.accelerator == "gpu":
            torch.cuda.synchronize()

    def __str__(self) -> str:
        name = torch.cuda.get_device_name() if self.accelerator == "gpu" else platform.machine()
        return f"{name}, {self.precision}{', compiled' if self.is_compiled else ''}, batches of {self.batch_size}"


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, CLASSES))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        *(Block(32) for _ in range(3)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )


def sgd(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=0.01)


class Bare(LightningModule):
    """Trains, and nothing else."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.criterion = nn.CrossEntropyLoss()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return sgd(self.network)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        loss: Tensor = self.criterion(self.network(x), y)
        return loss


class Updates(Bare):
    """Updates the same metrics and logs nothing."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.metrics = MetricCollection(metrics())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        pred = self.network(x)
        self.metrics.update(pred, y)
        loss: Tensor = self.criterion(pred, y)
        return loss


class EvaluatedByHand(Bare):
    """Logs the values of validation and test for step and epoch by ``self.log``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.accuracy, self.f1 = metrics()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        pred = self.network(x)
        self.log("val/loss", self.criterion(pred, y), on_step=True, on_epoch=True, batch_size=len(y))
        self._log_metrics("val", pred, y)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        x, y = batch
        self._log_metrics("test", self.network(x), y)

    def _log_metrics(self, mode: str, pred: Tensor, y: Tensor) -> None:
        self.accuracy(pred, y)
        self.f1(pred, y)
        self.log(f"{mode}/accuracy", self.accuracy, on_step=True, on_epoch=True)
        self.log(f"{mode}/f1", self.f1, on_step=True, on_epoch=True)


class ManyByHand(Bare):
    """Logs 50 metrics by ``self.log_dict``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.metrics = MetricCollection(fifty_metrics())

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        pred = self.network(x)
        loss: Tensor = self.criterion(pred, y)
        self.metrics(pred, y)
        self.log("loss", loss, on_step=True, on_epoch=True, batch_size=len(y))
        self.log_dict(self.metrics, on_step=True, on_epoch=True)
        return loss


class ByHand(Bare):
    """Logs loss and metrics for step and epoch by ``self.log``, as Lightning's guide shows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.accuracy, self.f1 = metrics()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        x, y = batch
        pred = self.network(x)
        loss: Tensor = self.criterion(pred, y)
        self.accuracy(pred, y)
        self.f1(pred, y)
        self.log("train/loss", loss, on_step=True, on_epoch=True, batch_size=len(y))
        self.log("train/accuracy", self.accuracy, on_step=True, on_epoch=True)
        self.log("train/f1", self.f1, on_step=True, on_epoch=True)
        return loss


def lighter_system(network: nn.Module) -> LightningModule:
    from lighter import System

    return System(network, optimizer=sgd(network), criterion=nn.CrossEntropyLoss(), metrics={"train": metrics()})


def lighter_evaluation(network: nn.Module) -> LightningModule:
    from lighter import System

    return System(network, criterion=nn.CrossEntropyLoss(), metrics={"val": metrics(), "test": metrics()})


def lighter_many(network: nn.Module) -> LightningModule:
    from lighter import System

    return System(network, optimizer=sgd(network), criterion=nn.CrossEntropyLoss(), metrics={"train": fifty_metrics()})


def lighter_module(network: nn.Module) -> LightningModule:
    from lighter import LighterModule

    class Module(LighterModule):
        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            x, y = batch
            pred = self(x)
            self.update_metrics(pred, y)
            return {"loss": self.criterion(pred, y), "pred": pred, "target": y}

    return Module(network, nn.CrossEntropyLoss(), sgd(network), train_metrics=metrics())


def peer_module(network: nn.Module) -> LightningModule:
    """Lighter 0.1.0, as its guide shows; only in its own environment."""
    from lighter import LighterModule

    class Module(LighterModule):
        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            x, y = batch
            pred = self(x)
            self.train_metrics(pred, y)
            return {"loss": self.criterion(pred, y), "pred": pred, "target": y}

        def validation_step(self, batch: Any, batch_idx: int) -> None: ...

        def test_step(self, batch: Any, batch_idx: int) -> None: ...

        def predict_step(self, batch: Any, batch_idx: int) -> None: ...

    return Module(
        network=network,
        criterion=nn.CrossEntropyLoss(),
        optimizer=sgd(network),
        train_metrics=MetricCollection(metrics()),
    )


class Same:
    """Gives the same batch again and again."""

    def __init__(self, batch: Any, num_steps: int) -> None:
        self.batch = batch
        self.num_steps = num_steps

    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat(self.batch, self.num_steps)

    def __len__(self) -> int:
        return self.num_steps


def make_trainer(machine: Machine, log_every_n_steps: int = LOG_EVERY_N_STEPS) -> Trainer:
    return Trainer(
        max_epochs=1,
        accelerator=machine.accelerator,
        precision=machine.precision,  # type: ignore[arg-type]
        devices=1,
        logger=Sink(),
        log_every_n_steps=log_every_n_steps,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def in_turn(
    trainers: list[Trainer],
    modules: list[LightningModule],
    batches: Same,
    stage: str,
    run: Callable[..., None],
    *steps: Callable[[], None],
) -> None:
    """Start a stage in the middle of a stage, up to the first batch of each, then give their steps to ``run``.

    One thread takes all steps: threads would move between cores and wait for each other's lock.
    """
    if not modules:
        run(*steps)
        return
    trainer = trainers[0]

    def run_fit() -> None:
        loop = trainer.fit_loop
        loop.setup_data()
        loop.reset()
        loop.on_run_start()
        loop.on_advance_start()
        loop.epoch_loop.reset()
        loop.epoch_loop.on_run_start(loop._data_fetcher)

        def step() -> None:
            loop.epoch_loop.advance(loop._data_fetcher)
            loop.epoch_loop.on_advance_end(loop._data_fetcher)

        in_turn(trainers[1:], modules[1:], batches, stage, run, *steps, step)

    def run_evaluation() -> None:
        loop = trainer._evaluation_loop
        with torch.inference_mode():
            loop.setup_data()
            loop.reset()
            loop.on_run_start()
            fetcher = loop._data_fetcher

            def step() -> None:
                batch, batch_idx, dataloader_idx = next(fetcher)
                loop.batch_progress.is_last_batch = fetcher.done
                loop._evaluation_step(batch, batch_idx, dataloader_idx, None)
                loop.on_iteration_done()

            in_turn(trainers[1:], modules[1:], batches, stage, run, *steps, step)

    trainer._run_stage = run_fit if stage == "fit" else run_evaluation  # type: ignore[method-assign]
    getattr(trainer, stage)(modules[0], batches)


Contestant = Callable[[nn.Module], LightningModule]


def compare(
    ours: Contestant,
    theirs: Contestant,
    network: Callable[[], nn.Module],
    batch: Any,
    num_steps: int,
    machine: Machine,
    *,
    stage: str = "fit",
    log_every_n_steps: int = LOG_EVERY_N_STEPS,
) -> dict:
    """Let both step in turn; return the ratios of ours to theirs."""
    times: list[list[float]] = [[], []]

    def run(*steps: Callable[[], None]) -> None:
        gc.collect()
        gc.disable()
        for _ in range(num_steps):
            for step, taken in zip(steps, times, strict=True):
                start = time.perf_counter()
                step()
                machine.wait()
                taken.append(time.perf_counter() - start)
        gc.enable()

    modules = [contestant(machine.network(network)) for contestant in (ours, theirs)]
    trainers = [make_trainer(machine, log_every_n_steps) for _ in modules]
    in_turn(trainers, modules, Same(batch, num_steps), stage, run)
    warm_up = num_steps // 20
    times = [sorted(taken[warm_up:]) for taken in times]
    p25 = [values[len(values) // 4] for values in times]
    # a scheduler's pause is not a step: the slowest 0.5 % of either are left out of the mean, written steps are not
    means = [statistics.fmean(values[: len(values) - len(values) // 200]) for values in times]
    return {"p25": p25[0] / p25[1], "mean": means[0] / means[1], "step_ms": [p25[0] * 1e3, p25[1] * 1e3]}


def calls_per_step(contestant: Contestant, network: Callable[[], nn.Module], batch: Any, machine: Machine) -> float:
    """Count Python function calls in one step: the difference of a longer and a shorter run, one row in each 50."""

    def count(num_steps: int) -> int:
        profile = cProfile.Profile()
        module = contestant(machine.network(network))
        profile.runcall(make_trainer(machine).fit, module, Same(batch, num_steps))
        return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]

    return (count(300) - count(100)) / 200


def report(name: str, result: dict, mark: float, *, by: Sequence[str] = ("p25", "mean")) -> None:
    met = "met" if all(result[one] <= mark for one in by) else "MISSED"
    ours, theirs = result["step_ms"]
    print(
        f"{name:<58} p25 {result['p25']:.4f}  mean {result['mean']:.4f}  mark {mark:.2f} {met}"
        f"   ({ours:.3f} ms against {theirs:.3f} ms)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="steps of each contestant")
    parser.add_argument("--resnet", action="store_true", help="the comparison of a step of 40 ms and more")
    parser.add_argument("--evaluation", action="store_true", help="steps of validation and test, and of 50 metrics")
    parser.add_argument("--peer-python", help="the Python of an environment with lighter==0.1.0")
    parser.add_argument("--accelerator", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--compile", action="store_true", help="torch.compile the network of each contestant")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    machine = Machine(
        accelerator=options.accelerator,
        precision=options.precision,
        is_compiled=options.compile,
        batch_size=options.batch_size,
    )
    batch = machine.batch(64)

    def against(ours: Contestant, theirs: Contestant) -> dict:
        return compare(ours, theirs, perceptron, batch, options.steps, machine)

    if options.as_peer:
        print(json.dumps(against(peer_module, ByHand)))
        return
    print(
        f"Python {platform.python_version()}, torch {torch.__version__}, Lightning {pytorch_lightning.__version__},"
        f" torchmetrics {version('torchmetrics')}, {machine}"
    )
    if options.resnet:
        num_steps = 200 if options.accelerator == "cpu" else options.steps
        resnet_steps = compare(lighter_system, Bare, resnet, machine.batch(3, 32, 32), num_steps, machine)
        # the mean of a few hundred long steps differs by more than 1 % between runs of the same
        report("System against nothing but training (ResNet)", resnet_steps, 1.01, by=["p25"])
        return
    if options.evaluation:
        for stage, name in (("validate", "validation"), ("test", "test")):
            steps = compare(lighter_evaluation, EvaluatedByHand, perceptron, batch, options.steps, machine, stage=stage)
            report(f"a {name} step against self.log by hand", steps, 0.6)
        many = compare(lighter_many, ManyByHand, perceptron, batch, options.steps // 10, machine, log_every_n_steps=1)
        report("a written step of 50 metrics against log_dict by hand", many, 0.5)
        return
    report("the same against the same (noise)", against(Updates, Updates), 1.01)
    by_hand = against(lighter_system, ByHand)
    report("System against self.log by hand", by_hand, 0.5)
    report("LighterModule against self.log by hand", against(lighter_module, ByHand), 0.5)
    report("System against updates alone", against(lighter_system, Updates), 1.08)
    report("LighterModule against updates alone", against(lighter_module, Updates), 1.08)
    if options.peer_python:
        peer = subprocess.run(
            [options.peer_python, __file__, "--as-peer", *sys.argv[1:]],
            capture_output=True,
            text=True,
            check=True,
        )
        of_peer = json.loads(peer.stdout.splitlines()[-1])
        ratios = {key: by_hand[key] / of_peer[key] for key in ("p25", "mean")}
        report(
            "System against Lighter 0.1.0 (by way of self.log)",
            {**ratios, "step_ms": [by_hand["step_ms"][0], of_peer["step_ms"][0]]},
            0.4,
        )
    for name, contestant in [
        ("nothing but training", Bare),
        ("updates alone", Updates),
        ("System", lighter_system),
        ("LighterModule", lighter_module),
        ("self.log by hand", ByHand),
    ]:
        print(f"{name:<58} {calls_per_step(contestant, perceptron, batch, machine):8.1f} Python calls per step")


if __name__ == "__main__":
    main()
