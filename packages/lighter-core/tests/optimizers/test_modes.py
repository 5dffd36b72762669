import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lighter import System
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")


class Averaging(torch.optim.Optimizer):
    """Gradient descent on weights that are replaced by their mean for evaluation; it notes its switches."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr, "is_training": False, "num_steps": 0})
        self.switches = []

    @torch.no_grad()
    def step(self, closure=None):
        assert all(group["is_training"] for group in self.param_groups)
        with torch.enable_grad():
            loss = closure() if closure is not None else None
        for group in self.param_groups:
            group["num_steps"] += 1
            for parameter in group["params"]:
                state = self.state[parameter]
                parameter -= group["lr"] * parameter.grad
                state.setdefault("other", torch.zeros_like(parameter)).lerp_(parameter, 1 / group["num_steps"])
        return loss

    def train(self):
        self._switch(True)

    def eval(self):
        self._switch(False)

    @torch.no_grad()
    def _switch(self, to_training):
        self.switches.append("train" if to_training else "eval")
        for group in self.param_groups:
            if group["is_training"] != to_training:
                for parameter in group["params"]:
                    if "other" in self.state[parameter]:
                        other = self.state[parameter]["other"]
                        kept = parameter.clone()
                        parameter.copy_(other)
                        other.copy_(kept)
            group["is_training"] = to_training


def schedule_free(name):
    def make(params, lr):
        schedulefree = pytest.importorskip("schedulefree", reason="schedulefree is not installed")
        return getattr(schedulefree, name)(params, lr=lr, warmup_steps=3, weight_decay=0.1)

    return make


OPTIMIZERS = [
    pytest.param(Averaging, id="averaging"),
    pytest.param(schedule_free("AdamWScheduleFree"), id="AdamWScheduleFree"),
    pytest.param(schedule_free("SGDScheduleFree"), id="SGDScheduleFree"),
]
with_each_optimizer = pytest.mark.parametrize("make_optimizer", OPTIMIZERS)


@pytest.fixture
def make_system(make_network, make_data):
    def make(make_optimizer):
        network = make_network()
        loader = ResumableDataLoader(make_data(12), batch_size=4)
        loaders = {"train": loader, "val": loader, "test": loader}
        optimizer = make_optimizer(network.parameters(), lr=0.2)
        return System(network, loaders, optimizer=optimizer, criterion=nn.CrossEntropyLoss())

    return make


def by_hand(make_network, make_data, make_optimizer, num_epochs):
    """Return the validation loss of each epoch, and the weights for evaluation after the last."""
    network, criterion = make_network(), nn.CrossEntropyLoss()
    loader = DataLoader(make_data(12), batch_size=4)
    optimizer = make_optimizer(network.parameters(), lr=0.2)
    losses = []
    for _ in range(num_epochs):
        optimizer.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            criterion(network(inputs), targets).backward()
            optimizer.step()
        optimizer.eval()
        with torch.no_grad():
            losses.append(sum(criterion(network(x), y).item() * len(y) for x, y in loader) / 12)
    return losses, [parameter.detach().clone() for parameter in network.parameters()]


def assert_same(parameters, expected, *, is_exact=False):
    tolerance = 0 if is_exact else 1e-12
    for ours, theirs in zip(parameters, expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=tolerance, atol=tolerance)


@with_each_optimizer
def test_training_and_validation_are_those_of_a_loop_by_hand(
    make_system, make_trainer, make_network, make_data, epochs, make_optimizer
):
    system = make_system(make_optimizer)
    make_trainer(max_epochs=3, callbacks=[epochs], num_sanity_val_steps=1).fit(system)
    losses, weights = by_hand(make_network, make_data, make_optimizer, 3)
    assert [values["val/loss/epoch"] for values in epochs.val] == pytest.approx(losses, rel=1e-12)
    assert_same(system.network.parameters(), weights)
    system.optimizer.eval()  # has been called
    assert_same(system.network.parameters(), weights)


@with_each_optimizer
@pytest.mark.parametrize("saving", [{"every_n_train_steps": 2}, {"every_n_epochs": 1, "save_on_train_epoch_end": True}])
def test_a_checkpoint_has_the_weights_for_evaluation(
    make_system, make_trainer, make_network, make_data, tmp_path, make_optimizer, saving
):
    callback = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, **saving)
    make_trainer(max_epochs=2, callbacks=[callback], enable_checkpointing=True).fit(make_system(make_optimizer))
    network, loader = make_network(), DataLoader(make_data(12), batch_size=4)
    optimizer, step = make_optimizer(network.parameters(), lr=0.2), 0
    saved = {int(file.stem.removeprefix("step=")): torch.load(file) for file in tmp_path.glob("*.ckpt")}
    assert sorted(saved) == ([2, 4, 6] if "every_n_train_steps" in saving else [3, 6])
    for _ in range(2):
        for inputs, targets in loader:
            optimizer.train()
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(network(inputs), targets).backward()
            optimizer.step()
            step += 1
            optimizer.eval()
            if step in saved:
                assert_same(saved[step]["state_dict"].values(), network.parameters())


@with_each_optimizer
@pytest.mark.parametrize(
    ("saving", "name"),
    [
        ({"every_n_train_steps": 2}, "step=2"),
        ({"every_n_epochs": 1, "save_on_train_epoch_end": True}, "step=3"),
        ({"monitor": "val/loss/epoch"}, "step=3"),
    ],
)
def test_a_resumed_fit_equals_an_uninterrupted_one(make_system, make_trainer, tmp_path, make_optimizer, saving, name):
    def fit(system, **options):
        callback = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, enable_version_counter=False, **saving)
        make_trainer(max_epochs=3, callbacks=[callback], enable_checkpointing=True).fit(system, **options)
        return system.network.parameters()

    uninterrupted = fit(make_system(make_optimizer))
    resumed = fit(make_system(make_optimizer), ckpt_path=str(tmp_path / f"{name}.ckpt"))
    assert_same(resumed, uninterrupted, is_exact=True)


@with_each_optimizer
def test_a_fit_with_averaged_weights_resumes_inside_an_epoch(make_system, make_trainer, tmp_path, make_optimizer):
    def fit(**options):
        callback = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, every_n_train_steps=2)
        trainer = make_trainer(
            max_epochs=3, callbacks=[EMAWeightAveraging(decay=0.8), callback], enable_checkpointing=True
        )
        trainer.fit(make_system(make_optimizer), **options)
        return trainer.lightning_module.network.parameters()

    uninterrupted = fit()
    assert_same(fit(ckpt_path=str(tmp_path / "step=2.ckpt")), uninterrupted)


def test_switches_are_where_they_must_be(make_system, make_trainer, tmp_path):
    system = make_system(Averaging)
    switches = system.optimizer.switches

    class Marks(Callback):
        def on_sanity_check_end(self, trainer, pl_module):
            switches.append("sanity check")

        def on_validation_epoch_start(self, trainer, pl_module):
            switches.append("validation")

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            switches.append("step")
            if batch_idx == 1:
                trainer.save_checkpoint(tmp_path / "saved.ckpt", weights_only=True)

    trainer = make_trainer(max_epochs=1, callbacks=[Marks()], num_sanity_val_steps=1)
    trainer.fit(system)
    saved = ["eval", "train"]
    expected = ["validation", "sanity check", "train", "step", "step", *saved, "step", "eval", "validation", "train"]
    assert switches == [*expected, "eval"]
    trainer.test(system, verbose=False)
    trainer.save_checkpoint(tmp_path / "saved.ckpt")
    trainer.fit_loop.max_epochs = 2
    trainer.fit(system)
    assert switches[len(expected) + 1 :][:4] == ["validation", "sanity check", "train", "step"]
    assert sum(type(callback).__name__ == "OptimizerModes" for callback in trainer.callbacks) == 1


def test_an_exception_leaves_the_weights_for_evaluation(make_system, make_trainer):
    class Failing(Callback):
        def on_train_batch_end(self, *args):
            raise KeyError

    system = make_system(Averaging)
    with pytest.raises(KeyError):
        make_trainer(callbacks=[Failing()]).fit(system)
    assert system.optimizer.switches == ["train", "eval"]
