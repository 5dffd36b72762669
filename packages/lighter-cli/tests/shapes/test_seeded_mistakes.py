"""Thirty mistakes of shapes and dtypes, of which each must be found where it is."""

import warnings
from typing import Any, NamedTuple

import pytest

from lighter_config import Severity

from .conftest import Follow, experiment, layer

FLATTEN = layer("Flatten")
MSE = "torch.nn.MSELoss"
BCE = "torch.nn.BCEWithLogitsLoss"
LINEAR = [layer("Linear", in_features=8, out_features=10)]
CONV = layer("Conv2d", in_channels=3, out_channels=4, kernel_size=3, padding=1)
IMAGES = ["4,3,16,16", "4:int64"]


class Seed(NamedTuple):
    """A config with a mistake; the path and a text of the finding."""

    config: dict[str, Any]
    path: str
    text: str
    needs: str = "torch"


def _of_model(
    model: Any, batch: Any, text: str, path: str = "system::model", needs: str = "torch", **more: Any
) -> Seed:
    return Seed(experiment(model, batch, **more), path, text, needs)


def _of_criterion(criterion: Any, batch: Any, text: str, model: Any = None, needs: str = "torch") -> Seed:
    return Seed(experiment(model or LINEAR, batch, criterion), "system::criterion", text, needs)


def _metric(name: str, **arguments: Any) -> dict[str, Any]:
    return {"train": {"_target_": f"torchmetrics.{name}", **arguments}}


def _unet(in_channels: int = 1, spatial_dims: int = 3) -> dict[str, Any]:
    sizes = {"channels": [4, 8, 16], "strides": [2, 2]}
    return {
        "_target_": "monai.networks.nets.UNet",
        "in_channels": in_channels,
        "out_channels": 2,
        "spatial_dims": spatial_dims,
        **sizes,
    }


