"""Small libraries with the names and signatures that experiments use, so that torch need not be installed."""
# ruff: noqa: E501  # signatures as they are in those libraries

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lighter_config.checks import check
from lighter_config.findings import Finding
from lighter_config.loading import load
from lighter_config.signatures import SignatureReader
from lighter_config.sources.words import parse_sources
from lighter_config.stages import Stage

LIBRARIES = {
    "torch/__init__.py": "def tensor(data, *, dtype=None): ...\ndef manual_seed(seed): ...",
    "torch/nn/__init__.py": "from torch.nn.modules import *\nfrom torch.nn import functional, init",
    "torch/nn/functional.py": "def relu(input, inplace=False): ...",
    "torch/nn/init.py": "",
    "torch/nn/modules/__init__.py": """
        from .module import Module
        from .linear import Linear, Identity, Sequential
        from .loss import CrossEntropyLoss, MSELoss
        __all__ = ["Module", "Linear", "Identity", "Sequential", "CrossEntropyLoss", "MSELoss"]
        """,
    "torch/nn/modules/module.py": "class Module:\n    def __init__(self, *args, **kwargs) -> None: ...",
    "torch/nn/modules/linear.py": """
        from .module import Module
        class Identity(Module): ...
        class Linear(Module):
            def __init__(self, in_features: int, out_features: int, bias: bool = True, device=None, dtype=None) -> None: ...
        class Sequential(Module):
            def __init__(self, *args): ...
        """,
    "torch/nn/modules/loss.py": """
        from .module import Module
        class CrossEntropyLoss(Module):
            def __init__(self, weight=None, ignore_index: int = -100, reduction: str = "mean") -> None: ...
        class MSELoss(Module):
            def __init__(self, reduction: str = "mean") -> None: ...
        """,
    "torch/optim/__init__.py": "from .adamw import AdamW\nfrom .sgd import SGD\nfrom . import lr_scheduler",
    "torch/optim/adamw.py": """
        class AdamW:
            def __init__(self, params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                         weight_decay: float = 1e-2, *, fused: bool | None = None) -> None: ...
        """,
    "torch/optim/sgd.py": """
        class SGD:
            def __init__(self, params, lr: float = 1e-3, momentum: float = 0, nesterov: bool = False) -> None: ...
        """,
    "torch/optim/lr_scheduler.py": """
        class CosineAnnealingLR:
            def __init__(self, optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None: ...
        class ReduceLROnPlateau:
            def __init__(self, optimizer, mode="min", factor=0.1, patience=10) -> None: ...
        """,
    "torch/utils/__init__.py": "",
    "torch/utils/data/__init__.py": """
        class DataLoader:
            def __init__(self, dataset, batch_size: int | None = 1, shuffle: bool | None = None, num_workers: int = 0,
                         collate_fn=None, drop_last: bool = False) -> None: ...
        class TensorDataset:
            def __init__(self, *tensors) -> None: ...
        """,
    "pytorch_lightning/__init__.py": """
        from pytorch_lightning import callbacks, loggers
        from pytorch_lightning.trainer import Trainer
        from pytorch_lightning.module import LightningModule, LightningDataModule
        """,
    "pytorch_lightning/module.py": """
        class LightningModule:
            def __init__(self, *args, **kwargs): ...
            def configure_optimizers(self): ...
            def train_dataloader(self): ...
            def val_dataloader(self): ...
            def test_dataloader(self): ...
            def predict_dataloader(self): ...
        class LightningDataModule:
            def __init__(self): ...
        """,
    "pytorch_lightning/trainer/__init__.py": "from .trainer import Trainer",
    "pytorch_lightning/trainer/trainer.py": """
        from functools import wraps
        from typing import Literal, Optional, Union
        from collections.abc import Iterable
        _PRECISION = Literal["16-mixed", "32-true", 16, 32]
        def _defaults(fn):
            @wraps(fn)
            def insert(self, *args, **kwargs):
                return fn(self, *args, **kwargs)
            return insert
        class Trainer:
            @_defaults
            def __init__(self, *, accelerator: Union[str, object] = "auto", devices: Union[list[int], str, int] = "auto",
                         precision: Optional[_PRECISION] = None, logger: Optional[Union[object, Iterable, bool]] = None,
                         callbacks: Optional[Union[list, object]] = None, fast_dev_run: Union[int, bool] = False,
                         max_epochs: Optional[int] = None, min_epochs: Optional[int] = None,
                         log_every_n_steps: Optional[int] = None, gradient_clip_val: Optional[Union[int, float]] = None,
                         limit_val_batches: Optional[Union[int, float]] = None,
                         check_val_every_n_epoch: Optional[int] = 1,
                         val_check_interval: Optional[Union[int, float]] = None, default_root_dir: Optional[str] = None,
                         strategy: str = "auto") -> None: ...
            def fit(self, model, train_dataloaders=None, val_dataloaders=None, datamodule=None, ckpt_path: Optional[str] = None): ...
            def validate(self, model=None, dataloaders=None, ckpt_path: Optional[str] = None, verbose: bool = True, datamodule=None): ...
            def test(self, model=None, dataloaders=None, ckpt_path: Optional[str] = None, verbose: bool = True, datamodule=None): ...
            def predict(self, model=None, dataloaders=None, datamodule=None, return_predictions: Optional[bool] = None,
                        ckpt_path: Optional[str] = None): ...
        """,
    "pytorch_lightning/callbacks/__init__.py": """
        class Callback: ...
        class ModelCheckpoint(Callback):
            def __init__(self, dirpath=None, filename: str | None = None, monitor: str | None = None, verbose: bool = False,
                         save_last: bool | None = None, save_top_k: int = 1, mode: str = "min",
                         auto_insert_metric_name: bool = True, every_n_train_steps: int | None = None,
                         save_on_train_epoch_end: bool | None = None): ...
        class EarlyStopping(Callback):
            mode_dict = {"min": min, "max": max}
            def __init__(self, monitor: str, min_delta: float = 0.0, patience: int = 3, verbose: bool = False, mode: str = "min",
                         strict: bool = True, check_on_train_epoch_end: bool | None = None):
                self.mode = mode
                if self.mode not in self.mode_dict:
                    raise ValueError(mode)
        class LearningRateMonitor(Callback):
            def __init__(self, logging_interval=None): ...
        """,
    "pytorch_lightning/loggers/__init__.py": """
        class CSVLogger:
            def __init__(self, save_dir, name: str | None = "lightning_logs", version=None): ...
        class MLFlowLogger:
            def __init__(self, experiment_name: str = "lightning_logs", run_name=None, tracking_uri=None): ...
        """,
    "torchmetrics/__init__.py": """
        from .metric import Metric
        from .accuracy import Accuracy, MulticlassAccuracy
        class MetricCollection:
            def __init__(self, metrics, *additional_metrics, prefix=None, postfix=None, compute_groups=True): ...
        class MeanSquaredError(Metric):
            higher_is_better: bool = False
            def __init__(self, squared: bool = True, num_outputs: int = 1, **kwargs): ...
        """,
    "torchmetrics/metric.py": "class Metric:\n    higher_is_better = None\n    def __init__(self, **kwargs): ...",
    "torchmetrics/accuracy.py": """
        from typing import Any, Literal, Optional
        from .metric import Metric
        class MulticlassAccuracy(Metric):
            higher_is_better: bool = True
            def __init__(self, num_classes: Optional[int] = None, top_k: int = 1, **kwargs: Any) -> None: ...
        class Accuracy(Metric):
            def __new__(cls, task: Literal["binary", "multiclass", "multilabel"], threshold: float = 0.5,
                        num_classes: Optional[int] = None, **kwargs: Any): ...
        """,
    "lighter/__init__.py": """
        from lighter.datamodule import LighterDataModule
        from lighter.module import LighterModule
        from lighter.system import System
        """,
    "lighter/choosing.py": """
        from typing import Literal
        class Choosing:
            def __init__(self, kind: Literal["a", "b"] = "a"): ...
        """,
    "lighter/module.py": """
        from pytorch_lightning import LightningModule
        class LighterModule(LightningModule):
            def __init__(self, network, criterion=None, optimizer=None, scheduler=None, train_metrics=None, val_metrics=None,
                         test_metrics=None): ...
            def configure_optimizers(self): ...
        """,
    "lighter/system.py": """
        from lighter.module import LighterModule
        class System(LighterModule):
            def __init__(self, model, dataloaders=None, optimizer=None, scheduler=None, criterion=None, metrics=None,
                         adapters=None, inferer=None): ...
        """,
    "lighter/datamodule.py": """
        from pytorch_lightning import LightningDataModule
        class LighterDataModule(LightningDataModule):
            def __init__(self, train_dataloader=None, val_dataloader=None, test_dataloader=None, predict_dataloader=None): ...
        """,
    "lighter/callbacks/__init__.py": """
        class Freezer:
            def __init__(self, names=None, name_starts_with=None, modules=None, until_step=None, until_epoch=None): ...
        class FileWriter:
            def __init__(self, directory, value_key="pred", format="tensor", name_key=None, modes=("predict",)): ...
        class CsvWriter:
            def __init__(self, path, keys, modes=("predict",)): ...
        """,
    "lighter/optimizers.py": """
        def groups(network, groups=None, *, no_weight_decay=None, lr: float | None = None, layer_decay: float | None = None,
                   layers=None): ...
        class CombinedOptimizer:
            def __init__(self, network, optimizers, *, no_weight_decay=None, alternate=None) -> None: ...
        """,
    "lighter/adapters.py": """
        class BatchAdapter:
            def __init__(self, input_accessor, target_accessor=None, identifier_accessor=None): ...
        """,
    "typed.py": """
        from typing import Literal, Optional
        from torch import nn
        from torch.nn import Module
        class Holder:
            def __init__(self, network: nn.Module, teacher: Module | None = None, student: Optional[nn.Module] = None,
                         either: nn.Module | list = (), anything=None): ...
        class Choosing:
            def __init__(self, optimizer: Optimizer | None = None, kind: Literal["a", "b"] = "a"): ...
        class Optimizer: ...
        class Maker:
            def __new__(cls): ...
        def make(): ...
        """,
    "torchvision/__init__.py": "",
    "torchvision/models.py": "def resnet18(*, weights=None, progress: bool = True, **kwargs): ...",
    "torchvision/datasets.py": "class CIFAR10:\n    def __init__(self, root, train=True, transform=None): ...",
    "torchvision/transforms.py": "class ToTensor: ...",
    "my_project/__init__.py": "",
    "my_project/models.py": "class MyCustomModel:\n    def __init__(self, arg1): ...",
    "my_project/datasets.py": "class MyDataset:\n    def __init__(self, data_path): ...",
    "my_project/callbacks.py": """
        from pytorch_lightning.callbacks import ModelCheckpoint
        class MyCustomCallback:
            def __init__(self, arg): ...
        class EveryEpoch(ModelCheckpoint): ...
        """,
    "my_code/project_files/__init__.py": "from lighter import LighterModule\nclass MyModel(LighterModule): ...",
    "my_code/project_files/data.py": "class Folds:\n    def __init__(self, fold: int): ...",
    "my_code/project_files/nets.py": """
        from lighter import LighterModule
        from torch import nn
        class Net(nn.Module):
            def __init__(self, width: int, depth: int = 2): ...
        class Module(LighterModule):
            def training_step(self, batch, batch_idx):
                return {"loss": 0}
        """,
    "my_code/project_files/loud.py": """
        from lighter import LighterModule
        class Logging(LighterModule):
            def training_step(self, batch, batch_idx):
                self.log("my_own", 1)
        class Loud:
            def on_train_epoch_end(self, trainer, pl_module):
                pl_module.log("loud", 1)
        """,
}

