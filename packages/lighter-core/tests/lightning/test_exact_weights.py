"""Every checkpoint has the average as ``state_dict``, and the weights of the optimizer beside it."""

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lighter import System
from lighter.lightning.exact_weights import SwappedWeights
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

DECAY = 0.8


class Notes(Callback):
    """Keeps the weights and their average after each step, the average being calculated here."""

    def __init__(self):
        self.weight = self.average = None

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.weight = pl_module.network.weight.detach().clone()
        self.average = self.weight if self.average is None else DECAY * self.average + (1 - DECAY) * self.weight

    def assert_are_those_of(self, checkpoint):
        torch.testing.assert_close(checkpoint["state_dict"]["network.weight"], self.average)
        torch.testing.assert_close(checkpoint["current_model_state"]["network.weight"], self.weight, rtol=0, atol=0)
        assert not torch.equal(self.average, self.weight)


class Fails(Callback):
    """Raises an error in one hook of the validation of epoch 1."""

    def __init__(self, hook, error):
        self.error = error
        setattr(self, hook, self.fail)

    def fail(self, trainer, *args):
        if trainer.current_epoch == 1 and not trainer.sanity_checking:
            raise self.error


@pytest.fixture
def make_system(make_data):
    def make(make_optimizer=torch.optim.Adam, dtype=None):
        torch.manual_seed(0)
        network = nn.Linear(4, 3, dtype=dtype)
        return System(
            network,
            {
                "train": ResumableDataLoader(make_data(22), batch_size=4, shuffle=True),
                "val": DataLoader(make_data(9, seed=3), batch_size=4),
            },
            optimizer=make_optimizer(network.parameters(), lr=0.1),
            criterion=nn.CrossEntropyLoss(),
        )

    return make


@pytest.fixture
def fit(make_system, make_trainer):
    """Fit for three epochs in double precision; return the trainer."""

    def fit_with(*callbacks, averaging=None, system=None, ckpt_path=None, **options):
        callbacks = [averaging or EMAWeightAveraging(decay=DECAY), *callbacks]
        has_checkpoints = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
        defaults = {"max_epochs": 3, "precision": "64-true", "num_sanity_val_steps": 2}
        trainer = make_trainer(callbacks=callbacks, enable_checkpointing=has_checkpoints, **{**defaults, **options})
        system = system or make_system()
        torch.manual_seed(5)
        trainer.fit(system, ckpt_path=ckpt_path)
        return trainer

    return fit_with


def saving(folder, **options):
    return ModelCheckpoint(folder, filename="saved", save_top_k=0, save_on_exception=True, **options)


def saved(folder):
    (file,) = folder.glob("*.ckpt")
    return file, torch.load(file, weights_only=True)


HOOKS = [
    "on_validation_start",
    "on_validation_epoch_start",
    "on_validation_batch_start",
    "on_validation_batch_end",
    "on_validation_epoch_end",
    "on_validation_end",
]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_checkpoint_of_a_failed_validation_is_exact(fit, make_system, tmp_path, hook):
    system, notes = make_system(), Notes()
    with pytest.raises(OSError, match="disk"):
        fit(notes, Fails(hook, OSError("disk")), saving(tmp_path), system=system)
    file, checkpoint = saved(tmp_path)
    notes.assert_are_those_of(checkpoint)
    assert torch.equal(system.network.weight, notes.weight)

    resumed = fit(saving(tmp_path), ckpt_path=str(file)).lightning_module
    assert_same_weights(resumed, fit().lightning_module)


def assert_same_weights(resumed, uninterrupted):
    for name, value in uninterrupted.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def test_a_checkpoint_after_an_interrupt_is_exact(fit, tmp_path):
    notes = Notes()
    with pytest.raises(SystemExit):
        fit(notes, Fails("on_validation_batch_end", KeyboardInterrupt()), saving(tmp_path))
    notes.assert_are_those_of(saved(tmp_path)[1])


