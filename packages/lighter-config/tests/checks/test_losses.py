"""Losses of segmentation-models-pytorch in whose mean ignored pixels count."""

import pytest

CONFIG = """
trainer: {{_target_: pytorch_lightning.Trainer}}
system:
  _target_: lighter.System
  criterion: {{_target_: segmentation_models_pytorch.losses.{}}}
"""


@pytest.fixture
def warned(checked):
    """Return what is said of a criterion."""

    def run(criterion):
        return [finding for finding in checked(exp=CONFIG.format(criterion)) if finding.check == "losses"]

    return run


@pytest.mark.parametrize("name", ["SoftCrossEntropyLoss", "SoftBCEWithLogitsLoss"])
def test_ignored_pixels_lower_a_soft_loss(warned, name: str) -> None:
    (finding,) = warned(f"{name}, ignore_index: 255")
    assert finding.message == "system::criterion::ignore_index: ignored pixels count as 0 in the mean"
    assert (finding.severity, finding.place.line) == ("warning", 5)


@pytest.mark.parametrize(
    "criterion",
    [
        "SoftCrossEntropyLoss",
        "SoftCrossEntropyLoss, ignore_index: null",
        "SoftCrossEntropyLoss, ignore_index: 255, reduction: sum",
        "DiceLoss, mode: multiclass, ignore_index: 255",
    ],
)
def test_a_loss_without_ignored_pixels_is_right(warned, criterion: str) -> None:
    assert warned(criterion) == []