SYSTEM_YAML = """\
project: my_code/project_files
vars:
  batch_size: 32
  num_classes: 10
numbers:
  _target_: torch.utils.data.TensorDataset
  _args_: ["$torch.tensor([1, 2, 3])"]
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 10
  devices: 1
  logger:
    _target_: pytorch_lightning.loggers.CSVLogger
    save_dir: logs
  callbacks:
    - _target_: pytorch_lightning.callbacks.ModelCheckpoint
      monitor: val/metrics/Accuracy/epoch
      mode: max
    - _target_: pytorch_lightning.callbacks.EarlyStopping
      monitor: val/loss/epoch
      patience: 5
system:
  _target_: lighter.System
  model:
    _target_: project.nets.Net
    width: 64
  criterion:
    _target_: torch.nn.CrossEntropyLoss
  optimizer:
    _target_: torch.optim.AdamW
    params: "$@system::model.parameters()"
    lr: 1e-3
    betas: [0.9, 0.99]
  scheduler:
    _target_: torch.optim.lr_scheduler.CosineAnnealingLR
    optimizer: "@system::optimizer"
    T_max: 10
  metrics:
    train:
      Accuracy: {_target_: torchmetrics.Accuracy, task: multiclass, num_classes: "%vars::num_classes"}
    val: "%::train"
    test: "%::train"
  dataloaders:
    train:
      _target_: torch.utils.data.DataLoader
      dataset: "@numbers"
      batch_size: "%vars::batch_size"
      shuffle: true
    val:
      _target_: torch.utils.data.DataLoader
      dataset: "@numbers"
    test: "%::val"
    predict: "%::val"
"""

