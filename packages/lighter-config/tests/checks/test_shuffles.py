"""Shuffles of webdataset without a generator."""

import pytest

CONFIG = """
_imports_: {{random: random, wds: webdataset, numpy: numpy}}
trainer: {{_target_: pytorch_lightning.Trainer}}
system:
  _target_: lighter.System
  dataloaders:
    train: {{_target_: torch.utils.data.DataLoader, dataset: {}}}
"""


@pytest.fixture
def warned(checked):
    """Return what is said of the shuffles of a dataset."""

    def run(dataset):
        return [finding for finding in checked(exp=CONFIG.format(dataset)) if finding.check == "shuffles"]

    return run


@pytest.mark.parametrize(
    "dataset",
    [
        "\"$wds.WebDataset('x.tar').shuffle(20).decode()\"",
        "{_target_: webdataset.DataPipeline, _args_: [{_target_: webdataset.shuffle, _args_: [20]}]}",
    ],
)
def test_shuffle_without_rng_ignores_the_seed(warned, dataset: str) -> None:
    (finding,) = warned(dataset)
    assert finding.message == "`shuffle` of webdataset ignores the seed, and a resume does not continue its order"
    assert (finding.severity, finding.place.line) == ("warning", 7)
    assert finding.fix.startswith("give it rng=random")


@pytest.mark.parametrize(
    "dataset",
    [
        "\"$wds.WebDataset('x.tar').shuffle(20, rng=random).decode()\"",
        "\"$wds.WebDataset('x.tar').shuffle(20, 10, random)\"",
        "\"$wds.WebDataset('x.tar').shuffle(*[20, 10, random])\"",
        '"$numpy.random.default_rng(0).shuffle([1])"',
        "\"$wds.WebDataset('x.tar').compose(wds.detshuffle(20))\"",
        "{_target_: webdataset.shuffle, bufsize: 20, rng: $random}",
        "{_target_: webdataset.detshuffle}",
    ],
)
def test_shuffle_with_a_generator_is_right(warned, dataset: str) -> None:
    assert warned(dataset) == []
