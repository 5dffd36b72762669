"""Files that are open in an editor."""

import shutil
import sys
from pathlib import Path

import pytest

import lighter_cli

sys.path.append(str(Path(__file__).parent))

MULTI_FILE = {
    "base.yaml": """\
vars:
  batch_size: 8
  rate: 0.1
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 2
  logger: false
  callbacks:
    - _target_: pytorch_lightning.callbacks.EarlyStopping
      monitor: val/loss/epoch
      patience: 3
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer:
    _target_: torch.optim.SGD
    params: "$@system::model.parameters()"
    lr: "%vars::rate"
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: [1, 2], batch_size: "%vars::batch_size"}
    val: "%::train"
""",
    "exp.yaml": """\
_base_: base.yaml
seed: 3
vars:
  rate: 0.2
trainer::max_epochs: 5
trainer:
  =callbacks:
    - _target_: pytorch_lightning.callbacks.ModelCheckpoint
      monitor: val/loss/epoch
system:
  model:
    in_features: "%data.yaml::shape::wide"
    out_features: 3
  optimizer: {momentum: 0.9}
""",
    "data.yaml": "shape: {wide: 3, high: 4}\n",
    "over.yaml": """\
# lighter: base.yaml, this, seed=4
trainer:
  max_epochs: 7
  ~logger: null
system::optimizer::lr: "%vars::rate"
""",
}
"""A base, a file that builds on it, one that the second reads, and one that names its experiment in its first line."""


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """The experiment that `lighter init` writes."""
    template = Path(lighter_cli.__file__).parent / "templates" / "digits" / "config.yaml"
    return Path(shutil.copy(template, tmp_path / "config.yaml"))


@pytest.fixture
def multi_file(tmp_path: Path) -> Path:
    """The folder of an experiment in several files."""
    for name, text in MULTI_FILE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answers of the signature reader, which all tests of the editor share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