MODULE_YAML = """\
project: my_code/project_files
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 10
  callbacks:
    - _target_: pytorch_lightning.callbacks.EarlyStopping
      monitor: val/loss/epoch
model:
  _target_: project.nets.Module
  network:
    _target_: torch.nn.Linear
    in_features: 4
    out_features: 2
  criterion:
    _target_: torch.nn.CrossEntropyLoss
  optimizer:
    _target_: torch.optim.SGD
    params: "$@model::network.parameters()"
    lr: 0.1
  val_metrics:
    _target_: torchmetrics.MulticlassAccuracy
    num_classes: 2
data:
  _target_: lighter.LighterDataModule
  train_dataloader:
    _target_: torch.utils.data.DataLoader
    dataset: {_target_: torch.utils.data.TensorDataset, _args_: [[1, 2]]}
    batch_size: 2
  val_dataloader: "%::train_dataloader"
  test_dataloader: "%::train_dataloader"
"""

Checked = Callable[..., list[Finding]]


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the libraries above, made once."""
    folder = tmp_path_factory.mktemp("libraries")
    for name, text in LIBRARIES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip())
    return folder


@pytest.fixture
def reader(libraries: Path, tmp_path: Path) -> SignatureReader:
    """A reader that knows the libraries and the user's project, and keeps nothing."""
    project = libraries / "my_code" / "project_files"
    return SignatureReader(search_path=[libraries], project=project, cache_folder=None)


