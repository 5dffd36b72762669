"""A resumed run ends with the values, weights and random states of an uninterrupted one."""

import os
import signal
from functools import partial

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.strategies import SingleDeviceStrategy
from torch import nn
from torch.utils.data import DataLoader, default_collate
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC

from lighter import System
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings(
    "ignore:Be aware that when using .ckpt_path., callbacks used to create",  # the resumed runs save nothing
    "ignore:You're resuming from a checkpoint that ended before the epoch ended",  # Lightning's own words
    "ignore:No (positive|negative) samples",
)


@pytest.fixture
def make_system(make_network, make_data):
    def make(loader_class=DataLoader, *, has_plateau=False):
        # dropout draws from the generator that has to be restored
        network = nn.Sequential(make_network(), nn.Dropout(0.5), nn.Linear(3, 3, dtype=torch.float64))
        with torch.no_grad():
            for parameter in network[2].parameters():
                parameter.fill_(0.1)
        optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
        # every epoch is too bad for it
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, threshold=0.9)
        return System(
            network,
            {
                "train": loader_class(make_data(22), batch_size=4, shuffle=True),
                "val": DataLoader(make_data(9, seed=3), batch_size=4),
            },
            optimizer=optimizer,
            scheduler=plateau if has_plateau else None,
            criterion=nn.CrossEntropyLoss(),
            metrics={
                "train": MetricCollection([MulticlassAccuracy(num_classes=3), MulticlassAUROC(num_classes=3)]),
                "val": MulticlassAccuracy(num_classes=3),
            },
        )

    return make


class SaveEverywhere(Callback):
    """Saves where `ModelCheckpoint` may; notes how many rows were logged by then."""

    def __init__(self, folder):
        self.folder = folder
        self.num_rows = {}

    def save(self, trainer, hook):
        if trainer.sanity_checking:
            return
        file = self.folder / f"{hook}-{trainer.fit_loop.total_batch_idx}-{len(self.num_rows)}.ckpt"
        trainer.save_checkpoint(file)
        self.num_rows[file.name] = len(getattr(trainer.logger, "rows", ()))

    def on_train_batch_end(self, trainer, *args):
        if not trainer.fit_loop._should_accumulate():  # gradients are in no checkpoint
            self.save(trainer, "batch")

    def on_validation_end(self, trainer, *args):
        self.save(trainer, "validated")

    def on_train_epoch_end(self, trainer, *args):
        self.save(trainer, "end")


class SaveInValidation(SaveEverywhere):
    """Saves also where an exception may end a validation."""

    def on_validation_start(self, trainer, *args):
        self.save(trainer, "validation-starts")

    def on_validation_batch_start(self, trainer, *args):
        self.save(trainer, "validation-batch-starts")

    def on_validation_batch_end(self, trainer, *args):
        self.save(trainer, "validation-batch")

    def on_validation_epoch_end(self, trainer, *args):
        self.save(trainer, "validation-epoch")


def run(make_system, make_trainer, loader_class, *, callbacks=(), ckpt_path=None, epochs, **options):
    torch.manual_seed(0 if ckpt_path is None else 123)
    system = make_system(loader_class)
    trainer = make_trainer(max_epochs=3, callbacks=[*callbacks, epochs], **options)
    trainer.fit(system, ckpt_path=ckpt_path, weights_only=True)
    return system


def test_resume_at_an_epoch_end_equals_an_uninterrupted_run(make_system, make_trainer, epochs, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, save_on_train_epoch_end=True, filename="{epoch}")
    whole = run(make_system, make_trainer, DataLoader, callbacks=[checkpoint], epochs=epochs, enable_checkpointing=True)
    resumed_epochs = type(epochs)()
    path = tmp_path / "epoch=0.ckpt"
    resumed = run(make_system, make_trainer, DataLoader, ckpt_path=path, epochs=resumed_epochs)
    assert resumed_epochs.train == epochs.train[1:]
    assert resumed_epochs.val == epochs.val[1:]
    torch.testing.assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)


class LoadsTheWeights(SingleDeviceStrategy):
    """Loads the weights before the module sees the checkpoint, and leaves them out of it, as FSDP and DeepSpeed do."""

    def load_checkpoint(self, *args, **kwargs):
        checkpoint = super().load_checkpoint(*args, **kwargs)
        self.lightning_module.load_state_dict(checkpoint.pop("state_dict"))
        return checkpoint

    def load_model_state_dict(self, *args, **kwargs):
        pass


