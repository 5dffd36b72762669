"""Every metric of the installed MONAI is logged right, refused with a reason, or named here as untested.

The list is what the package holds: a class that a new release brings fails until somebody looks at it. Each metric
runs two epochs with two validation loaders, a sanity check, written steps and a resume. Its values are those of MONAI's
own calls of the metric over the same batches. Run by the session `medical`.
"""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lighter import LighterModule, MetricError
from lighter.logging.cumulative_metrics import CumulativeMetric
from lighter.logging.metrics import compute_flat
from lighter.resumable import ResumableDataLoader

metrics = pytest.importorskip("monai.metrics")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of classes without samples


def classes_of_monai():
    found = {}
    for module in pkgutil.walk_packages(metrics.__path__, "monai.metrics."):
        for name, value in vars(importlib.import_module(module.name)).items():
            bases = metrics.Metric | metrics.Cumulative
            if inspect.isclass(value) and issubclass(value, bases) and value.__module__.startswith("monai.metrics"):
                found[name] = value
    return found


CLASSES = classes_of_monai()

ABSTRACT = {
    "Cumulative",
    "CumulativeIterationMetric",
    "IterationMetric",
    "Metric",
    "MetricsReloadedWrapper",
    "RegressionMetric",
}

UNTESTED = {
    "MetricsReloadedBinary": "needs MetricsReloaded",
    "MetricsReloadedCategorical": "needs MetricsReloaded",
}

REFUSED = {"EmbeddingCollapseMetric", "FIDMetric", "LabelQualityScore", "MMDMetric", "VarianceMetric"}
"""Those that compute one call and collect nothing: they have no value of an epoch."""

ARGUMENTS = {
    "class_thresholds": [1.0, 1.0],
    "loss_fn": nn.MSELoss(),
    "max_val": 1.0,
    "num_classes": 2,
    "spatial_dims": 2,
}
"""Arguments that classes require, by name."""

OPTIONS = {
    "DiceMetric": [
        {"get_not_nans": True},
        {"reduction": "mean_batch"},
        {"return_with_label": True},
        {"reduction": "sum"},
    ],
    "ConfusionMatrixMetric": [{"metric_name": ["sensitivity", "f1 score"], "reduction": "sum_batch"}],
    "MultiScaleSSIMMetric": [{"kernel_size": 3, "weights": (0.5, 0.5)}],
    "PanopticQualityMetric": [{"reduction": "mean", "metric_name": ["sq", "rq"]}],
    "ROCAUCMetric": [{"average": "none"}],
    "SSIMMetric": [{"win_size": 3}],
    "SurfaceDistanceMetric": [{"symmetric": True, "get_not_nans": True}],
}
"""More ways to make a class than by what it requires, which is the first way unless it is too large."""

ONLY_WITH_OPTIONS = {"MultiScaleSSIMMetric", "SSIMMetric"}


def ways():
    for name in sorted(CLASSES.keys() - ABSTRACT - UNTESTED.keys() - REFUSED):
        if name not in ONLY_WITH_OPTIONS:
            yield name, {}
        yield from ((name, options) for options in OPTIONS.get(name, []))


WAYS = dict(enumerate(ways()))


def make(way):
    name, options = WAYS[way]
    signature = inspect.signature(CLASSES[name].__init__)
    required = {p.name for p in signature.parameters.values() if p.default is p.empty} - {"self"}
    return CLASSES[name](**{argument: ARGUMENTS[argument] for argument in required}, **options)


def masks(generator):
    labels = torch.randint(3, (2, 12, 12), generator=generator)
    return nn.functional.one_hot(labels, 3).movedim(-1, 1).float()


def panoptic(generator):
    return torch.stack([torch.randint(high, (2, 12, 12), generator=generator) for high in (3, 3)], 1)


def scores(generator):
    return torch.rand(8, 2, generator=generator, dtype=torch.float64)


def labels(generator):
    return nn.functional.one_hot(torch.randint(2, (8,), generator=generator), 2)


def images(generator):
    return torch.rand(2, 1, 24, 24, generator=generator)


def data_of(name):
    if name in ("ROCAUCMetric", "AveragePrecisionMetric"):
        return scores, labels
    if name == "PanopticQualityMetric":
        return panoptic, panoptic
    is_of_images = CLASSES[name].__module__.endswith("regression") or name == "LossMetric"
    return (images, images) if is_of_images else (masks, masks)


SANITY = 7


def batch_of(way, mode, epoch, loader, batch_idx):
    generator = torch.Generator().manual_seed(1000 * epoch + 100 * loader + 10 * batch_idx + (mode == "val"))
    return [part(generator) for part in data_of(WAYS[way][0])]


class Sweep(LighterModule):
    """Updates metrics with data that do not depend on the network."""

    def __init__(self, ways):
        network = nn.Linear(1, 1)
        made = [{str(way): {"metric": make(way), "pred": way, "target": way} for way in ways} for _ in range(2)]
        optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
        super().__init__(network, None, optimizer, train_metrics=made[0], val_metrics=made[1])
        self.ways = ways

    def update(self, mode, epoch, loader, batch_idx):
        data = {way: batch_of(way, mode, epoch, loader, batch_idx) for way in self.ways}
        self.update_metrics(*({way: parts[role] for way, parts in data.items()} for role in range(2)))

    def training_step(self, batch, batch_idx):
        self.update("train", self.trainer.current_epoch, 0, batch_idx)
        return self(batch).sum()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.update(
            "val", SANITY if self.trainer.sanity_checking else self.trainer.current_epoch, dataloader_idx, batch_idx
        )
        return self(batch).sum()


