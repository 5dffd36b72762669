"""What `check` says of monitors is what happens in a run: each error fails, each warning is a value of another time."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning import Callback, LightningModule, Trainer

from lighter_cli import load_experiment
from lighter_cli.running.build import Experiment, build
from lighter_config import Config, Severity, Stage, prune

pytestmark = pytest.mark.slow

CALLBACK = "=trainer::callbacks::0={{_target_: pytorch_lightning.callbacks.{}, monitor: {}, {}}}"
PLATEAU = (
    '=system::scheduler={{scheduler: {{_target_: torch.optim.lr_scheduler.ReduceLROnPlateau, optimizer: "@system::'
    'optimizer", patience: 0, threshold: 1000.0}}, monitor: {}, {}}}'
)
EVERY_OTHER_EPOCH = "trainer::check_val_every_n_epoch=2"
IN_THE_MIDDLE = "trainer::val_check_interval=0.5"


class Seen(Callback):
    """Keeps the values of validations."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.values.append(float(trainer.callback_metrics["val/loss/epoch"]))


def stops(monitor: str, options: str = "patience: 9") -> str:
    return CALLBACK.format("EarlyStopping", monitor, options)


def saves(monitor: str, options: str = "save_top_k: -1") -> str:
    return CALLBACK.format("ModelCheckpoint", monitor, f"dirpath: saved, {options}")


def plateau(monitor: str, options: str = "frequency: 1") -> str:
    return PLATEAU.format(monitor, options)


def say(config: Config) -> list[Severity]:
    findings = load_experiment(dict(config.tree)).check("fit")
    assert {finding.check for finding in findings} <= {"monitors"}
    return [finding.severity for finding in findings]


def fit(config: Config, *callbacks: Callback) -> Experiment:
    built = build(prune(config, Stage.FIT))
    built.trainer.callbacks[:0] = callbacks  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        built.trainer.fit(built.model)
    return built


@pytest.fixture
def load_four_epochs(system_config: str) -> Any:
    return lambda *words: load_experiment(system_config, "trainer::max_epochs=4", *words).config


@pytest.mark.parametrize(
    "words",
    [
        (stops("val/loss/epoch"), "trainer::limit_val_batches=0"),
        (stops("val/loss/epoch", "check_on_train_epoch_end: true"), EVERY_OTHER_EPOCH),
        (stops("train/loss/epoch"), IN_THE_MIDDLE),
        (stops("train/loss/epoch", "check_on_train_epoch_end: false"),),
        (saves("train/loss/epoch"), IN_THE_MIDDLE),
        (saves("train/loss/epoch", "save_on_train_epoch_end: false"),),
        (plateau("val/loss/epoch"), "trainer::limit_val_batches=0", "~trainer::callbacks"),
        (plateau("train/loss/epoch", "interval: step"),),
        (plateau("val/loss/epoch", "interval: step"), "trainer::val_check_interval=2"),
    ],
)
def test_an_error_fails(load_four_epochs: Any, words: tuple[str, ...]) -> None:
    config = load_four_epochs(*words)
    assert say(config) == [Severity.ERROR]
    with pytest.raises(Exception, match=r"not available|could not find the monitored key"):
        fit(config)