@pytest.fixture
def checked(reader: SignatureReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """Write files, load them with words as commands do, and check them."""

    def run(*words: Any, stage: Stage | None = None, **files: str) -> list[Finding]:
        monkeypatch.chdir(tmp_path)
        for name, text in files.items():
            Path(f"{name}.yaml").write_text(text)
        return check(
            load(parse_sources([*(f"{name}.yaml" for name in files), *words], from_command_line=True)),
            stage,
            reader=reader,
        )

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the score of the table of mistakes."""
    reports = {
        outcome: [one for one in terminalreporter.getreports(outcome) if "test_mistake_is_found" in one.nodeid]
        for outcome in ("passed", "failed")
    }
    lines = [value for one in reports["passed"] for name, value in one.user_properties if name == "mistake"]
    if lines:
        terminalreporter.write_line(
            f"mistakes: {len(reports['passed'])} of {sum(map(len, reports.values()))} found at the right place with the "
            f"right name, before anything is imported or built; the longest finding has {max(lines)} lines"
        )


@pytest.fixture
def system_yaml() -> str:
    """An experiment in the `system` layout, without a mistake."""
    return SYSTEM_YAML


@pytest.fixture
def module_yaml() -> str:
    """An experiment in the `model` and `data` layout, without a mistake."""
    return MODULE_YAML
