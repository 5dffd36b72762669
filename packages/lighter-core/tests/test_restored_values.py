"""What a resumed run takes from its checkpoint, though its config has changed."""

import math

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.demos.boring_classes import BoringModel
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)
from torch.utils.data import DataLoader

from lighter import OptimizerError, System
from lighter.callbacks import ConfiguredValues

pytestmark = pytest.mark.filterwarnings(
    "ignore:Be aware that when using .ckpt_path., callbacks used to create",
    "ignore:.*lr_scheduler.step.*before.*optimizer.step",
)


class Rates(Callback):
    def __init__(self):
        self.rates = []

    def on_train_batch_start(self, trainer, *args):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


@pytest.fixture
def fit(make_network, make_data, make_trainer, tmp_path):
    """Fit for a number of epochs, two at first, and then from the checkpoint; return the rates of the steps."""
    path = tmp_path / "saved.ckpt"

    def fit(epochs=None, *, lr=0.1, schedule=None, interval="epoch", callbacks=(), **options):
        network = make_network()
        optimizer = torch.optim.SGD(network.parameters(), lr=lr, **options)
        scheduler = None if schedule is None else {"scheduler": schedule(optimizer), "interval": interval}
        data = {mode: DataLoader(make_data(8), batch_size=4) for mode in ("train", "val")}
        system = System(network, data, optimizer=optimizer, scheduler=scheduler, criterion=nn.CrossEntropyLoss())
        rates = Rates()
        trainer = make_trainer(max_epochs=epochs or 2, callbacks=[*callbacks, rates])
        trainer.fit(system, ckpt_path=path if epochs else None, weights_only=True)
        trainer.save_checkpoint(path)
        fit.system = system
        return rates.rates

    return fit


def restored(recwarn):
    return [str(warning.message).split(";")[0] for warning in recwarn if "of the checkpoint" in str(warning.message)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"lr": 0.1}, {"lr": 0.5}, ["SGD has lr 0.1 of the checkpoint, not the configured 0.5"]),
        (
            {"weight_decay": 0.1, "momentum": 0.9},
            {"weight_decay": 0.2, "momentum": 0.8},
            [
                "SGD has momentum 0.9 of the checkpoint, not the configured 0.8",
                "SGD has weight_decay 0.1 of the checkpoint, not the configured 0.2",
            ],
        ),
        (
            {"schedule": lambda o: CosineAnnealingLR(o, T_max=2)},
            {"schedule": lambda o: CosineAnnealingLR(o, T_max=6)},
            ["CosineAnnealingLR has T_max 2 of the checkpoint, not the configured 6"],
        ),
        (
            {"schedule": lambda o: CosineAnnealingLR(o, T_max=2)},
            {"schedule": lambda o: CosineAnnealingLR(o, T_max=2), "lr": 0.3},
            ["SGD has lr 0.1 of the checkpoint, not the configured 0.3"],
        ),
        (
            {"schedule": lambda o: OneCycleLR(o, max_lr=1.0, total_steps=10), "momentum": 0.9, "interval": "step"},
            {"schedule": lambda o: OneCycleLR(o, max_lr=1.0, total_steps=20), "momentum": 0.9, "interval": "step"},
            ["OneCycleLR has total_steps 10 of the checkpoint, not the configured 20"],
        ),
        (
            {"schedule": lambda o: ReduceLROnPlateau(o, patience=0, threshold=0.99)},
            {"schedule": lambda o: ReduceLROnPlateau(o, patience=3, threshold=0.99)},
            ["ReduceLROnPlateau has patience 0 of the checkpoint, not the configured 3"],
        ),
        (
            {"callbacks": [EarlyStopping("val/loss/epoch", patience=3)]},
            {"callbacks": [EarlyStopping("val/loss/epoch", patience=9)]},
            ["EarlyStopping has patience 3 of the checkpoint, not the configured 9"],
        ),
        (
            {"schedule": lambda o: SequentialLR(o, [LinearLR(o, 0.5), CosineAnnealingLR(o, 2)], [1])},
            {"schedule": lambda o: SequentialLR(o, [LinearLR(o, 0.5), CosineAnnealingLR(o, 5)], [1])},
            ["CosineAnnealingLR has T_max 2 of the checkpoint, not the configured 5"],
        ),
    ],
)
def test_changed_value_that_the_checkpoint_restores_is_a_warning(fit, before, after, expected, recwarn):
    fit(**before)
    assert restored(recwarn) == []
    fit(4, **after)
    assert restored(recwarn) == expected
    assert [str(value) for value in fit.system.restored_values] == expected


