"""Every schedule of the installed torch takes its steps in a System as in plain Lightning, also after a resume.

The list is what the package holds: a class that a new release brings fails until somebody looks at it. Rates at each
step and the weights at the end are equal, not close.
"""

import inspect

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.optim import lr_scheduler, swa_utils
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import SWALR

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:A `OneCycleLR` scheduler is using 'interval'. 'epoch'",
        "ignore:The epoch parameter in `scheduler.step.. was not necessary",  # SequentialLR's own call
        "ignore:Be aware that when using .ckpt_path., callbacks used to create",  # the resumed runs save nothing
        "ignore:You're resuming from a checkpoint that ended before the epoch ended",
    ),
]

CLASSES = {
    name: value
    for module in (lr_scheduler, swa_utils)
    for name, value in vars(module).items()
    if inspect.isclass(value) and issubclass(value, LRScheduler) and not name.startswith("_")
}

ABSTRACT = {"LRScheduler"}


def falling(count):
    return 1 / (1 + count)


MAKES = {
    "ChainedScheduler": lambda o: ChainedScheduler([ConstantLR(o, 0.5, 2), ExponentialLR(o, 0.9)]),
    "ConstantLR": lambda o: ConstantLR(o, 0.5, 2),
    "CosineAnnealingLR": lambda o: CosineAnnealingLR(o, 5),
    "CosineAnnealingWarmRestarts": lambda o: CosineAnnealingWarmRestarts(o, 2, 2),
    "CyclicLR": lambda o: CyclicLR(o, 0.01, [0.1, 0.2], 2),
    "ExponentialLR": lambda o: ExponentialLR(o, 0.8),
    "LambdaLR": lambda o: LambdaLR(o, [falling, falling]),
    "LinearLR": lambda o: LinearLR(o, 0.1, total_iters=3),
    "MultiplicativeLR": lambda o: MultiplicativeLR(o, falling),
    "MultiStepLR": lambda o: MultiStepLR(o, [1, 5]),
    "OneCycleLR": lambda o: OneCycleLR(o, [0.1, 0.2], total_steps=20),
    "PolynomialLR": lambda o: PolynomialLR(o, 4, 2.0),
    "ReduceLROnPlateau": lambda o: ReduceLROnPlateau(o, patience=0, threshold=0.5),
    "SWALR": lambda o: SWALR(o, 0.01, 3),
    "SequentialLR": lambda o: SequentialLR(o, [LinearLR(o, 0.1, total_iters=2), StepLR(o, 2)], [2]),
    "StepLR": lambda o: StepLR(o, 2),
}
"""One of each class, of an optimizer with two groups."""


def configure(name, settings):
    def run(network):
        parameters = dict(network.named_parameters())
        groups = [
            {"params": [value for key, value in parameters.items() if key.endswith("weight")], "lr": 0.1},
            {"params": [value for key, value in parameters.items() if key.endswith("bias")], "lr": 0.2},
        ]
        optimizer = torch.optim.SGD(groups, momentum=0.9)
        return optimizer, {"scheduler": MAKES[name](optimizer), **settings}

    return run


class Rates(Callback):
    """Keeps the rates and momenta with which each step is taken."""

    def __init__(self):
        self.seen = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        groups = optimizer.param_groups
        self.seen.append([(group["lr"], group["momentum"]) for group in groups])


def test_every_class_of_the_package_is_known():
    assert set(MAKES) | ABSTRACT == set(CLASSES)
    for name, make in MAKES.items():
        optimizer = torch.optim.SGD([{"params": [torch.ones(1)]}, {"params": [torch.ones(1)]}], lr=0.1, momentum=0.9)
        assert type(make(optimizer)) is CLASSES[name]


SETTINGS = {
    "each epoch": {"interval": "epoch"},
    "each step": {"interval": "step"},
    "every third step": {"interval": "step", "frequency": 3},
}


@pytest.mark.parametrize("interval", SETTINGS)
@pytest.mark.parametrize("name", sorted(MAKES))
def test_rates_and_weights_are_those_of_lightning(train, tmp_path, name, interval):
    settings, options = SETTINGS[interval], {}
    if name == "ReduceLROnPlateau":  # validated as often as it looks for a value
        settings = {**settings, "monitor": "val/loss/epoch"}
        options = {} if interval == "each epoch" else {"val_check_interval": settings.get("frequency", 1)}
    plain, whole = Rates(), Rates()
    save = ModelCheckpoint(tmp_path, "{step}", save_top_k=-1, every_n_train_steps=1, save_on_train_epoch_end=False)
    make = configure(name, settings)
    expected = train("plain", make, callbacks=[plain], **options).lightning_module.network.state_dict()
    trained = train("system", make, callbacks=[whole, save], enable_checkpointing=True, **options)
    assert whole.seen == plain.seen
    assert len({str(rates) for rates in plain.seen}) > 1, "the schedule changes nothing"
    torch.testing.assert_close(trained.lightning_module.network.state_dict(), expected, rtol=0, atol=0)
    for step in (2, 4, 7):  # inside the first epoch, at its end, and inside the second
        rest = Rates()
        resumed = train("system", make, callbacks=[rest], ckpt_path=tmp_path / f"step={step}.ckpt", **options)
        assert rest.seen == plain.seen[step:], step
        torch.testing.assert_close(resumed.lightning_module.network.state_dict(), expected, rtol=0, atol=0)
