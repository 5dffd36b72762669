"""Every callback of the installed Lightning does in a System what it does in plain Lightning, also after a resume.

The list is what the package holds: a class that a new release brings fails until somebody looks at it. The weights at
the end are equal. So are logged values with their steps, the files, and the states of the callbacks.
"""

import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning.callbacks
import torch
from lightning_fabric.utilities.spike import TrainingSpikeException
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import (
    BackboneFinetuning,
    BaseFinetuning,
    BasePredictionWriter,
    BatchSizeFinder,
    DeviceStatsMonitor,
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LambdaCallback,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelPruning,
    ModelSummary,
    OnExceptionCheckpoint,
    RichModelSummary,
    RichProgressBar,
    SpikeDetection,
    StochasticWeightAveraging,
    ThroughputMonitor,
    Timer,
    TQDMProgressBar,
    WeightAveraging,
)
from torch import nn
from torch.optim.lr_scheduler import StepLR

from lighter import OptimizerError, System

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of folders that are not empty, and of groups that are not new
]


def classes_of_lightning() -> dict[str, type[Callback]]:
    package = pytorch_lightning.callbacks
    modules = [
        importlib.import_module(one.name)
        for one in pkgutil.walk_packages(package.__path__, "pytorch_lightning.callbacks.")
    ]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Callback) and not name.startswith("_")
    }


CLASSES = classes_of_lightning()

ABSTRACT = {"BaseFinetuning", "BasePredictionWriter", "Callback", "Checkpoint", "ProgressBar"}
"""Classes that others derive from; those made to be derived from have a row or a test of their own below."""


class UnfreezesLater(BaseFinetuning):
    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.network[0])

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Any) -> None:
        if epoch == 1:
            self.unfreeze_and_add_param_group(pl_module.network[0], optimizer)


