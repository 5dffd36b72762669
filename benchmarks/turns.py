"""Let two trainers take their steps in turn in one process and one thread, and compare the times.

Garbage collection is off meanwhile. Ratios are of 25th percentiles and of means.
"""

import gc
import itertools
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.loggers.logger import Logger
from torch import Tensor, nn

CLASSES = 10
BATCH_SIZE = 32
LOG_EVERY_N_STEPS = 50

Step = Callable[[], None]
Contestant = Callable[[nn.Module], LightningModule]


class Sink(Logger):
    """Takes rows and drops them, so that no file system is measured."""

    name = "sink"
    version = 0

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None: ...

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...


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


class Same:
    """Gives the same batch again and again."""

    def __init__(self, batch: Any, num_steps: int) -> None:
        self.batch = batch
        self.num_steps = num_steps

    def __iter__(self) -> Iterator[Any]:
        return itertools.repeat(self.batch, self.num_steps)

    def __len__(self) -> int:
        return self.num_steps


def make_trainer(machine: Machine, log_every_n_steps: int = LOG_EVERY_N_STEPS, max_epochs: int = 1) -> Trainer:
    return Trainer(
        max_epochs=max_epochs,
        accelerator=machine.accelerator,
        precision=machine.precision,  # type: ignore[arg-type]
        devices=1,
        logger=Sink(),
        log_every_n_steps=log_every_n_steps,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def train_steps(trainer: Trainer) -> Iterator[Step]:
    """Start a fit up to its first batch, and give its steps."""
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

    yield step


@contextmanager
def evaluation_steps(trainer: Trainer) -> Iterator[Step]:
    """Start a validation or a test up to its first batch, and give its steps."""
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

        yield step


@contextmanager
def epochs(trainer: Trainer) -> Iterator[Step]:
    """Start a fit up to its first epoch, and give its epochs, of one batch each."""
    loop = trainer.fit_loop
    loop.setup_data()
    loop.reset()
    loop.on_run_start()

    def epoch() -> None:
        loop.on_advance_start()
        loop.advance()
        loop.on_advance_end()

    yield epoch


def in_turn(
    trainers: list[Trainer],
    modules: list[LightningModule],
    batches: Same,
    stage: str,
    start: Callable[[Trainer], AbstractContextManager[Step]],
    run: Callable[..., None],
    *steps: Step,
) -> None:
    """Start a stage in the middle of a stage, then give the steps of all to ``run``.

    One thread takes all steps: threads would move between cores and wait for each other's lock.
    """
    if not trainers:
        run(*steps)
        return

    def run_stage() -> None:
        with start(trainers[0]) as step:
            in_turn(trainers[1:], modules[1:], batches, stage, start, run, *steps, step)

    trainers[0]._run_stage = run_stage  # type: ignore[method-assign]
    getattr(trainers[0], stage)(modules[0], batches)


def compare(
    ours: Contestant,
    theirs: Contestant,
    network: Callable[[], nn.Module],
    batch: Any,
    num_steps: int,
    machine: Machine,
    *,
    stage: str = "fit",
    start: Callable[[Trainer], AbstractContextManager[Step]] = train_steps,
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
    num_epochs = num_steps if start is epochs else 1
    trainers = [make_trainer(machine, log_every_n_steps, num_epochs) for _ in modules]
    in_turn(trainers, modules, Same(batch, 1 if start is epochs else num_steps), stage, start, run)
    warm_up = num_steps // 20
    times = [sorted(taken[warm_up:]) for taken in times]
    p25 = [values[len(values) // 4] for values in times]
    # a scheduler's pause is not a step: the slowest 0.5 % of either are left out of the mean, written steps are not
    means = [statistics.fmean(values[: len(values) - len(values) // 200]) for values in times]
    return {"p25": p25[0] / p25[1], "mean": means[0] / means[1], "step_ms": [p25[0] * 1e3, p25[1] * 1e3]}


def report(name: str, result: dict, marks: tuple[float, float | None]) -> None:
    """Print the ratios beside their marks, of the 25th percentile and of the mean; None where the mean has no mark."""
    ours, theirs = result["step_ms"]
    given = {key: mark for key, mark in zip(("p25", "mean"), marks, strict=True) if mark is not None}
    met = "met" if all(result[key] <= mark for key, mark in given.items()) else "MISSED"
    print(
        f"{name:<58} p25 {result['p25']:.4f}  mean {result['mean']:.4f}"
        f"  mark {'/'.join(f'{mark:.2f}' for mark in given.values())} {met}"
        f"   ({ours:.3f} ms against {theirs:.3f} ms)"
    )