@pytest.mark.parametrize(
    ("words", "num_looks"),
    [
        ((stops("val/loss/epoch"), EVERY_OTHER_EPOCH), None),
        ((stops("val/loss/epoch"), IN_THE_MIDDLE), None),
        ((stops("train/loss/epoch", "check_on_train_epoch_end: true"), EVERY_OTHER_EPOCH), None),
        ((saves("val/loss/epoch"), EVERY_OTHER_EPOCH), 2),
        ((saves("val/loss/epoch"), IN_THE_MIDDLE), 12),
        ((saves("train/loss/epoch", "save_top_k: -1, save_on_train_epoch_end: true"), IN_THE_MIDDLE), 4),
        ((plateau("val/loss/epoch"), EVERY_OTHER_EPOCH), 2),
        ((plateau("val/loss/epoch", "frequency: 3"), EVERY_OTHER_EPOCH), 1),
        ((plateau("val/loss/epoch", "interval: step, frequency: 2"), "trainer::val_check_interval=2"), 4),
    ],
)
def test_what_check_does_not_mention_looks_at_new_values(
    load_four_epochs: Any, words: tuple[str, ...], num_looks: int | None
) -> None:
    config = load_four_epochs(*words)
    assert say(config) == []
    built = fit(config)
    callback: Any = built.trainer.callbacks[0]  # type: ignore[attr-defined]
    if "ReduceLROnPlateau" in words[0]:
        assert built.trainer.lr_scheduler_configs[0].scheduler.last_epoch == num_looks  # type: ignore[union-attr]
    elif "ModelCheckpoint" in words[0]:
        values = [float(value) for value in callback.best_k_models.values()]
        assert len(set(values)) == len(values) == num_looks
    else:
        assert callback.best_score.isfinite()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((saves("val/loss/epoch", "save_top_k: -1, save_on_train_epoch_end: true"), EVERY_OTHER_EPOCH), [0, 0, 1]),
        ((saves("val/loss/epoch", "save_top_k: -1, every_n_train_steps: 2"),), [0, 0, 1, 2, 2]),
    ],
)
def test_a_warning_is_a_value_of_another_time(
    load_four_epochs: Any, words: tuple[str, ...], expected: list[int]
) -> None:
    """The value of a checkpoint is that of an earlier validation; those before the first one are not saved."""
    config = load_four_epochs(*words, "trainer::num_sanity_val_steps=0")
    assert say(config) == [Severity.WARNING]
    seen = Seen()
    checkpoint: Any = fit(config, seen).trainer.checkpoint_callback
    saved = [seen.values.index(float(value)) for value in checkpoint.best_k_models.values()]
    assert saved == expected


@pytest.mark.parametrize(
    ("filename", "files"),
    [
        ("{epoch}-{val/loss/epoch:.0f}", {"epoch=0-val/loss/epoch=1.ckpt", "epoch=1-val/loss/epoch=1.ckpt"}),
        ("{epoch}-{val_los:.1f}", {"epoch=0-val_los=0.0.ckpt", "epoch=1-val_los=0.0.ckpt"}),
    ],
)
def test_the_name_of_a_checkpoint_with_values(system_config: str, filename: str, files: set[str]) -> None:
    word = f'=trainer::callbacks::0={{_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: saved, monitor: val/loss/epoch, save_top_k: -1, filename: "{filename}"}}'  # noqa: E501
    config = load_experiment(system_config, word).config
    (finding,) = load_experiment(dict(config.tree)).check("fit")
    assert finding.check == "checkpoint_names"
    fit(config)
    assert {str(file.relative_to("saved")) for file in Path("saved").rglob("*.ckpt")} == files


def test_the_name_that_check_advises_makes_no_folders(system_config: str) -> None:
    name = "{epoch}-{val/metrics/Accuracy/epoch:.0f}-loss={val/loss/epoch:.0f}"
    word = f"trainer::callbacks::0::filename='{name}'"
    (finding,) = load_experiment(system_config, word).check()
    advised = "epoch={epoch}-val_Accuracy={val/metrics/Accuracy/epoch:.0f}-loss={val/loss/epoch:.0f}"
    assert finding.fix == f'write filename: "{advised}", auto_insert_metric_name: false'
    words = [f"trainer::callbacks::0::filename={advised!r}", "trainer::callbacks::0::auto_insert_metric_name=false"]
    config = load_experiment(system_config, *words, "=trainer::callbacks::0::dirpath=saved").config
    assert load_experiment(dict(config.tree)).check() == []
    fit(config)
    assert [file.parent for file in Path("saved").rglob("epoch*.ckpt")] == [Path("saved")] * 2