LOADERS = [("train", 0, "", 3), ("val", 0, "/dataloader_idx_0", 2), ("val", 1, "/dataloader_idx_1", 3)]
EVERY_N = 2


FITS = []


@pytest.fixture
def fits(rows, make_trainer, tmp_path_factory):
    """Train with all metrics, and resume inside the first and the second epoch; once."""
    folder = tmp_path_factory.mktemp("fit")

    def fit(ckpt_path=None):
        logger = type(rows)()
        callbacks = [] if ckpt_path else [ModelCheckpoint(folder, "{step}", save_top_k=-1, every_n_train_steps=1)]
        trainer = make_trainer(
            logger=logger, callbacks=callbacks, enable_checkpointing=bool(callbacks), log_every_n_steps=EVERY_N
        )
        train, *val = [torch.ones(count, 1) for *_, count in LOADERS]
        loaders = ResumableDataLoader(train), [DataLoader(data) for data in val]
        trainer.fit(Sweep(list(WAYS)), *loaders, ckpt_path=ckpt_path)
        return logger

    if not FITS:
        FITS.append(fit())
        assert torch.load(folder / "step=4.ckpt", weights_only=True)["epoch"] == 1
        FITS.append([fit(folder / f"step={step}.ckpt") for step in (2, 4)])
    return FITS


def flat(name, value):
    """Return the numbers in what MONAI returns, by name."""
    if isinstance(value, dict):
        return {key: number for part, item in value.items() for key, number in flat(f"{name}/{part}", item).items()}
    if isinstance(value, list | tuple):
        return flat(name, dict(enumerate(value)))
    array = np.asarray(value, dtype=np.float64)
    return {name: array.item()} if array.size == 1 else flat(name, list(array))


def by_hand(way, mode, epoch, loader, batches):
    metric = make(way)
    for batch_idx in batches:
        metric(*batch_of(way, mode, epoch, loader, batch_idx))
    return flat(str(way), metric.aggregate())


def test_every_class_of_monai_is_known():
    assert len(WAYS) > 20
    assert {*ABSTRACT, *UNTESTED, *REFUSED} <= CLASSES.keys()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join([WAYS[way][0], *WAYS[way][1]]))
def test_a_metric_has_the_values_of_monais_own_calls(fits, way):
    uninterrupted, resumed = fits
    expected = {}
    for mode, loader, suffix, count in LOADERS:
        for epoch in range(2):
            for key, value in by_hand(way, mode, epoch, loader, range(count)).items():
                expected.setdefault(f"{mode}/metrics/{key}/epoch{suffix}", []).append(value)
        for batch in range(EVERY_N - 1, 2 * count, EVERY_N):
            for key, value in by_hand(way, mode, batch // count, loader, [batch % count]).items():
                expected.setdefault(f"{mode}/metrics/{key}/step{suffix}", []).append(value)
    assert expected
    for key, values in expected.items():
        assert uninterrupted.values(key) == pytest.approx(values, rel=1e-6, nan_ok=True), key
        for rows, num_epochs in zip(resumed, (2, 1), strict=True):
            rest = rows.values(key)
            assert len(rest) == num_epochs or "/step" in key
            assert rest == pytest.approx(values[len(values) - len(rest) :], rel=1e-6, nan_ok=True), key


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_metric_that_collects_nothing_is_refused(name):
    with pytest.raises(MetricError, match=f"must be torchmetrics metrics, got a {name}") as raised:
        LighterModule(nn.Linear(1, 1), val_metrics={"a": CLASSES[name]()})
    assert "a MONAI metric with `aggregate` and `reset`" in raised.value.expected


def test_a_value_for_each_sample_is_refused_with_the_reason():
    module = LighterModule(nn.Linear(1, 1), val_metrics=metrics.DiceMetric(reduction="none"))
    generator = torch.Generator().manual_seed(0)
    module.val_metrics.update(masks(generator), masks(generator))
    with pytest.raises(MetricError, match=r"`DiceMetric` cannot be logged: it has shape \(2, 3\)"):
        compute_flat("DiceMetric", module.val_metrics["DiceMetric"])


def test_metrics_that_agree_on_the_first_batch_stay_apart():
    """A collection of torchmetrics takes metrics for one whose states are equal after the first update."""
    options = {"all": {}, "empty": {"ignore_empty": False}}
    given = {name: metrics.DiceMetric(**option) for name, option in options.items()}
    collection = LighterModule(nn.Linear(1, 1), val_metrics=given).val_metrics
    by_monai = {name: metrics.DiceMetric(**option) for name, option in options.items()}
    ones, zeros = torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    for y_pred, y in ((ones, ones), (ones, zeros), (zeros, zeros)):
        collection.update(y_pred, y)
        for metric in by_monai.values():
            metric(y_pred, y)
    expected = {name: metric.aggregate().item() for name, metric in by_monai.items()}
    assert {name: value.item() for name, value in collection.compute().items()} == expected
    assert expected["all"] != expected["empty"]


def test_a_metric_of_monai_is_named_by_its_class():
    module = LighterModule(nn.Linear(1, 1), train_metrics=metrics.MSEMetric(), val_metrics=[metrics.MSEMetric()])
    assert list(module.train_metrics) == list(module.val_metrics) == ["MSEMetric"]
    assert isinstance(module.train_metrics["MSEMetric"], CumulativeMetric)
