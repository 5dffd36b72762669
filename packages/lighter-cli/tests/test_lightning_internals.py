"""Contract tests with real Lightning objects: a version whose private state differs fails here."""

import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import torch.distributed
from lightning_fabric.plugins.environments import SLURMEnvironment
from lightning_fabric.strategies.launchers.subprocess_script import _ChildProcessObserver
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import BatchSizeFinder, EarlyStopping, LearningRateFinder, ModelCheckpoint
from pytorch_lightning.demos.boring_classes import BoringModel
from pytorch_lightning.loggers import MLFlowLogger, TensorBoardLogger
from pytorch_lightning.utilities.exceptions import MisconfigurationException, SIGTERMException
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, Dataset
from torchmetrics import SumMetric

from lighter_cli import lightning_internals as internals
from lighter_cli.lightning_internals import ChildRanks

# BoringModel's loaders have no workers
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


def make_trainer(*callbacks: Callback, **options: Any) -> Trainer:
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 2,
        "limit_train_batches": 3,
        "limit_val_batches": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
    }
    return Trainer(callbacks=list(callbacks), **(defaults | options))


class AtBatch(Callback):
    """Call a function after each training batch."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.function(trainer)


@pytest.fixture
def child_ranks() -> Iterator[ChildRanks]:
    """The child ranks of a trainer with two; the tests start the children themselves."""
    ranks = internals.child_ranks(make_trainer(devices=2, strategy="ddp"))
    assert ranks is not None
    yield ranks
    for process in ranks._launcher.procs:
        process.kill()
        process.wait()


def test_only_the_script_launcher_has_child_ranks() -> None:
    assert internals.child_ranks(make_trainer()) is None
    assert internals.child_ranks(make_trainer(devices=2, strategy="ddp_spawn")) is None
    assert internals.child_ranks(make_trainer(devices=2, strategy="ddp")) is not None


@pytest.mark.parametrize("is_taken", [False, True])
def test_the_observer_leaves_taken_children_alone(child_ranks: ChildRanks, is_taken: bool) -> None:
    with subprocess.Popen(["sleep", "100"]) as main_process:
        child_ranks._launcher.procs.append(subprocess.Popen(["sh", "-c", "exit 3"]))
        child_ranks._launcher.procs[0].wait()
        observer = _ChildProcessObserver(main_process.pid, child_ranks._launcher.procs)
        if is_taken:
            child_ranks.take()
        assert observer._run()
        if is_taken:
            assert main_process.poll() is None
            main_process.kill()
        assert main_process.wait() == -signal.SIGKILL
    assert [process.returncode for process in child_ranks.processes] == [3] * is_taken


def test_children_are_taken_once_they_have_started(child_ranks: ChildRanks) -> None:
    child_ranks.take()
    assert list(child_ranks.processes) == []
    child_ranks._launcher.procs.append(subprocess.Popen(["sleep", "100"]))
    child_ranks.take()
    child_ranks.take()
    assert len(child_ranks.processes) == 1


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_signal_reaches_the_children(child_ranks: ChildRanks, is_taken: bool) -> None:
    child = subprocess.Popen(["sleep", "100"])
    child_ranks._launcher.procs.append(child)
    if is_taken:
        child_ranks.take()
    child_ranks.send(signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM


def test_a_replaced_sigterm_handler_is_the_one_that_runs() -> None:
    received: list[int] = []
    trainer = make_trainer(AtBatch(lambda _: signal.raise_signal(signal.SIGTERM)))
    internals.replace_sigterm_handler(trainer, lambda signum, frame: received.append(signum))
    trainer.fit(BoringModel())
    assert received == [signal.SIGTERM] * 6
    assert not trainer.received_sigterm


def test_a_set_sigterm_ends_the_fit_after_the_batch() -> None:
    trainer = make_trainer(AtBatch(internals.set_received_sigterm))
    with pytest.raises(SIGTERMException):
        trainer.fit(BoringModel())
    assert trainer.received_sigterm
    assert trainer.global_step == 1


class Slow(Dataset[int]):
    """Says which process reads; the third item takes long."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        if index == 3:
            time.sleep(100)
        return os.getpid()


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_a_loader_worker_outlives_a_sigterm_of_another_process(context: str) -> None:
    with internals.loader_workers_outlive_sigterm():
        loader = DataLoader(Slow(), batch_size=None, num_workers=1, prefetch_factor=1, multiprocessing_context=context)
        batches = iter(loader)
        worker = next(batches)
        subprocess.run(["sh", "-c", f"kill -TERM {worker}"], check=True)
        assert [next(batches), next(batches)] == [
            worker,
            worker,
        ]  # the worker is asked for the last one after the signal