SEEDS = {
    "torch: features after Flatten": _of_model(
        [FLATTEN, layer("Linear", in_features=128, out_features=10)],
        ["4,1,16,16", "4:int64"],
        "in_features=128, and gets float32 (4, 256)",
        "system::model::_args_::1",
    ),
    "torch: grey images into a network for colours": _of_model(
        [CONV], ["4,1,16,16", "4:int64"], "in_channels=3", "system::model::_args_::0"
    ),
    "torch: volumes into a Conv2d": _of_model([CONV], ["4,3,8,8,8", "4:int64"], "(4, 3, 8, 8, 8)"),
    "torch: features of a BatchNorm": _of_model(
        [CONV, layer("BatchNorm2d", num_features=8)], IMAGES, "num_features=8", "system::model::_args_::1"
    ),
    "torch: shape of a LayerNorm": _of_model(
        [*LINEAR, layer("LayerNorm", normalized_shape=8)], ["4,8", "4:int64"], "(LayerNorm) cannot take float32 (4, 10)"
    ),
    "torch: features of an LSTM": _of_model(
        layer("project.networks.Recurrent", num_features=3), ["4,7,5", "4:int64"], "lstm (LSTM) has input_size=3"
    ),
    "torch: tokens as floating numbers": _of_model(
        [layer("Embedding", num_embeddings=9, embedding_dim=4), FLATTEN], ["4,7", "4:int64"], "(Embedding) cannot take"
    ),
    "torch: images as integers": _of_model(
        [FLATTEN, layer("Linear", in_features=4, out_features=2)], ["4,2,2:uint8", "4:int64"], "uint8"
    ),
    "torch: float64 from numpy": _of_model(LINEAR, ["4,8:float64", "4:int64"], "cannot take float64 (4, 8)"),
    "torch: images smaller than the kernels": _of_model(
        [layer("Conv2d", in_channels=3, out_channels=4, kernel_size=7), layer("MaxPool2d", kernel_size=4)],
        ["4,3,8,8", "4:int64"],
        "(MaxPool2d) cannot take float32 (4, 4, 2, 2)",
    ),
    "torch: width of a transformer": _of_model(
        layer("TransformerEncoderLayer", d_model=8, nhead=2, batch_first=True), ["4,5,6", "4:int64"], "(4, 5, 6)"
    ),
    "torch: classes in a column": _of_criterion("torch.nn.CrossEntropyLoss", ["4,8", "4,1:int64"], "int64 (4, 1)"),
    "torch: classes as floating numbers": _of_criterion("torch.nn.CrossEntropyLoss", ["4,8", "4"], "float32 (4,)"),
    "torch: classes in 32 bits": _of_criterion("torch.nn.CrossEntropyLoss", ["4,8", "4:int32"], "int32 (4,)"),
    "torch: masks with a channel": _of_criterion(
        "torch.nn.CrossEntropyLoss", ["4,3,16,16", "4,1,16,16:int64"], "int64 (4, 1, 16, 16)", [CONV]
    ),
    "torch: masks of another size": _of_criterion(
        "torch.nn.CrossEntropyLoss",
        ["4,3,16,16", "4,16,16:int64"],
        "float32 (4, 4, 8, 8)",
        [CONV, layer("MaxPool2d", kernel_size=2)],
    ),
    "torch: scores in a column": _of_criterion(
        BCE, ["4,8", "4"], "float32 (4, 1)", [layer("Linear", in_features=8, out_features=1)]
    ),
    "torch: probabilities against integers": _of_criterion(
        "torch.nn.BCELoss", ["4,8", "4,10:int64"], "int64 (4, 10)", [*LINEAR, layer("Sigmoid")]
    ),
    "torch: a loss for each sample": Seed(
        experiment(LINEAR, ["4,8", "4:int64"], layer("CrossEntropyLoss", reduction="none")),
        "system",
        "must be a scalar",
    ),
    "torchmetrics: number of classes": _of_model(
        LINEAR,
        ["4,8", "4:int64"],
        "equal to number of classes",
        "system::metrics::train",
        metrics=_metric("Accuracy", task="multiclass", num_classes=5),
    ),
    "torchvision: grey images into a ResNet": _of_model(
        {"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"},
        ["4,1,64,64", "4:int64"],
        "conv1 (Conv2d) has in_channels=3",
        needs="torchvision",
    ),
    "torchvision: size of a vision transformer": _of_model(
        layer("torchvision.models.vit_b_32"), ["4,3,256,256", "4:int64"], "(4, 3, 256, 256)", needs="torchvision"
    ),
    "torchvision: soft labels of other classes": _of_criterion(
        "torch.nn.CrossEntropyLoss",
        ["4,3,64,64", "4,10"],
        "float32 (4, 1000)",
        layer("torchvision.models.mobilenet_v3_small"),
        needs="torchvision",
    ),
    "MONAI: channels of a UNet": _of_model(
        _unet(in_channels=2),
        ["2,1,16,16,16", "2,1,16,16,16"],
        "in_channels=2",
        criterion=layer("monai.losses.DiceCELoss", to_onehot_y=True, softmax=True),
        needs="monai",
    ),
    "MONAI: volumes into a UNet for images": _of_model(
        _unet(spatial_dims=2), ["2,1,16,16,16", "2,1,16,16,16"], "(2, 1, 16, 16, 16)", needs="monai"
    ),
    "MONAI: a size that the strides do not divide": _of_model(
        _unet(), ["2,1,18,18,18", "2,1,18,18,18"], "(SkipConnection) cannot take", needs="monai"
    ),
    "MONAI: masks without one channel a class": _of_criterion(
        "monai.losses.DiceLoss", ["2,1,16,16,16", "2,1,16,16,16"], "(2, 1, 16, 16, 16)", _unet(), needs="monai"
    ),
    "own: maps of two sizes side by side": _of_model(
        layer("project.networks.Concatenates"), IMAGES, "(Concatenates) cannot take float32 (4, 3, 16, 16)"
    ),
    "own: a residual of another width": _of_model(
        layer("project.networks.Residual"), ["4,8", "4,8"], "(Residual) cannot take float32 (4, 8)", criterion=MSE
    ),
    "own: a product without transposition": _of_model(
        layer("project.networks.Attention"), ["4,5,8", "4,5,5"], "(Attention) cannot take", criterion=MSE
    ),
}


def test_there_are_thirty_seeds() -> None:
    assert len(SEEDS) == 30


@pytest.mark.filterwarnings("ignore")  # other libraries warn when they are imported
@pytest.mark.parametrize("name", SEEDS)
def test_a_seeded_mistake_is_found_with_its_place(name: str, followed: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = SEEDS[name]
    if seed.needs == "monai":  # it sets both when it is imported
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    pytest.importorskip(seed.needs)
    found = followed(seed.config).findings
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    assert errors, [str(finding) for finding in found]
    assert errors[0].path.startswith(seed.path)
    assert seed.text in errors[0].message
    assert errors[0].place is not None
    assert errors[0].fix
    assert len(errors) == 1