class Tells(Callback):
    """Takes the values, and remembers the step at which it got them."""

    def __init__(self):
        self.told = []

    def on_restored_values(self, trainer, values):
        self.told.append((trainer.global_step, values))


def test_callback_with_the_hook_gets_the_values_and_warns(fit, recwarn):
    tells = Tells()
    fit(lr=0.1, callbacks=[tells])
    assert tells.told == []
    fit(4, lr=0.5, callbacks=[tells])
    assert tells.told == [(4, fit.system.restored_values)]
    assert len(fit.system.restored_values) == 1
    assert restored(recwarn) == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"schedule": lambda o: CosineAnnealingLR(o, T_max=6)},
        {"schedule": lambda o: ReduceLROnPlateau(o, patience=0, threshold=0.99)},
        {"schedule": lambda o: OneCycleLR(o, max_lr=1.0, total_steps=20), "momentum": 0.9, "interval": "step"},
        {"schedule": lambda o: MultiStepLR(o, [1, 3]), "callbacks": [EarlyStopping("val/loss/epoch", patience=99)]},
    ],
)
@pytest.mark.parametrize("configured", [[], [ConfiguredValues()]], ids=["", "configured"])
def test_unchanged_config_resumes_without_a_word(fit, options, configured, recwarn):
    options = {**options, "callbacks": [*options.get("callbacks", []), *configured]}
    first = fit(**options)
    rates = first + fit(4, **options)
    assert restored(recwarn) == []
    if "schedule" in options and not isinstance(fit.system.scheduler["scheduler"], ReduceLROnPlateau):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=options.get("momentum", 0))
        schedule, by_hand = options["schedule"](optimizer), []
        for step in range(8):
            by_hand.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if options.get("interval") == "step" or step % 2:
                schedule.step()
        assert rates == pytest.approx(by_hand)


@pytest.mark.filterwarnings("ignore:SGD has lr 0.1 of the checkpoint")
def test_restored_value_is_that_of_a_run_resumed_twice(fit):
    fit(lr=0.1)
    fit(3, lr=0.5)
    assert fit(4, lr=0.5) == [0.1] * 2
    (value,) = fit.system.restored_values
    assert (value.owner, value.name, value.configured, value.restored) == ("SGD", "lr", 0.5, 0.1)


def test_value_of_one_of_several_groups_is_named_by_its_number(make_network, make_data, make_trainer, tmp_path):
    def run(rate, **options):
        network = make_network()
        groups = [{"params": [network.weight]}, {"params": [network.bias], "lr": rate}]
        optimizer = torch.optim.SGD(groups, lr=0.1)
        data = {mode: DataLoader(make_data(8), batch_size=4) for mode in ("train", "val")}
        system = System(network, data, optimizer=optimizer, criterion=nn.CrossEntropyLoss())
        trainer = make_trainer(max_epochs=3 if options else 2)
        trainer.fit(system, weights_only=True, **options)
        trainer.save_checkpoint(tmp_path / "saved.ckpt")
        return system.restored_values

    assert run(0.2) == ()
    with pytest.warns(UserWarning, match="SGD has lr of group 1 0.2 of the checkpoint"):
        (value,) = run(0.3, ckpt_path=tmp_path / "saved.ckpt")
    assert (value.group, value.name, value.configured) == (1, "lr", 0.3)