@pytest.mark.parametrize("context", ["fork", "forkserver", "spawn"])
def test_a_loader_worker_ends_at_a_sigterm_of_its_own_process(context: str) -> None:
    with internals.loader_workers_outlive_sigterm():
        loader = DataLoader(Slow(), batch_size=None, num_workers=1, prefetch_factor=4, multiprocessing_context=context)
        batches = iter(loader)
        worker = next(batches)
        assert worker != os.getpid()
        del batches  # waits five seconds for the worker, which sleeps, and then sends SIGTERM
    assert not psutil.pid_exists(worker)


def test_loader_workers_outside_end_at_a_sigterm() -> None:
    with internals.loader_workers_outlive_sigterm():
        pass
    batches = iter(DataLoader(Slow(), batch_size=None, num_workers=1))
    subprocess.run(["sh", "-c", f"kill -TERM {next(batches)}"], check=True)
    with pytest.raises(RuntimeError, match="DataLoader worker"):
        list(batches)


@pytest.fixture
def _slurm_task(monkeypatch: pytest.MonkeyPatch) -> None:
    task = {"JOB_ID": "12", "JOB_NAME": "train", "NTASKS": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in task.items():
        monkeypatch.setenv(f"SLURM_{name}", value)


def test_one_process_alone_has_no_slurm_environment() -> None:
    assert not isinstance(internals.cluster_environment(make_trainer()), SLURMEnvironment)


@pytest.mark.usefixtures("_slurm_task")
def test_the_cluster_environment_is_that_of_the_plugin() -> None:
    environment = SLURMEnvironment(auto_requeue=False)
    assert internals.cluster_environment(make_trainer(plugins=[environment])) is environment
    assert isinstance(internals.cluster_environment(make_trainer()), SLURMEnvironment)


@pytest.mark.usefixtures("_slurm_task")
def test_lightning_requeues_only_if_its_environment_says_so() -> None:
    handlers: list[Any] = []

    def look(trainer: Trainer) -> None:
        handlers.append(signal.getsignal(signal.SIGUSR1))

    for auto_requeue in (True, False):
        trainer = make_trainer(AtBatch(look), max_steps=1)
        environment = internals.cluster_environment(trainer)
        assert isinstance(environment, SLURMEnvironment)
        environment.auto_requeue = auto_requeue
        trainer.fit(BoringModel())
    assert [handler == signal.SIG_DFL for handler in handlers] == [False, True]


def test_the_store_is_the_one_that_the_ranks_met_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # torch replaces it
    with pytest.raises(ValueError, match="process group"):
        internals.process_group_store()
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        internals.process_group_store().set("mine", "value")
        assert store.num_keys() > 0
        assert internals.process_group_store().check(["mine"])
        assert internals.process_group_store().get("mine") == b"value"
    finally:
        torch.distributed.destroy_process_group()


def test_the_newest_save_is_the_callbacks_file_and_step() -> None:
    callback = ModelCheckpoint(dirpath="kept", save_last=True, save_top_k=0)
    assert internals.newest_save(callback) == ("", 0)
    make_trainer(callback).fit(BoringModel())
    file, step = internals.newest_save(callback)
    assert (Path(file), step) == (Path("kept/last.ckpt").absolute(), 6)
    assert internals.newest_save(EarlyStopping("val_loss")) == ("", 0)


def test_a_save_on_exception_is_the_newest_save() -> None:
    def fail(trainer: Trainer) -> None:
        if trainer.global_step == 2:
            raise OSError("stop")

    callback = ModelCheckpoint(dirpath="kept", save_on_exception=True)
    with pytest.raises(OSError, match="stop"):
        make_trainer(AtBatch(fail), callback).fit(BoringModel())
    file, step = internals.newest_save(callback)
    assert step == 2
    assert list(Path("kept").iterdir()) == [Path("kept") / Path(file).name]
    assert not callback.best_model_path


def test_a_checkpoint_saved_now_is_the_newest_save() -> None:
    callback = ModelCheckpoint(dirpath="kept", save_top_k=0)
    saved: list[tuple[str, int]] = []

    def save(trainer: Trainer) -> None:
        internals.save_checkpoint(callback, trainer, Path("now.ckpt"))
        saved.append(internals.newest_save(callback))

    make_trainer(AtBatch(save), callback, max_steps=1).fit(BoringModel())
    assert saved == [("now.ckpt", 1)]
    assert torch.load("now.ckpt", weights_only=True)["global_step"] == 1


class Metered(BoringModel):
    """Log a metric per epoch that counts its computations."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = SumMetric()
        self.num_computations = 0
        compute = self.seen.compute

        def counted() -> Any:
            self.num_computations += 1
            return compute()

        self.seen.compute = counted  # type: ignore[method-assign]

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.seen.update(1.0)
        self.log("seen", self.seen, on_step=False, on_epoch=True)
        return super().training_step(batch, batch_idx)


def test_computed_metrics_computes_nothing() -> None:
    module = Metered()
    counts: list[tuple[int, bool]] = []

    def look(trainer: Trainer) -> None:
        metrics = internals.computed_metrics(trainer)
        counts.append((module.num_computations, "seen" in metrics))

    trainer = make_trainer(AtBatch(look))
    trainer.fit(module)
    assert counts == [(0, False)] * 3 + [(1, True)] * 3  # known once the first epoch has ended
    assert internals.computed_metrics(trainer)["seen"] == trainer.callback_metrics["seen"] == 3


def test_hp_metric_is_on_unless_the_logger_says_no(tmp_path: Path) -> None:
    assert internals.has_hp_metric(TensorBoardLogger(tmp_path))
    assert not internals.has_hp_metric(TensorBoardLogger(tmp_path, default_hp_metric=False))


@pytest.mark.parametrize("kind", [EarlyStopping, ModelCheckpoint])
def test_errors_of_callbacks_without_their_monitor_are_known(kind: Any) -> None:
    callback = kind(monitor="missing")
    with pytest.raises((RuntimeError, MisconfigurationException)) as raised:
        make_trainer(callback).fit(BoringModel())
    assert internals.error_without_monitor(raised.value, callback, "missing")
    assert not internals.error_without_monitor(raised.value, callback, "missing_too")
    assert not internals.error_without_monitor(raised.value, object(), "missing")


class Following(BoringModel):
    """Lowers its rate by a value that it does not log."""

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        self.schedule = ReduceLROnPlateau(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.schedule, "monitor": "missing"}}


def test_error_of_a_scheduler_without_its_monitor_is_known() -> None:
    module = Following()
    with pytest.raises(MisconfigurationException) as raised:
        make_trainer().fit(module)
    assert internals.error_without_monitor(raised.value, module.schedule, "missing")


@pytest.mark.filterwarnings("ignore:`ModelCheckpoint.*could not find the monitored key")
@pytest.mark.parametrize(
    ("options", "is_due"),
    [
        ({}, True),
        ({"every_n_epochs": 2}, True),
        ({"every_n_epochs": 5}, False),
        ({"every_n_train_steps": 6}, True),
        ({"every_n_train_steps": 7}, False),
        ({"train_time_interval": timedelta(seconds=0)}, True),
        ({"save_top_k": 0}, False),
        ({"every_n_epochs": 0}, False),
    ],
)
def test_a_save_is_due_when_the_callback_looked_for_its_monitor(options: Any, is_due: bool) -> None:
    callback = ModelCheckpoint(monitor="missing", **options)
    trainer = make_trainer(callback, limit_val_batches=0)
    trainer.fit(BoringModel())
    assert internals.is_save_due(callback, trainer) is is_due


class WithRate(BoringModel):
    rate = 0.1

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.rate)


def rate_finder(**options: Any) -> LearningRateFinder:
    """A finder that takes all its steps."""
    return LearningRateFinder(
        max_lr=0.01, num_training_steps=20, early_stop_threshold=None, attr_name="rate", **options
    )


def test_finders_say_what_they_found_under_the_attribute_that_they_set() -> None:
    size, rate = BatchSizeFinder(batch_arg_name="size"), rate_finder()
    assert internals.found_values(make_trainer(size, rate)) == {"size": 2}
    trainer, model = make_trainer(rate, limit_train_batches=20), WithRate()
    trainer.fit(model)
    size.optimal_batch_size = 64
    trainer.callbacks.append(size)  # type: ignore[attr-defined]
    assert internals.found_values(trainer) == {"size": 64, "rate": model.rate}
    assert model.rate != 0.1


def test_rate_that_a_finder_only_suggests_is_found() -> None:
    finder = rate_finder(update_attr=False)
    trainer, model = make_trainer(finder, limit_train_batches=20), WithRate()
    trainer.fit(model)
    assert finder.optimal_lr is not None
    assert internals.found_values(trainer) == {"rate": finder.optimal_lr.suggestion()}
    assert model.rate == 0.1


def test_each_fetch_of_a_training_batch_is_announced_and_profiled(tmp_path: Path) -> None:
    calls: list[str] = []

    class AtStart(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            internals.time_train_fetches(trainer, lambda: calls.append("start"), lambda: calls.append("end"))

    trainer = make_trainer(AtStart(), profiler="simple", default_root_dir=tmp_path)
    trainer.fit(BoringModel())
    assert calls == ["start", "end"] * 6
    assert internals.train_loaders(trainer)[0].num_workers == 0  # type: ignore[attr-defined]
    durations = trainer.profiler.recorded_durations  # type: ignore[attr-defined]
    assert len(durations["[_TrainingEpochLoop].train_dataloader_next"]) == 6


def test_an_epoch_is_announced_after_all_its_hooks() -> None:
    seen: list[tuple[str, int, list[str]]] = []

    class Late(BoringModel):
        def on_train_epoch_end(self) -> None:
            self.log("late", float(self.current_epoch))

    class AtStart(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            def see(what: str) -> None:
                seen.append((what, trainer.current_epoch, sorted(internals.computed_metrics(trainer))))

            internals.call_around_epochs(trainer, lambda: see("begin"), lambda: see("end"))

    make_trainer(AtStart()).fit(Late())
    assert seen == [("begin", 0, []), ("end", 1, ["late"]), ("begin", 1, ["late"]), ("end", 2, ["late"])]


def test_each_value_that_an_epoch_logs_is_another_object() -> None:
    """Values of the epoch before are the same objects, so they can be told from new ones."""
    seen: list[dict[str, Any]] = []

    class Logging(BoringModel):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.log("train", 1.0, on_step=False, on_epoch=True)
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("val", 1.0)

    class AtStart(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            def see() -> None:
                seen.append(dict(internals.computed_metrics(trainer)))

            internals.call_around_epochs(trainer, see, see)

    make_trainer(AtStart(), max_epochs=4, check_val_every_n_epoch=2).fit(Logging())
    new = [
        {name for name in after if after[name] is not before.get(name)}
        for before, after in zip(seen[::2], seen[1::2], strict=True)
    ]
    assert new == [{"train"}, {"train", "val"}, {"train"}, {"train", "val"}]


def test_validations_run_inside_a_context() -> None:
    entered: list[bool] = []

    class Started(Callback):
        def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
            @contextmanager
            def around() -> Iterator[None]:
                entered.append(trainer.sanity_checking)
                yield
                entered.append(trainer.sanity_checking)

            internals.wrap_validations(trainer, around)

    make_trainer(Started()).fit(BoringModel())
    assert entered == [True] * 2 + [False] * 4


def test_an_experiment_that_has_not_started_is_not_started(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path)
    assert internals.started_experiment(logger) is None
    assert list(tmp_path.iterdir()) == []
    started = logger.experiment
    assert internals.started_experiment(logger) is started


def test_the_run_of_an_mlflow_logger_is_known_once_it_exists() -> None:
    logger = MLFlowLogger.__new__(MLFlowLogger)  # its package is not installed everywhere
    source = inspect.getsource(MLFlowLogger.__init__)
    assert all(f"self.{name}" in source for name in ("_tracking_uri", "_experiment_id", "_run_id"))
    logger._tracking_uri, logger._experiment_id, logger._run_id = "http://a", None, None
    assert internals.mlflow_run(logger) == ("http://a", None, None)


@pytest.mark.parametrize(("saves_at_epoch_end", "monitors"), [(None, ["val_loss"]), (True, ["val_loss"]), (False, [])])
def test_a_save_that_is_put_off_and_never_made_is_found(
    tmp_path: Path, saves_at_epoch_end: bool | None, monitors: list[str]
) -> None:
    """Lightning 2.6.6 makes no file at step 2: the first validation is at step 3."""

    class Monitored(BoringModel):
        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log("val_loss", self.step(batch))

    saving = ModelCheckpoint(
        tmp_path, monitor="val_loss", every_n_train_steps=2, save_on_train_epoch_end=saves_at_epoch_end
    )
    trainer = make_trainer(saving, max_epochs=1, num_sanity_val_steps=0)
    trainer.fit(Monitored())
    assert internals.deferred_saves(trainer) == monitors
    assert bool(list(tmp_path.glob("*.ckpt"))) == (not monitors)