def test_a_strategy_that_loads_the_weights_itself_resumes_and_tests(make_system, make_trainer, epochs, tmp_path):
    saved = SaveEverywhere(tmp_path)
    whole = run(make_system, make_trainer, DataLoader, callbacks=[saved], epochs=epochs)
    resumed_epochs = type(epochs)()
    first, *_, last = [tmp_path / name for name in saved.num_rows if name.startswith("end")]
    strategy = LoadsTheWeights("cpu")
    resumed = run(make_system, make_trainer, DataLoader, ckpt_path=first, epochs=resumed_epochs, strategy=strategy)
    assert resumed_epochs.train == epochs.train[1:]
    torch.testing.assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)
    fresh = make_system(DataLoader)
    make_trainer(strategy=LoadsTheWeights("cpu")).validate(fresh, ckpt_path=last, weights_only=True)
    torch.testing.assert_close(fresh.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("step", [2, 9])
def test_resume_inside_an_epoch_equals_an_uninterrupted_run(make_system, make_trainer, epochs, tmp_path, step):
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, every_n_train_steps=1, filename="{step}")
    whole = run(
        make_system, make_trainer, ResumableDataLoader, callbacks=[checkpoint], epochs=epochs, enable_checkpointing=True
    )
    resumed_epochs = type(epochs)()
    path = tmp_path / f"step={step}.ckpt"
    resumed = run(make_system, make_trainer, ResumableDataLoader, ckpt_path=path, epochs=resumed_epochs)
    first = step // 6
    expected = [{name: pytest.approx(value, rel=1e-12) for name, value in e.items()} for e in epochs.train[first:]]
    assert resumed_epochs.train == expected
    assert resumed_epochs.val == epochs.val[first:]
    torch.testing.assert_close(resumed.network.state_dict(), whole.network.state_dict(), rtol=0, atol=0)


def test_resume_inside_an_epoch_with_a_new_loader_warns(make_system, make_trainer, epochs, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, every_n_train_steps=2, filename="{step}")
    run(make_system, make_trainer, DataLoader, callbacks=[checkpoint], epochs=epochs, enable_checkpointing=True)
    with pytest.warns(UserWarning, match="samples repeat") as warned:
        run(make_system, make_trainer, DataLoader, ckpt_path=tmp_path / "step=2.ckpt", epochs=type(epochs)())
    assert sum("samples repeat" in str(warning.message) for warning in warned) == 1


def test_a_checkpoint_after_validation_repeats_its_row(make_system, make_trainer, epochs, rows, tmp_path):
    checkpoint = ModelCheckpoint(
        tmp_path, save_top_k=-1, monitor="val/loss/epoch", filename="{epoch}", save_on_train_epoch_end=False
    )
    run(make_system, make_trainer, DataLoader, callbacks=[checkpoint], epochs=epochs, enable_checkpointing=True)
    path = tmp_path / "epoch=1.ckpt"
    run(make_system, make_trainer, DataLoader, ckpt_path=path, epochs=type(epochs)(), logger=rows)
    step, repeated = next((step, row) for step, row in rows.rows if "train/loss/epoch" in row)
    assert step == 11
    assert repeated == {"epoch": 1} | {name: pytest.approx(v, rel=1e-12) for name, v in epochs.train[1].items()}


