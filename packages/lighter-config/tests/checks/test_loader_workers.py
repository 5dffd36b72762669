"""Random transforms of MONAI in workers that nobody seeds, and lambdas for workers that are not forked."""

import sys
from pathlib import Path

import pytest

from lighter_config.checks import check
from lighter_config.loading import load
from lighter_config.signatures import SignatureReader

CONFIG = """
trainer: {{_target_: pytorch_lightning.Trainer}}
system:
  _target_: lighter.System
  dataloaders:
    train:
      _target_: {loader}
      {more}
      dataset:
        _target_: monai.data.CacheDataset
        data: []
        transform:
          _target_: monai.transforms.Compose
          transforms:
            - {{_target_: monai.transforms.LoadImaged, keys: image}}
            - {{_target_: monai.transforms.{transform}, keys: image}}
"""


@pytest.fixture
def warned(libraries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return the findings about workers of a config."""
    monkeypatch.chdir(tmp_path)
    reader = SignatureReader(search_path=[libraries], cache_folder=None)

    def run(loader="torch.utils.data.DataLoader", transform="RandFlipd", more="num_workers: 2"):
        Path("exp.yaml").write_text(CONFIG.format(loader=loader, transform=transform, more=more))
        findings = check(load(["exp.yaml"]), reader=reader)
        return [finding for finding in findings if finding.check == "loader_workers"]

    return run


@pytest.mark.parametrize("loader", ["torch.utils.data.DataLoader", "lighter.resumable.ResumableDataLoader"])
def test_random_transforms_of_monai_repeat_in_torch_workers(warned, loader: str) -> None:
    (finding,) = warned(loader)
    assert finding.message == "RandFlipd repeats its random numbers in each worker, and in each epoch"
    assert finding.severity == "warning"
    assert str(finding.place) == "exp.yaml:8:20"
    seeding = "{_target_: monai.data.utils.worker_init_fn, _mode_: callable}"
    assert finding.fix == f"write system::dataloaders::train::worker_init_fn: {seeding}"


def test_workers_that_persist_repeat_no_epoch(warned) -> None:
    (finding,) = warned(more="num_workers: 2\n      persistent_workers: true")
    assert finding.message == "RandFlipd repeats its random numbers in each worker"


@pytest.mark.parametrize(
    "given",
    [
        {"loader": "monai.data.DataLoader"},
        {"more": "num_workers: 0"},
        {"more": "batch_size: 1"},
        {"more": "num_workers: 2\n      worker_init_fn: {_target_: monai.data.utils.worker_init_fn, _mode_: callable}"},
        {"transform": "Flipd"},
        {"more": "num_workers: $2"},
    ],
)
def test_nothing_is_said_where_workers_are_seeded_or_not_there(warned, given: dict[str, str]) -> None:
    assert warned(**given) == []


@pytest.mark.parametrize("context", ["forkserver", "spawn"])
def test_a_lambda_for_workers_that_are_not_forked_is_told(warned, context: str) -> None:
    more = f"num_workers: 2\n      multiprocessing_context: {context}\n      collate_fn: '$lambda samples: samples'"
    (finding,) = warned(more=more, transform="Flipd")
    assert finding.message == "a lambda cannot be pickled for workers, and this loader does not fork them"
    assert (finding.severity, str(finding.place)) == ("warning", "exp.yaml:10:19")
    assert finding.fix.endswith("write system::dataloaders::train::multiprocessing_context: fork")


def test_lambdas_inside_a_dataset_are_told(warned) -> None:
    more = "num_workers: 2\n      multiprocessing_context: spawn"
    (finding,) = warned(more=more, transform="Lambdad, func: '$lambda image: image / 255'")
    assert finding.path == "system::dataloaders::train::dataset::transform::transforms::1::func"


@pytest.mark.parametrize(
    "more",
    [
        "num_workers: 2\n      multiprocessing_context: fork\n      collate_fn: '$lambda samples: samples'",
        "num_workers: 2\n      multiprocessing_context: spawn\n      sampler: '$lambda samples: samples'",
        "num_workers: 2\n      multiprocessing_context: spawn\n      collate_fn: '$sorted([1], key=lambda one: -one)'",
        "num_workers: 2\n      multiprocessing_context: spawn\n      collate_fn: '$lambda samples: ('",
        "num_workers: 0\n      collate_fn: '$lambda samples: samples'",
    ],
)
def test_no_lambda_is_told_that_is_not_pickled(warned, more: str) -> None:
    assert warned(more=more, transform="Flipd") == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems fork in no version")
def test_python_says_whether_workers_are_forked(warned) -> None:
    found = warned(more="num_workers: 2\n      collate_fn: '$lambda samples: samples'", transform="Flipd")
    assert len(found) == (1 if sys.version_info >= (3, 14) else 0)