@pytest.mark.parametrize("hook", HOOKS)
def test_a_checkpoint_saved_inside_a_validation_is_exact(fit, tmp_path, hook):
    """As a handler of SIGTERM saves it."""
    notes = Notes()

    class Saves(Fails):
        def fail(self, trainer, *args):
            if trainer.current_epoch == 1 and not trainer.sanity_checking:
                trainer.save_checkpoint(tmp_path / "saved.ckpt")
                notes.assert_are_those_of(torch.load(tmp_path / "saved.ckpt", weights_only=True))

    uninterrupted = fit(notes, Saves(hook, None)).lightning_module
    assert_same_weights(fit(ckpt_path=str(saved(tmp_path)[0])).lightning_module, uninterrupted)


def test_a_callback_saves_exactly_before_the_average_in_the_list(fit, make_trainer, make_system, tmp_path):
    notes, averaging = Notes(), EMAWeightAveraging(decay=DECAY)
    trainer = make_trainer(callbacks=[saving(tmp_path)], enable_checkpointing=True, precision="64-true")
    trainer.callbacks += [averaging, notes, Fails("on_validation_batch_end", OSError("disk"))]
    with pytest.raises(OSError, match="disk"):
        trainer.fit(make_system())
    notes.assert_are_those_of(saved(tmp_path)[1])


def test_validation_after_a_failed_one_has_the_average_again(fit, make_system):
    system, notes, averaging = make_system(), Notes(), EMAWeightAveraging(decay=DECAY)
    failing = Fails("on_validation_batch_end", OSError("disk"))
    with pytest.raises(OSError, match="disk"):
        fit(notes, failing, averaging=averaging, system=system)
    seen = []

    class Sees(Callback):
        def on_validation_batch_end(self, trainer, pl_module, *args):
            seen.append(pl_module.network.weight.detach().clone())

    trainer = system.trainer
    trainer.callbacks.remove(failing)
    trainer.callbacks.append(Sees())
    trainer.validate(system, verbose=False)
    torch.testing.assert_close(seen[0], notes.average)
    assert torch.equal(system.network.weight, notes.weight)
    assert sum(isinstance(callback, SwappedWeights) for callback in trainer.callbacks) == 1


def test_an_average_that_is_not_swapped_is_saved_as_it_is(fit, tmp_path):
    class Unswapped(EMAWeightAveraging):
        def on_validation_epoch_start(self, trainer, pl_module): ...

        def on_validation_epoch_end(self, trainer, pl_module): ...

    notes = Notes()
    with pytest.raises(OSError, match="disk"):
        fit(
            notes, Fails("on_validation_batch_end", OSError("disk")), saving(tmp_path), averaging=Unswapped(decay=DECAY)
        )
    notes.assert_are_those_of(saved(tmp_path)[1])


def test_weights_and_average_stay_in_double_precision(fit, make_system, tmp_path):
    """As those of a network that has been made in double precision."""
    as_double = make_system()
    as_double.double()
    expected = fit(system=as_double, precision="32-true").lightning_module
    callback = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    assert_same_weights(fit(callback).lightning_module, expected)
    checkpoint = torch.load(tmp_path / "epoch=1.ckpt", weights_only=True)
    for key in ("state_dict", "current_model_state"):
        weight = checkpoint[key]["network.weight"]
        assert weight.dtype is torch.float64
        assert not torch.equal(weight, weight.float().double())
    resumed = fit(callback, ckpt_path=str(tmp_path / "epoch=1.ckpt")).lightning_module
    assert_same_weights(resumed, expected)


def test_a_resumed_fit_in_double_precision_equals_an_uninterrupted_one(make_trainer, make_system, tmp_path):
    def fit(**options):
        callback = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1, enable_version_counter=False)
        trainer = make_trainer(max_epochs=3, precision="64-true", callbacks=[callback], enable_checkpointing=True)
        trainer.fit(make_system(), **options)
        return trainer.lightning_module

    uninterrupted = fit()
    assert_same_weights(fit(ckpt_path=str(tmp_path / "epoch=0.ckpt")), uninterrupted)