class LogsToo(System):
    """Logs values and a metric of its own, beside those of Lighter."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.own = MulticlassAccuracy(num_classes=3)

    def on_train_batch_start(self, batch, batch_idx):
        self.own.update(batch[0][:, :3], batch[1])
        self.log("own_metric", self.own, on_step=False, on_epoch=True)
        self.log("own_mean", batch[0].mean(), on_step=True, on_epoch=True)


def test_values_that_a_system_logs_itself_are_those_of_the_whole_epoch(make_system, make_trainer, rows, tmp_path):
    def fit(logger, *callbacks, ckpt_path=None):
        torch.manual_seed(0 if ckpt_path is None else 123)
        system = make_system(ResumableDataLoader)
        parts = {name: getattr(system, name) for name in ("optimizer", "criterion")}
        metrics = {"train": MulticlassAccuracy(num_classes=3)}
        system = LogsToo(system.network, system.dataloaders, metrics=metrics, **parts)
        trainer = make_trainer(logger=logger, callbacks=list(callbacks))
        trainer.fit(system, ckpt_path=ckpt_path, weights_only=True)

    saved = SaveEverywhere(tmp_path)
    fit(rows, saved)
    files = [file for file in saved.num_rows if file.startswith("batch")]
    assert len(files) == 12
    for file in files:
        resumed = type(rows)()
        fit(resumed, ckpt_path=tmp_path / file)
        for name in ("own_metric", "own_mean_epoch", "train/metrics/MulticlassAccuracy/epoch"):
            values = resumed.of(name)
            assert values, (file, name)
            assert values == rows.of(name)[-len(values) :], (file, name)


def test_checkpoint_holds_tensors_and_plain_types_only(make_system, make_trainer, epochs, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, every_n_train_steps=2, filename="{step}")
    run(make_system, make_trainer, DataLoader, callbacks=[checkpoint], epochs=epochs, enable_checkpointing=True)
    loaded = torch.load(tmp_path / "step=2.ckpt", weights_only=True)
    assert loaded["lighter"]["train"]["sums"][""][1] == 8
    assert set(loaded["lighter"]["train"]["metrics"]) == {"MulticlassAccuracy", "MulticlassAUROC"}


def test_a_user_hook_without_super_keeps_resuming(make_system, make_trainer, epochs, tmp_path):
    class Mine(System):
        def on_save_checkpoint(self, checkpoint):
            checkpoint["mine"] = 1

        def on_fit_start(self): ...

    system = make_system()
    system.__class__ = Mine
    checkpoint = ModelCheckpoint(tmp_path, save_top_k=-1, every_n_train_steps=2, filename="{step}")
    make_trainer(callbacks=[checkpoint], enable_checkpointing=True).fit(system)
    loaded = torch.load(tmp_path / "step=2.ckpt", weights_only=True)
    assert loaded["mine"] == 1
    assert "lighter" in loaded


def test_weights_alone_hold_nothing_of_the_run(make_system, make_trainer, epochs, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path, save_weights_only=True, filename="weights")
    make_trainer(callbacks=[checkpoint], enable_checkpointing=True).fit(make_system())
    assert "lighter" not in torch.load(tmp_path / "weights.ckpt", weights_only=True)


@pytest.mark.parametrize(
    ("options", "has_plateau"),
    [
        pytest.param({}, False, id="validation at epoch ends"),
        pytest.param({"check_val_every_n_epoch": 2, "max_epochs": 3}, False, id="validation every second epoch"),
        pytest.param({"val_check_interval": 3}, False, id="validation in the middle of epochs"),
        pytest.param({"limit_val_batches": 0}, False, id="no validation"),
        pytest.param({"accumulate_grad_batches": 4}, False, id="accumulation"),
        pytest.param({}, True, id="a schedule that monitors validation"),
        pytest.param({"max_epochs": -1, "max_steps": 10}, True, id="the same, and steps are counted, not epochs"),
        pytest.param({"max_epochs": -1, "max_steps": 12}, False, id="as many steps as two epochs have"),
        pytest.param(
            {"max_epochs": -1, "max_steps": 9, "val_check_interval": 3}, False, id="steps that end with a validation"
        ),
    ],
)
def test_resume_from_any_checkpoint_leaves_nothing_out(make_system, make_trainer, rows, tmp_path, options, has_plateau):
    """After an epoch's last batch, Lightning left out the validation, the epoch's values and the schedule's step."""

    def fit(logger, *callbacks, ckpt_path=None):
        torch.manual_seed(0 if ckpt_path is None else 123)
        system = make_system(ResumableDataLoader, has_plateau=has_plateau)
        trainer = make_trainer(
            **{"max_epochs": 2, **options},
            logger=logger,
            callbacks=list(callbacks),
            enable_checkpointing=bool(callbacks),
        )
        trainer.fit(system, ckpt_path=ckpt_path, weights_only=True)
        return system.network.state_dict()

    saved = SaveInValidation(tmp_path)
    whole = fit(rows, saved)
    expected = [(step, pytest.approx(row, rel=1e-12)) for step, row in rows.rows]
    num_resumed = []
    for file in sorted(tmp_path.glob("*.ckpt")):
        resumed_rows = type(rows)()
        weights = fit(resumed_rows, ckpt_path=file)
        rest = resumed_rows.rows
        assert rest == expected[len(expected) - len(rest) :], file.name
        assert len(rest) >= len(expected) - saved.num_rows[file.name], file.name
        torch.testing.assert_close(weights, whole, rtol=0, atol=0, msg=file.name)
        num_resumed.append(len(rest))
    assert len(num_resumed) > 5
    assert max(num_resumed) > 0.7 * len(expected)