def without_configured_values(path):
    """Write a checkpoint as earlier versions did."""
    checkpoint = torch.load(path, weights_only=True)
    del checkpoint["lighter"]["configured"]
    torch.save(checkpoint, path)


def test_checkpoint_of_an_earlier_version_is_compared_from_then_on(fit, tmp_path, recwarn):
    fit(schedule=lambda o: CosineAnnealingLR(o, T_max=8))
    without_configured_values(tmp_path / "saved.ckpt")
    fit(3, schedule=lambda o: CosineAnnealingLR(o, T_max=8))
    assert restored(recwarn) == []
    fit(4, schedule=lambda o: CosineAnnealingLR(o, T_max=6))
    assert restored(recwarn) == ["CosineAnnealingLR has T_max 8 of the checkpoint, not the configured 6"]


def test_callback_wins_over_a_checkpoint_of_an_earlier_version(fit, tmp_path):
    fit(schedule=lambda o: CosineAnnealingLR(o, T_max=2))
    without_configured_values(tmp_path / "saved.ckpt")
    rates = fit(6, schedule=lambda o: CosineAnnealingLR(o, T_max=6), callbacks=[ConfiguredValues()])
    by_hand = [0.05 * (1 + math.cos(math.pi * epoch / 6)) for epoch in range(2, 6) for _ in range(2)]
    assert rates == pytest.approx(by_hand)


def test_callback_needs_a_lighter_module(make_trainer):
    trainer = make_trainer(callbacks=[ConfiguredValues()])
    with pytest.raises(OptimizerError, match="cannot set the values of BoringModel, which is not a LighterModule"):
        trainer.fit(BoringModel())


def test_configured_rate_wins_with_the_callback(fit, recwarn):
    fit(lr=0.1, momentum=0.9)
    assert fit(4, lr=0.5, momentum=0.8, callbacks=[ConfiguredValues()]) == [0.5] * 4
    assert fit.system.optimizer.param_groups[0]["momentum"] == 0.8
    assert all("momentum_buffer" in state for state in fit.system.optimizer.state.values())
    assert fit(5, lr=0.5, momentum=0.8) == [0.5] * 2
    assert restored(recwarn) == []


def test_configured_cosine_continues_at_its_step_with_the_callback(fit):
    fit(schedule=lambda o: CosineAnnealingLR(o, T_max=2))
    rates = fit(6, schedule=lambda o: CosineAnnealingLR(o, T_max=6), callbacks=[ConfiguredValues()])
    by_hand = [0.05 * (1 + math.cos(math.pi * epoch / 6)) for epoch in range(2, 6) for _ in range(2)]
    assert rates == pytest.approx(by_hand)


def test_configured_milestones_and_patience_win_with_the_callback(fit):
    fit(schedule=lambda o: MultiStepLR(o, [10]), callbacks=[EarlyStopping("val/loss/epoch", patience=3)])
    stopping = EarlyStopping("val/loss/epoch", patience=9)
    rates = fit(5, schedule=lambda o: MultiStepLR(o, [3]), callbacks=[stopping, ConfiguredValues()])
    assert rates == pytest.approx([0.1] * 2 + [0.01] * 4)
    assert stopping.patience == 9


def test_configured_cycle_ends_at_its_step_with_the_callback(fit):
    def cycle(steps):
        return lambda optimizer: OneCycleLR(optimizer, max_lr=1.0, total_steps=steps)

    fit(schedule=cycle(4), interval="step", momentum=0.9)
    rates = fit(5, schedule=cycle(10), interval="step", momentum=0.9, callbacks=[ConfiguredValues()])
    assert len(rates) == 6
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    schedule, by_hand = cycle(10)(optimizer), []
    for _ in range(10):
        by_hand.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[1:] == pytest.approx(by_hand[5:])
