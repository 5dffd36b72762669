import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import BatchSizeFinder, EarlyStopping, LearningRateFinder
from pytorch_lightning.tuner import Tuner
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader

from lighter import LighterModule, MonitorError, OptimizerError, System
from lighter.callbacks import ConfiguredValues


@pytest.fixture
def loader(make_data):
    return DataLoader(make_data(10), batch_size=4)


@pytest.fixture
def make_system(make_network, loader):
    def make(make_scheduler=None, *, loaders=None, lr=0.1, **options):
        network = make_network()
        optimizer = torch.optim.SGD(network.parameters(), lr=lr)
        scheduler = make_scheduler(optimizer) if make_scheduler else None
        loaders = loaders or {"train": loader, "val": loader}
        return System(
            network, loaders, optimizer=optimizer, scheduler=scheduler, criterion=nn.CrossEntropyLoss(), **options
        )

    return make


def never_better(optimizer):
    return ReduceLROnPlateau(optimizer, patience=0, threshold=1e9, factor=0.5)


@pytest.mark.parametrize(
    ("loaders", "options", "rates"),
    [
        (["train", "val"], {}, [0.1, 0.05, 0.025, 0.0125]),
        (["train"], {}, [0.1, 0.05, 0.025, 0.0125]),
        (["train", "two vals"], {}, [0.1, 0.05, 0.025, 0.0125]),
        (["train", "val"], {"check_val_every_n_epoch": 2}, [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*no `val_dataloader`")
def test_plateau_without_a_monitor_follows_the_loss(make_system, make_trainer, epochs, loader, loaders, options, rates):
    given = {"train": loader, "val": [loader, loader] if "two vals" in loaders else loader}
    given = {name: given[name] for name in given if name == "train" or len(loaders) > 1}
    make_trainer(max_epochs=len(rates), callbacks=[epochs], **options).fit(make_system(never_better, loaders=given))
    assert [values["train/optimizer/SGD/lr"] for values in epochs.train] == pytest.approx(rates)


before_the_first_value = pytest.mark.filterwarnings(
    "ignore:ReduceLROnPlateau conditioned on metric .* not available but strict"
)


class Plateau(ReduceLROnPlateau):
    """Keeps the values that it counts, also in checkpoints."""

    def __init__(self, optimizer):
        super().__init__(optimizer)
        self.seen = []

    def step(self, metrics, epoch=None):
        self.seen.append(float(metrics))
        super().step(metrics, epoch)


VALIDATED_EVERY_FIVE_BATCHES = {"check_val_every_n_epoch": None, "val_check_interval": 5}


@pytest.mark.parametrize(
    ("monitor", "options", "counted"),
    [  # six epochs of three batches
        ({}, {}, "val:123456"),
        ({"frequency": 2}, {}, "val:246"),
        ({"monitor": "val/loss/epoch"}, {"check_val_every_n_epoch": 2}, "val:123"),
        ({"monitor": "val/loss/epoch", "frequency": 1}, {"check_val_every_n_epoch": 2}, "val:123"),
        ({"monitor": "val/loss/epoch", "frequency": 3}, {"check_val_every_n_epoch": 2}, "val:13"),
        ({}, VALIDATED_EVERY_FIVE_BATCHES, "val:123"),
        ({"monitor": "val/loss/epoch"}, VALIDATED_EVERY_FIVE_BATCHES, "val:123"),
        ({"monitor": "val/loss/epoch", "interval": "step", "strict": False}, {}, "val:123456"),
        ({"monitor": "train/loss/epoch", "interval": "step", "strict": False}, {}, "train:12345"),
        ({"monitor": "my_val", "strict": False}, VALIDATED_EVERY_FIVE_BATCHES, "val:123"),
        ({"monitor": "my_val/dataloader_idx_0", "strict": False}, VALIDATED_EVERY_FIVE_BATCHES, "val:123"),
        ({"monitor": "my_train", "interval": "step", "strict": False}, {}, "train:12345"),
    ],
)
@before_the_first_value
def test_plateau_counts_each_value_once(make_network, make_trainer, epochs, loader, monitor, options, counted):
    class Logs(System):
        def on_train_epoch_end(self):
            self.log("my_train", self.trainer.callback_metrics["train/loss/epoch"])

        def validation_step(self, *args):
            outputs = super().validation_step(*args)
            self.log("my_val", outputs["loss"].double(), batch_size=len(outputs["target"]))
            return outputs

    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    plateau = Plateau(optimizer)
    val = [loader, loader] if "dataloader_idx" in monitor.get("monitor", "") else loader
    system = Logs(
        network, {"train": loader, "val": val}, optimizer, {"scheduler": plateau, **monitor}, nn.CrossEntropyLoss()
    )
    make_trainer(max_epochs=6, callbacks=[epochs], **options).fit(system)
    loop, _, indices = counted.partition(":")
    suffix = "/dataloader_idx_0" if isinstance(val, list) else ""
    values = [values[f"{loop}/loss/epoch{suffix}"] for values in getattr(epochs, loop)]
    assert plateau.seen == pytest.approx([values[int(index) - 1] for index in indices], rel=1e-6)


@pytest.mark.parametrize("ended", [4, 5])
@before_the_first_value
def test_plateau_of_a_resumed_run_counts_each_value_once(make_system, make_trainer, tmp_path, ended):
    """Validation is due in the middle of epochs, and not in each."""
    options = {**VALIDATED_EVERY_FIVE_BATCHES, "max_epochs": 6}
    uninterrupted = make_system(Plateau)
    make_trainer(**options).fit(uninterrupted)
    system = make_system(Plateau)
    trainer = make_trainer(**{**options, "max_epochs": ended})
    trainer.fit(system)
    trainer.save_checkpoint(tmp_path / "ended.ckpt")
    resumed = make_system(Plateau)
    make_trainer(**options).fit(resumed, ckpt_path=tmp_path / "ended.ckpt", weights_only=True)
    assert resumed.scheduler.seen == uninterrupted.scheduler.seen  # a checkpoint has those before it
    assert len(uninterrupted.scheduler.seen) == 3


@before_the_first_value
def test_a_step_of_a_schedule_of_your_own_still_counts_once(make_network, make_trainer, loader):
    class Own(System):
        def lr_scheduler_step(self, scheduler, metric):
            super().lr_scheduler_step(scheduler, metric)

    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    plateau = Plateau(optimizer)
    system = Own(network, {"train": loader, "val": loader}, optimizer, plateau, nn.CrossEntropyLoss())
    make_trainer(max_epochs=6, **VALIDATED_EVERY_FIVE_BATCHES).fit(system)
    assert len(plateau.seen) == 3


def test_lightnings_mapping_steps_the_scheduler_by_batches(make_system, make_trainer, rows):
    system = make_system(lambda optimizer: {"scheduler": StepLR(optimizer, 1, gamma=0.5), "interval": "step"})
    make_trainer(logger=rows).fit(system)
    assert rows.values("train/optimizer/SGD/lr") == [0.1, 0.1 * 0.5**3]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda o: {"scheduler": StepLR(o, 1), "intervall": "step"}, ("intervall", "interval")),
        (lambda o: {"scheduler": StepLR(o, 1), "interval": "batch"}, ("batch", "epoch")),
        (lambda o: {"interval": "step"}, ("NoneType", "LRScheduler")),
        (lambda o: StepLR, ("the class StepLR", "LRScheduler")),
        (lambda o: {"scheduler": never_better(o), "interval": "step"}, ("needs `monitor`", "each step")),
        (lambda o: ReduceLROnPlateau(o, mode="max"), ("mode 'max' needs `monitor`", "it follows the loss")),
        (
            lambda o: StepLR(torch.optim.SGD([torch.ones(1)], lr=1), 1),
            ("is not the one that the StepLR was made with", "one optimizer object"),
        ),
    ],
)
def test_an_unusable_scheduler_is_an_error_at_construction(make_system, make, words):
    with pytest.raises(OptimizerError) as raised:
        make_system(make)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("optimizer", [[1], torch.optim.SGD, "SGD"])
def test_an_invalid_optimizer_is_an_error_at_construction(make_network, optimizer):
    with pytest.raises(OptimizerError, match=r"`optimizer` must be a torch optimizer, got"):
        LighterModule(make_network(), optimizer=optimizer)


def test_a_scheduler_without_an_optimizer_is_an_error(make_network):
    scheduler = StepLR(torch.optim.SGD([torch.ones(1)], lr=1), 1)
    with pytest.raises(OptimizerError, match="`scheduler` needs `optimizer`, which is missing"):
        LighterModule(make_network(), scheduler=scheduler)


def test_fit_without_an_optimizer_is_an_error_that_says_so(make_network, loader, make_trainer):
    system = System(make_network(), {"train": loader, "val": loader}, criterion=nn.CrossEntropyLoss())
    with pytest.raises(OptimizerError, match="`optimizer`, which is missing"):
        make_trainer().fit(system)


@pytest.mark.parametrize("monitor", ["val/loss/step", "train/loss/ce/step", "val/metrics/F1/step/dataloader_idx_1"])
def test_a_monitor_on_a_step_value_names_the_epoch_value(make_system, make_trainer, monitor):
    with pytest.raises(MonitorError) as raised:
        make_trainer(callbacks=[EarlyStopping(monitor)]).fit(make_system())
    assert raised.value.nearest == (monitor.replace("/step", "/epoch"),)


def test_learning_rate_finder_finds_and_sets_a_rate(make_system, make_trainer, make_data, epochs):
    loader = DataLoader(make_data(200), batch_size=4)
    system = make_system(lambda optimizer: CosineAnnealingLR(optimizer, 4), loaders={"train": loader, "val": loader})
    trainer = make_trainer(callbacks=[epochs])
    finder = Tuner(trainer).lr_find(system, min_lr=1e-3, num_training=40, early_stop_threshold=None)
    assert system.learning_rate == finder.suggestion()
    epochs.train.clear()
    trainer.fit(system)
    assert epochs.train[0]["train/optimizer/SGD/lr"] == finder.suggestion()
    assert system.scheduler.base_lrs == [finder.suggestion()]


def test_learning_rate_finder_leaves_a_warm_up_its_start(make_system, make_trainer, epochs):
    system = make_system(lambda optimizer: LinearLR(optimizer, start_factor=0.5, total_iters=1))
    make_trainer(callbacks=[LearningRateFinder(num_training_steps=20), epochs]).fit(system)
    found = system.scheduler.base_lrs[0]
    assert [e["train/optimizer/SGD/lr"] for e in epochs.train[-2:]] == pytest.approx([found / 2, found])


def test_a_module_with_its_own_optimizer_has_its_own_rate(make_network, make_data, make_trainer):
    class Module(LighterModule):
        def __init__(self, network, rate):
            super().__init__(network, nn.CrossEntropyLoss())
            self.learning_rate = rate

        def training_step(self, batch, batch_idx):
            return self.criterion(self(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=self.learning_rate)

    module = Module(make_network(), 0.25)
    trainer = make_trainer(max_epochs=2)
    finder = Tuner(trainer).lr_find(module, DataLoader(make_data(40), batch_size=4), num_training=20)
    assert module.learning_rate == finder.suggestion() != 0.25
    trainer.fit(module, DataLoader(make_data(40), batch_size=4))
    assert trainer.optimizers[0].param_groups[0]["lr"] == module.learning_rate


def test_no_single_rate_for_several_groups_or_one_cycle(make_system, make_network):
    network = make_network()
    groups = [{"params": [parameter]} for parameter in network.parameters()]
    module = LighterModule(network, optimizer=torch.optim.SGD(groups, lr=0.1))
    with pytest.raises(OptimizerError, match="2 parameter groups"):
        _ = module.learning_rate
    with pytest.raises(OptimizerError, match="OneCycleLR sets its own rates"):
        make_system(lambda optimizer: OneCycleLR(optimizer, 0.1, total_steps=10)).learning_rate = 1.0


def test_batch_size_finder_sets_the_loaders_batch_size(make_system, make_trainer):
    system = make_system()
    found = Tuner(make_trainer()).scale_batch_size(system, max_trials=2, init_val=2, steps_per_trial=1)
    assert system.batch_size == found == system.train_dataloader().batch_size
    assert system.train_dataloader().dataset is not None


@pytest.mark.filterwarnings("ignore:.*is smaller than the logging interval", "ignore:Be aware that when using `ckpt")
def test_both_finders_as_callbacks_precede_a_fit(make_system, make_trainer):
    """The second one trains with the checkpoint of the first, before the module knows what it is configured with."""
    system, size = make_system(), BatchSizeFinder(max_trials=2, init_val=2, steps_per_trial=1)
    rate = LearningRateFinder(num_training_steps=20)
    make_trainer(callbacks=[size, rate], enable_checkpointing=True).fit(system)
    assert system.batch_size == size.optimal_batch_size == 4
    assert system.restored_values == ()


def rates_by_timm(scheduler, optimizer, num_epochs, num_batches):
    """The rate of each step, as in timm's own training loop."""
    rates, num_updates = [], 0
    for epoch in range(num_epochs):
        for _ in range(num_batches):
            rates.append(optimizer.param_groups[0]["lr"])
            num_updates += 1
            scheduler.step_update(num_updates)
        scheduler.step(epoch + 1)
    return rates


@pytest.mark.parametrize(
    "options",
    [
        {"t_initial": 4, "warmup_t": 1, "warmup_lr_init": 0.01},
        {"t_initial": 12, "warmup_t": 3, "warmup_lr_init": 0.01, "t_in_epochs": False, "warmup_prefix": True},
        {"t_initial": 4, "noise_range_t": 1},
    ],
)
@pytest.mark.parametrize("name", ["CosineLRScheduler", "TanhLRScheduler", "PolyLRScheduler"])
def test_a_scheduler_of_timm_sets_the_rates_of_its_own_loop(make_system, make_trainer, tmp_path, name, options):
    timm = pytest.importorskip("timm.scheduler", reason="timm is not installed: its schedulers cannot be tried")

    def make(optimizer):
        return getattr(timm, name)(optimizer, **options)

    def fit(num_epochs, **arguments):
        rates = []

        class Rates(Callback):
            def on_train_batch_start(self, trainer, *args):
                rates.append(trainer.optimizers[0].param_groups[0]["lr"])

        trainer = make_trainer(max_epochs=num_epochs, callbacks=[Rates()])
        trainer.fit(make_system(make), **arguments)
        trainer.save_checkpoint(tmp_path / "saved.ckpt")
        return rates

    optimizer = torch.optim.SGD([torch.ones(1)], lr=0.1)
    expected = rates_by_timm(make(optimizer), optimizer, 4, 3)
    assert len(set(expected)) >= 4
    assert fit(4) == expected
    assert fit(2) + fit(4, ckpt_path=tmp_path / "saved.ckpt") == expected


def test_configured_values_win_in_a_scheduler_of_timm(make_system, make_trainer, tmp_path):
    timm = pytest.importorskip("timm.scheduler", reason="timm is not installed: its schedulers cannot be tried")

    def fit(num_epochs, lr, t_initial, **arguments):
        rates = []

        class Rates(Callback):
            def on_train_epoch_start(self, trainer, *args):
                rates.append(trainer.optimizers[0].param_groups[0]["lr"])

        trainer = make_trainer(max_epochs=num_epochs, callbacks=[Rates(), ConfiguredValues()])
        trainer.fit(make_system(lambda one: timm.CosineLRScheduler(one, t_initial), lr=lr), **arguments)
        trainer.save_checkpoint(tmp_path / "saved.ckpt")
        return rates

    expected = fit(5, 0.4, 6)
    fit(2, 0.1, 6)
    assert fit(5, 0.4, 6, ckpt_path=tmp_path / "saved.ckpt") == pytest.approx(expected[2:], rel=1e-14)
    fit(2, 0.1, 3)
    assert fit(5, 0.4, 6, ckpt_path=tmp_path / "saved.ckpt")[1:] == pytest.approx(expected[3:], rel=1e-14)


@pytest.mark.filterwarnings("ignore:PlateauLRScheduler is deprecated:FutureWarning")
def test_a_scheduler_of_timm_is_checked_at_construction(make_system):
    timm = pytest.importorskip("timm.scheduler", reason="timm is not installed: its schedulers cannot be tried")
    with pytest.raises(OptimizerError, match="`interval` must be 'epoch' for this CosineLRScheduler, got 'step'"):
        make_system(lambda optimizer: {"scheduler": timm.CosineLRScheduler(optimizer, 4), "interval": "step"})
    with pytest.raises(OptimizerError, match="PlateauLRScheduler of timm has a state that cannot be resumed"):
        make_system(timm.PlateauLRScheduler)
    system = make_system(lambda optimizer: timm.CosineLRScheduler(optimizer, 4))
    system.learning_rate = 0.5
    assert system.scheduler.base_values == [0.5] == [system.learning_rate]


class Halving:
    """A scheduler without a base class."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def advance(self, step):
        self.optimizer.param_groups[0]["lr"] = 0.1 / 2**step

    def state_dict(self):
        return {}

    def load_state_dict(self, state): ...


def test_a_scheduler_of_another_form_names_the_hook_that_steps_it(make_system, make_trainer, epochs, loader):
    with pytest.raises(OptimizerError, match="`scheduler` must be a torch scheduler, got a Halving") as raised:
        make_system(Halving)
    assert "def lr_scheduler_step(self, scheduler, metric):" in raised.value.fix

    class Own(LighterModule):
        def training_step(self, batch, batch_idx):
            return self.criterion(self(batch[0]), batch[1])

        def configure_optimizers(self):
            return [self.optimizer], [Halving(self.optimizer)]

    network = make_system().network
    own = Own(network, nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=0.1))
    with pytest.raises(OptimizerError, match="must be a torch scheduler, got a Halving"):
        make_trainer().fit(own, loader)

    class Stepping(System):
        def lr_scheduler_step(self, scheduler, metric):
            scheduler.advance(self.trainer.global_step)

    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    schedule = {"scheduler": Halving(optimizer), "interval": "step"}
    loaders, criterion = {"train": loader, "val": loader}, nn.CrossEntropyLoss()
    system = Stepping(network, loaders, optimizer=optimizer, scheduler=schedule, criterion=criterion)
    make_trainer(callbacks=[epochs]).fit(system)
    assert [values["train/optimizer/SGD/lr"] for values in epochs.train] == [0.1, 0.1 / 2**3]