class Fails(Callback):
    """Raises before a batch's step, while a batch is loaded, or as after a SIGTERM in a validation."""

    def __init__(self, step=-1, loaded=-1, validated=-1):
        self.step, self.loaded, self.validated = step, loaded, validated
        self.num_loaded = self.num_validated = 0

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if trainer.global_step == self.step:
            raise ValueError("here")

    def on_validation_batch_end(self, trainer, *args):
        if not trainer.sanity_checking:
            self.num_validated += 1
            if self.num_validated == self.validated:
                os.kill(os.getpid(), signal.SIGTERM)

    def collate(self, samples):
        self.num_loaded += 1
        if self.num_loaded == self.loaded:
            raise ValueError("here")
        return default_collate(samples)


@pytest.mark.parametrize(
    ("fails", "num_repeated_rows"),
    [
        ({"step": 3}, 0),
        ({"step": 5}, 0),
        ({"step": 8}, 0),
        ({"loaded": 5}, 0),
        ({"loaded": 4}, 0),
        ({"validated": 2}, 2),
        ({"validated": 7}, 1),
    ],
    ids=str,
)
def test_a_checkpoint_of_an_exception_repeats_its_batch(
    make_system, make_trainer, rows, tmp_path, fails, num_repeated_rows
):
    """The batch whose step an exception ended was skipped, and rows moved by one on the x axis.

    After a SIGTERM in a validation, the rest of this validation was skipped.
    """

    def fit(logger, *callbacks, ckpt_path=None, collate_fn=default_collate):
        torch.manual_seed(0 if ckpt_path is None else 123)
        system = make_system(partial(ResumableDataLoader, collate_fn=collate_fn))
        trainer = make_trainer(
            logger=logger, callbacks=list(callbacks), val_check_interval=3, enable_checkpointing=True
        )
        trainer.fit(system, ckpt_path=ckpt_path, weights_only=True)
        return system.network.state_dict()

    whole = fit(rows, ModelCheckpoint(tmp_path / "whole"))
    failing = Fails(**fails)
    first, second = type(rows)(), type(rows)()
    save = ModelCheckpoint(tmp_path / "first", filename="saved", save_on_exception=True, every_n_epochs=100)
    with pytest.raises((ValueError, SystemExit)):
        fit(first, save, failing, collate_fn=failing.collate)
    weights = fit(second, ModelCheckpoint(tmp_path / "second"), ckpt_path=tmp_path / "first" / "saved.ckpt")
    told = first.rows[: len(first.rows) - num_repeated_rows] + second.rows
    assert told == [(step, pytest.approx(row, rel=1e-12)) for step, row in rows.rows]
    torch.testing.assert_close(weights, whole, rtol=0, atol=0)


class FailsOnceInValidation(Callback):
    """Notes the random state before each validation; fails in the first one, and saves in the second."""

    def __init__(self, file):
        self.file = file
        self.before = []

    def on_train_batch_end(self, trainer, *args):
        if trainer.fit_loop.epoch_loop._num_ready_batches_reached():
            self.before.append(torch.get_rng_state())

    def on_validation_batch_end(self, trainer, *args):
        if not trainer.sanity_checking and len(self.before) == 1:
            raise ValueError("here")
        if not trainer.sanity_checking and not self.file.exists():
            trainer.save_checkpoint(self.file)


def test_a_second_fit_forgets_the_validation_that_an_error_ended(make_system, make_trainer, tmp_path):
    fails, system = FailsOnceInValidation(tmp_path / "saved.ckpt"), make_system()
    with pytest.raises(ValueError, match="here"):
        make_trainer(callbacks=[fails]).fit(system)
    system.train()  # the error came in evaluation
    make_trainer(callbacks=[fails]).fit(system)
    saved = torch.load(fails.file, weights_only=True)["lighter"]["random"][0]["torch"]
    assert not torch.equal(fails.before[0], fails.before[1])
    assert torch.equal(saved, fails.before[1])
