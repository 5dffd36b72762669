"""The examples of the documents that Lighter grew from, completed to whole experiments, give no error."""

from textwrap import dedent

import pytest

from lighter_config.findings import Finding, Severity
from lighter_config.stages import Stage

EXPERIMENT = """\
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 10
  logger: {_target_: pytorch_lightning.loggers.CSVLogger, save_dir: logs}
  callbacks:
    - {_target_: pytorch_lightning.callbacks.ModelCheckpoint}
    - {_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/loss/epoch}
    - {_target_: pytorch_lightning.callbacks.LearningRateMonitor}
    - {_target_: pytorch_lightning.callbacks.ModelCheckpoint, monitor: train/loss/epoch}
system:
  _target_: lighter.System
  model: {_target_: torchvision.models.resnet18, num_classes: 10, pretrained: false}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.AdamW, params: "$@system::model.parameters()", lr: 0.1}
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: {_target_: project.data.Folds, fold: 0}, batch_size: 4}
    val: {_target_: torch.utils.data.DataLoader, dataset: {_target_: project.data.Folds, fold: 1}}
    test: "%::val"
    predict: "%::val"
"""

FILES = {
    "questions: the optimizer": """
        system:
          optimizer:
            _target_: torch.optim.AdamW
            params: "$@system::model.parameters()"
            lr: 0.001
        """,
    "questions: an expression": """
        system:
          optimizer:
            lr: "$0.001 * 2"  # Evaluates to 0.002
        """,
    "questions: callbacks add up": """
        trainer:
          callbacks:
            - _target_: pytorch_lightning.callbacks.EarlyStopping
              monitor: val/loss/epoch
        """,
    "questions: callbacks replaced": """
        trainer:
          =callbacks:
            - _target_: pytorch_lightning.callbacks.EarlyStopping
              monitor: val/loss/epoch
        """,
    "questions: a key deleted": "trainer:\n  ~callbacks: null\n",
    "questions: an item deleted": "trainer:\n  ~callbacks::1: null\n",
    "questions: items deleted": "trainer:\n  ~callbacks: [1, 3]\n",
    "questions: keys deleted": "system:\n  ~dataloaders: [train, test]\n",
    "questions: a nested key deleted": "system:\n  ~model::pretrained: null\n",
    "questions: layers frozen": """
        trainer:
          callbacks:
            - _target_: lighter.callbacks.Freezer
              modules: ["backbone.layer1", "backbone.layer2"]
        """,
    "migration: the example": """
        trainer:
          _target_: pytorch_lightning.Trainer
          max_epochs: 10
        system:
          _target_: lighter.System
          =model:
            _target_: torchvision.models.resnet18
            num_classes: 10
          criterion:
            _target_: torch.nn.CrossEntropyLoss
          optimizer:
            _target_: torch.optim.AdamW
            params: "$@system#model.parameters()"
            lr: 0.001
        """,
    "migration: a model of one's own": """
        system:
          =model:
            _target_: my_project.models.MyCustomModel
            arg1: value1
        """,
    "migration: a dataset of one's own": """
        system:
          dataloaders:
            train:
              _target_: torch.utils.data.DataLoader
              =dataset:
                _target_: my_project.datasets.MyDataset
                data_path: /path/to/data
        """,
    "migration: a callback of one's own": """
        trainer:
          callbacks:
            - _target_: my_project.callbacks.MyCustomCallback
              arg: value
        """,
    "migration: a scheduler": """
        system:
          scheduler:
            _target_: torch.optim.lr_scheduler.ReduceLROnPlateau
            optimizer: "@system#optimizer"
            factor: 0.5
            patience: 10
        """,
    "running: arguments of the stages": """
        args:
            fit:
                ckpt_path: null  # Start from scratch
            validate:
                ckpt_path: "checkpoints/best.ckpt"
            test:
                ckpt_path: "checkpoints/best.ckpt"
            predict:
                ckpt_path: "checkpoints/best.ckpt"
                return_predictions: true
        """,
}

REFERENCE = """\
data:
  _target_: lighter.LighterDataModule
  train_dataloader:
    _target_: torch.utils.data.DataLoader
    batch_size: 32
    shuffle: true
    dataset:
      _target_: torchvision.datasets.CIFAR10
      root: ./data
      train: true
      transform:
        _target_: torchvision.transforms.ToTensor
  val_dataloader:
    _target_: torch.utils.data.DataLoader
    batch_size: 32
    shuffle: false
    dataset:
      _target_: torchvision.datasets.CIFAR10
      root: ./data
      train: false
      transform:
        _target_: torchvision.transforms.ToTensor
model:
  _target_: project.MyModel
  network: {_target_: torchvision.models.resnet18}
  optimizer: {_target_: torch.optim.AdamW, params: "$@model::network.parameters()"}
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 10
"""

WORDS = [
    ("args::test::ckpt_path=best.ckpt",),
    ("args::fit::ckpt_path=last.ckpt",),
    ("args::fit::ckpt_path=checkpoint.ckpt",),
    ("trainer::max_epochs=50",),
    ("system::optimizer::lr=0.001",),
    ("trainer::callbacks::1::patience=10",),
    ("trainer::max_epochs=100", "system::optimizer::lr=0.0001", "trainer::devices=2"),
    ("trainer::devices=2", "trainer::strategy=ddp"),
    ("trainer::fast_dev_run=2",),
    ("trainer::devices=[0,1]",),
    ("trainer::devices=-1",),
    ("trainer::log_every_n_steps=1",),
    ("trainer::logger::name=lr_0.1", "system::optimizer::lr=0.1"),
    ("system::dataloaders::train::dataset::fold=3", "trainer::logger::name=fold_3"),
    ("vars::image_size=128", "trainer::max_epochs=10"),
    ("system::dataloaders::train::batch_size=8",),
    ("trainer::precision=16-mixed",),
    ("system::dataloaders::train::num_workers=8",),
    ("system::model::compile=true",),
    ("trainer::limit_val_batches=0.25",),
    ("trainer::gradient_clip_val=1.0",),
    ("args::predict::ckpt_path=best.ckpt",),
    ("trainer::fast_dev_run=true",),
]


def errors(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings if finding.severity is Severity.ERROR]


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_documents_gives_no_error(checked, name: str) -> None:
    assert errors(checked(base=EXPERIMENT, exp=dedent(FILES[name]))) == []


@pytest.mark.parametrize("words", WORDS, ids="+".join)
def test_words_of_the_documents_give_no_error(checked, words: tuple[str, ...]) -> None:
    sizes = "vars: {image_size: 64}\nshown: '@vars::image_size'\n"
    assert errors(checked(*words, base=EXPERIMENT, sizes=sizes)) == []


@pytest.mark.parametrize("stage", [None, Stage.FIT, Stage.VALIDATE])
def test_the_module_layout_of_the_reference_gives_no_error(checked, stage: Stage | None) -> None:
    assert errors(checked(exp=REFERENCE, stage=stage)) == []


def test_the_one_mistake_of_the_documents_is_found(checked) -> None:
    """`monitor: val_loss` cannot work: the name that is logged is `val/loss/epoch`."""
    text = """
        trainer:
          =callbacks:
            - _target_: pytorch_lightning.callbacks.EarlyStopping
              monitor: val_loss
              patience: 5
            - _target_: my_project.callbacks.MyCustomCallback
              arg: value
        """
    (finding,) = [f for f in checked(base=EXPERIMENT, exp=dedent(text)) if f.severity is Severity.ERROR]
    assert finding.path == "trainer::callbacks::0::monitor"
    assert finding.nearest[0] == "val/loss/epoch"