class Hooks(LambdaCallback):
    """The hooks in the order in which they ran, as its state."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        names = [name for name in inspect.signature(LambdaCallback.__init__).parameters if name != "self"]
        super().__init__(**{name: self._keeps(name) for name in names})

    def _keeps(self, name: str) -> Callable[..., None]:
        def keep(*args: Any, **kwargs: Any) -> None:
            counts = [arg for arg in args if isinstance(arg, int)]
            self.ran.append(f"{name} {counts}")

        return keep

    def state_dict(self) -> dict[str, Any]:
        return {"ran": [name for name in self.ran if "checkpoint" not in name]}


@dataclass
class Row:
    """One callback, and how it runs.

    Attributes:
        make: Makes it.
        options: Of the trainer.
        can_resume: Whether plain Lightning resumes with it. A finder begins again, SpikeDetection cannot load its own
            state, and no time is left to a Timer that has ended.
        num_epochs: How many epochs the run has.
        package: What it needs to be installed; without that its row is skipped.
    """

    make: Callable[[], Callback]
    options: dict[str, Any] = field(default_factory=dict)
    can_resume: bool = True
    num_epochs: int = 3
    package: str = "torch"


def after_each_validation(**options: Any) -> Row:
    return Row(lambda: ModelCheckpoint("kept", "{epoch}-{step}", monitor="val/loss/epoch", **options))


ROWS = {
    "BaseFinetuning": Row(UnfreezesLater),
    "BatchSizeFinder": Row(lambda: BatchSizeFinder(steps_per_trial=1, init_val=2, max_trials=1), can_resume=False),
    "DeviceStatsMonitor": Row(lambda: DeviceStatsMonitor(cpu_stats=True), package="psutil"),
    "EMAWeightAveraging": Row(lambda: EMAWeightAveraging(decay=0.8)),
    "EarlyStopping": Row(lambda: EarlyStopping("val/loss/epoch", patience=2, min_delta=10.0), num_epochs=6),
    "EarlyStopping of training": Row(lambda: EarlyStopping("train/loss/epoch", patience=1, min_delta=10.0)),
    "GradientAccumulationScheduler": Row(lambda: GradientAccumulationScheduler({1: 2})),
    "LambdaCallback": Row(Hooks),
    "LearningRateFinder": Row(lambda: LearningRateFinder(num_training_steps=8, min_lr=1e-3), can_resume=False),
    "LearningRateMonitor": Row(lambda: LearningRateMonitor(log_momentum=True, log_weight_decay=True)),
    "LearningRateMonitor of steps": Row(lambda: LearningRateMonitor("step")),
    "ModelCheckpoint": after_each_validation(save_top_k=2, save_last=True),
    "ModelCheckpoint of training": Row(lambda: ModelCheckpoint("kept", monitor="train/loss/epoch", mode="max")),
    "ModelCheckpoint of steps": Row(lambda: ModelCheckpoint("kept", save_top_k=-1, every_n_train_steps=3)),
    "ModelPruning": Row(lambda: ModelPruning("l1_unstructured", amount=0.3)),
    "ModelPruning of layers": Row(
        lambda: ModelPruning("l1_unstructured", parameter_names=["weight"], amount=0.5, use_global_unstructured=False)
    ),
    "ModelSummary": Row(lambda: ModelSummary(max_depth=2), {"enable_model_summary": True}),
    "RichModelSummary": Row(lambda: RichModelSummary(max_depth=2), {"enable_model_summary": True}, package="rich"),
    "RichProgressBar": Row(RichProgressBar, {"enable_progress_bar": True}, package="rich"),
    "SpikeDetection": Row(lambda: SpikeDetection(rtol=1e6, exclude_batches_path="spikes.json"), can_resume=False),
    "StochasticWeightAveraging": Row(lambda: StochasticWeightAveraging(0.05, swa_epoch_start=1, annealing_epochs=1)),
    "TQDMProgressBar": Row(TQDMProgressBar, {"enable_progress_bar": True}),
    "ThroughputMonitor": Row(lambda: ThroughputMonitor(lambda batch: len(batch[0]), window_size=2)),
    "Timer": Row(lambda: Timer({"days": 1})),
    "Timer that ends": Row(lambda: Timer({"seconds": 0}), can_resume=False),
    "WeightAveraging": Row(WeightAveraging),
}
"""Rows of the sweep; what follows `of` or `that` is another use of the same class."""

WITH_TESTS_OF_THEIR_OWN = {"BackboneFinetuning", "OnExceptionCheckpoint"}

IS_MEASURED = re.compile(r"DeviceStatsMonitor.*|.*_per_sec|.*/time")
"""Names of values that are times, or loads of the machine."""


def test_every_class_of_the_package_is_known() -> None:
    rows = {name.partition(" ")[0] for name in ROWS}
    assert rows | WITH_TESTS_OF_THEIR_OWN | ABSTRACT == set(CLASSES)
    for name, row in ROWS.items():
        if importlib.util.find_spec(row.package) is None:
            continue
        assert isinstance(row.make(), CLASSES[name.partition(" ")[0]]), name


def configure(network: nn.Module) -> Any:
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    return optimizer, StepLR(optimizer, 1, gamma=0.5)


def check_same(actual: Any, expected: Any, place: str) -> None:
    """Compare states; losses may differ in their last digits, as Lightning sums them in 32 bits."""
    if isinstance(expected, Mapping):
        assert list(actual) == list(expected), place
        for key in expected:
            check_same(actual[key], expected[key], f"{place} {key}")
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected), place
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            check_same(one, other, f"{place} {index}")
    elif isinstance(expected, torch.Tensor | float):
        one, other = torch.as_tensor(actual, dtype=torch.float64), torch.as_tensor(expected, dtype=torch.float64)
        torch.testing.assert_close(one, other, rtol=1e-5, atol=0, msg=place)
    else:
        assert actual == expected, place


def without_folder(state: Any, folder: str) -> Any:
    """Return a state without what differs in each run: its folder, and the times of a Timer."""
    if isinstance(state, dict):
        state = {key: value for key, value in state.items() if key != "time_elapsed"}
        return {without_folder(key, folder): without_folder(value, folder) for key, value in state.items()}
    return state.replace(folder, "") if isinstance(state, str) else state


class Outcome:
    """What one run leaves.

    Attributes:
        weights: Of the network.
        logged: The values of each name, with their steps.
        files: What it wrote.
        state: Of the callback.
    """

    def __init__(self, train: Any, rows: Any, folder: Path, kind: Any, name: str, ckpt_path: Path | None) -> None:
        row, logger = ROWS[name], type(rows)()
        callback = row.make()
        saves = ModelCheckpoint("saved", "{epoch}", save_top_k=-1, save_on_train_epoch_end=True, every_n_epochs=1)
        trainer = train(
            kind,
            configure,
            is_random=False,
            ckpt_path=ckpt_path,
            callbacks=[callback, saves],
            logger=logger,
            enable_checkpointing=True,
            **{"max_epochs": row.num_epochs, **row.options},
        )
        self.weights = trainer.lightning_module.network.state_dict()
        self.logged: dict[str, list[tuple[int, float]]] = {}
        for step, values in logger.rows:
            for key, value in values.items():
                number = 0.0 if IS_MEASURED.fullmatch(key) else value
                self.logged.setdefault(key, []).append((step, number))
        self.files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        self.state = without_folder(callback.state_dict(), str(folder))
        self.num_steps = trainer.global_step


def check_outcome(system: Outcome, plain: Outcome, *, whole: Outcome) -> None:
    """Compare a run with that of plain Lightning.

    In a resumed run, `System` writes the row of the epoch that ended with the checkpoint, and continues the x axis of
    validation. Lightning does neither.
    """
    torch.testing.assert_close(system.weights, plain.weights, rtol=0, atol=0)
    assert system.num_steps == plain.num_steps
    assert system.files == plain.files
    check_same(system.state, plain.state, "state of the callback")
    own = {key for key in system.logged if key.startswith("train/optimizer/")}
    assert set(system.logged) - own == set(plain.logged)
    for key in set(plain.logged) - {"epoch"}:
        values = [value for _, value in plain.logged[key]]
        check_same([value for _, value in system.logged[key]][-len(values) :], values, key)
        steps = [[step for step, _ in run.logged[key]][-len(values) :] for run in (system, plain, whole)]
        assert steps[0] in steps[1:], key


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_callback_does_what_it_does_in_lightning(train, rows, tmp_path, monkeypatch, name):
    pytest.importorskip(ROWS[name].package, reason=f"{ROWS[name].package} is not installed: {name} needs it")
    outcomes: dict[tuple[str, str], Outcome] = {}
    for kind in ("plain", "system"):
        for part in ("whole", "resumed") if ROWS[name].can_resume else ("whole",):
            folder = tmp_path / kind
            folder.mkdir(exist_ok=True)
            monkeypatch.chdir(folder)
            ckpt_path = folder / "saved" / "epoch=0.ckpt" if part == "resumed" else None
            outcomes[kind, part] = Outcome(train, rows, folder, kind, name, ckpt_path)
    for _, part in [key for key in outcomes if key[0] == "plain"]:
        check_outcome(outcomes["system", part], outcomes["plain", part], whole=outcomes["plain", "whole"])


@pytest.mark.parametrize("name", ["BatchSizeFinder", "LearningRateFinder"])
def test_a_finder_is_refused_in_a_resumed_fit_with_the_reason(train, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    saves = ModelCheckpoint("saved", "{epoch}", save_on_train_epoch_end=True)
    options = {"is_random": False, "max_epochs": 2, "enable_checkpointing": True}
    train("system", configure, callbacks=[saves, ROWS[name].make()], **options)
    options |= {"ckpt_path": "saved/epoch=1.ckpt", "max_epochs": 3}
    with pytest.raises(OptimizerError, match=f"{name} cannot run in a resumed fit: training would begin again"):
        train("system", configure, callbacks=[ROWS[name].make()], **options)
    assert train("system", configure, **options).global_step > 8


def test_backbone_finetuning_needs_a_backbone_and_says_so(train):
    with pytest.raises(AttributeError, match="'System' object has no attribute 'backbone'"):
        train("system", configure, callbacks=[BackboneFinetuning(1)])


def with_backbone(base):
    """Derive a module whose backbone is the first layer."""

    class WithBackbone(base):
        @property
        def backbone(self):
            return self.network[0]

        def configure_optimizers(self):
            optimizer, _ = configure(self.network[1:])
            return optimizer

    return WithBackbone


def test_backbone_finetuning_of_a_subclass_is_that_of_lightning(train, parts, tmp_path):
    """Such a class names the part that waits, and gives the optimizer the rest."""

    def make_system(configure, *, is_random):
        network = parts.make_network(is_random=is_random)
        return with_backbone(System)(network, parts.make_loaders(is_random=is_random), criterion=nn.CrossEntropyLoss())

    outcomes = {}
    for kind, make in (("plain", with_backbone(parts.Plain)), ("system", make_system)):
        saves = ModelCheckpoint(tmp_path / kind, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
        options = {"is_random": False, "enable_checkpointing": True}
        train(make, configure, callbacks=[BackboneFinetuning(1), saves], **options)
        for epoch in (0, 1):
            path = tmp_path / kind / f"epoch={epoch}.ckpt"
            trainer = train(make, configure, callbacks=[BackboneFinetuning(1)], ckpt_path=path, is_random=False)
            outcomes[kind, epoch] = trainer.lightning_module.network.state_dict()
    for epoch in (0, 1):
        torch.testing.assert_close(outcomes["system", epoch], outcomes["plain", epoch], rtol=0, atol=0)
    assert not torch.equal(outcomes["system", 0]["0.weight"], parts.make_network(is_random=False)[0].weight)


class Fails(Callback):
    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1 and batch_idx == 2:
            raise KeyError("of this test")


def test_a_checkpoint_on_an_exception_continues_where_the_run_failed(train, tmp_path):
    """Plain Lightning leaves out the batch that failed."""
    expected = train("plain", configure).lightning_module.network.state_dict()
    with pytest.raises(KeyError, match="of this test"):
        train("system", configure, callbacks=[OnExceptionCheckpoint(tmp_path), Fails()], enable_checkpointing=True)
    resumed = train("system", configure, ckpt_path=tmp_path / "on_exception.ckpt")
    torch.testing.assert_close(resumed.lightning_module.network.state_dict(), expected, rtol=0, atol=0)


def test_a_spike_ends_both_runs_at_the_same_batch(train, tmp_path):
    files = []
    for kind in ("plain", "system"):
        file = tmp_path / f"{kind}.json"
        with pytest.raises(TrainingSpikeException) as raised:
            train(kind, configure, callbacks=[SpikeDetection(rtol=1e-9, exclude_batches_path=file)])
        files.append((file.read_text(), str(raised.value)))
    assert files[0] == files[1]


class KeepsPredictions(BasePredictionWriter):
    def __init__(self):
        super().__init__("batch_and_epoch")
        self.kept = []

    def write_on_batch_end(self, trainer, pl_module, prediction, batch_indices, *args):
        self.kept.append((as_pred(prediction), batch_indices))

    def write_on_epoch_end(self, trainer, pl_module, predictions, batch_indices):
        self.kept.append(([as_pred(one) for one in predictions], batch_indices))


def as_pred(prediction):
    return (prediction["pred"] if isinstance(prediction, dict) else prediction).tolist()


def test_a_prediction_writer_gets_what_it_gets_in_lightning(make_trainer, parts):
    class Predicts(parts.Plain):
        def predict_step(self, batch, batch_idx):
            return self.network(batch[0])

    loader = parts.make_loaders(is_random=False)["val"]
    plain, system = KeepsPredictions(), KeepsPredictions()
    make_trainer(callbacks=[plain]).predict(Predicts(configure), loader)
    network = parts.make_network(is_random=True)
    make_trainer(callbacks=[system]).predict(System(network, {"predict": loader}))
    assert system.kept == plain.kept
    assert len(plain.kept) == 3
