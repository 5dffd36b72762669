"""Every metric of the installed torchmetrics is logged right, refused with a reason, or named here as untested.

The list is what the package holds: a class that a new release brings fails until somebody looks at it. Each metric
runs two epochs with two validation loaders, a sanity check, written steps and a resume, and on two ranks that share the
batches unevenly. Its values are those of a plain loop of `update` and `compute` over the same batches.
"""

import importlib
import inspect
import json
import os
import pkgutil
import warnings
from pathlib import Path

import pytest
import torch
import torchmetrics
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import Metric, MetricCollection
from torchmetrics.audio import PermutationInvariantTraining
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryAUROC,
    BinaryF1Score,
    MulticlassAccuracy,
    MulticlassRecall,
)
from torchmetrics.classification.base import _ClassificationTaskWrapper
from torchmetrics.functional.audio import scale_invariant_signal_noise_ratio
from torchmetrics.image.inception import InceptionScore  # of `torchmetrics.image` only if torch_fidelity is there
from torchmetrics.image.kid import KernelInceptionDistance
from torchmetrics.metric import CompositionalMetric
from torchmetrics.regression import MeanSquaredError
from torchmetrics.wrappers import (
    BinaryTargetTransformer,
    BootStrapper,
    ClasswiseWrapper,
    FeatureShare,
    LambdaInputTransformer,
    MetricTracker,
    MinMaxMetric,
    MultioutputWrapper,
    MultitaskWrapper,
    Running,
)
from torchmetrics.wrappers.transformations import MetricInputTransformer

from lighter import LighterModule, MetricError
from lighter.logging.metrics import flatten
from lighter.resumable import ResumableDataLoader

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of memory, and of classes without samples
]


def classes_of_torchmetrics():
    """Walk through the package; names with an underscore are abstract or those of an earlier place."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(torchmetrics.__path__, "torchmetrics."):
            if ".functional" in module.name:
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                is_metric = inspect.isclass(value) and issubclass(value, Metric | MetricCollection | MetricTracker)
                if is_metric and value.__module__.startswith("torchmetrics.") and not name.startswith("_"):
                    found.setdefault(name, value)
    return found


CLASSES = classes_of_torchmetrics()

ABSTRACT = {"BaseAggregator", "Metric", "RetrievalMetric", "WrapperMetric"}

UNTESTED = {
    "ARNIQA": "downloads weights",
    "BERTScore": "downloads weights",
    "CLIPImageQualityAssessment": "downloads weights",
    "CLIPScore": "downloads weights",
    "ClusterAccuracy": "needs torch_linear_assignment",
    "CompleteIntersectionOverUnion": "needs torchvision",
    "DeepImageStructureAndTextureSimilarity": "downloads weights",
    "DeepNoiseSuppressionMeanOpinionScore": "downloads weights",
    "DistanceIntersectionOverUnion": "needs torchvision",
    "GeneralizedIntersectionOverUnion": "needs torchvision",
    "InfoLM": "downloads weights",
    "IntersectionOverUnion": "needs torchvision",
    "LearnedPerceptualImagePatchSimilarity": "downloads weights",
    "MeanAveragePrecision": "needs pycocotools",
    "NonIntrusiveSpeechQualityAssessment": "downloads weights",
    "PerceptualEvaluationSpeechQuality": "needs pesq",
    "PerceptualPathLength": "takes a generator of images, not a batch, and needs torchvision",
    "ROUGEScore": "needs nltk",
    "ShortTimeObjectiveIntelligibility": "needs pystoi",
    "SpeechReverberationModulationEnergyRatio": "needs gammatone",
    "VideoMultiMethodAssessmentFusion": "needs vmaf_torch",
}
"""What cannot be built with small arguments, and why."""


class Features(nn.Module):
    """Stands for the network that image metrics get their features from."""

    num_features = 4

    def forward(self, images):
        pixels = images.float().flatten(1)
        return torch.stack([pixels.mean(1), pixels.amax(1), pixels.std(1), pixels[:, 0]], 1)


ARGUMENTS = {
    "beta": 2.0,
    "data_range": 1.0,
    "min_precision": 0.5,
    "min_recall": 0.5,
    "min_sensitivity": 0.5,
    "min_specificity": 0.5,
    "mouth_map": [0, 1],
    "num_classes": 3,
    "num_groups": 2,
    "num_labels": 3,
    "p": 3,
    "stuffs": {1},
    "task": "binary",
    "things": {0},
    "threshold": 0.5,
}
"""Arguments that classes require, by name."""

MAKES = {
    "BinaryTargetTransformer": lambda: BinaryTargetTransformer(BinaryAccuracy(), threshold=0.5),
    "BootStrapper": lambda: BootStrapper(MulticlassAccuracy(3), num_bootstraps=3, raw=True),
    "ClasswiseWrapper": lambda: ClasswiseWrapper(MulticlassRecall(3, average=None), labels=["a", "b", "c"]),
    "CompositionalMetric": lambda: CompositionalMetric(torch.add, MinMaxMean(), MeanSquaredError()),
    "ExactMatch": lambda: torchmetrics.ExactMatch("multiclass", num_classes=3),
    "FeatureShare": lambda: FeatureShare([InceptionScore(Features(), splits=1), OtherScore(Features(), splits=1)]),
    "FrechetInceptionDistance": lambda: CLASSES["FrechetInceptionDistance"](Features()),
    "InceptionScore": lambda: InceptionScore(Features(), splits=1),
    "KernelInceptionDistance": lambda: SameSubsets(Features(), subset_size=6, subsets=2),
    "LambdaInputTransformer": lambda: LambdaInputTransformer(BinaryAccuracy(), lambda preds: 1 - preds),
    "MemorizationInformedFrechetInceptionDistance": lambda: CLASSES["MemorizationInformedFrechetInceptionDistance"](
        Features()
    ),
    "MetricCollection": lambda: MetricCollection([BinaryAccuracy(), BinaryAUROC()], prefix="my_"),
    "MetricInputTransformer": lambda: MetricInputTransformer(BinaryF1Score()),
    "MinMaxMetric": lambda: MinMaxMetric(BinaryF1Score()),
    "MultiScaleStructuralSimilarityIndexMeasure": lambda: CLASSES["MultiScaleStructuralSimilarityIndexMeasure"](
        kernel_size=3, betas=(0.5, 0.5), data_range=1.0
    ),
    "MultioutputWrapper": lambda: MultioutputWrapper(MeanSquaredError(), 3),
    "MultitaskWrapper": lambda: MultitaskWrapper(
        {"a": BootStrapper(BinaryAccuracy(), num_bootstraps=3), "b": MetricCollection([BinaryF1Score(), BinaryAUROC()])}
    ),
    "PermutationInvariantTraining": lambda: PermutationInvariantTraining(scale_invariant_signal_noise_ratio),
    "Running": lambda: Running(BinaryAccuracy(), window=2),
    "RunningMean": lambda: torchmetrics.aggregation.RunningMean(window=2),
    "RunningSum": lambda: torchmetrics.aggregation.RunningSum(window=2),
}
"""How to make those that need more than that."""


def uniform(*shape):
    return lambda g: torch.rand(*shape, generator=g)


def normal(*shape):
    return lambda g: torch.randn(*shape, generator=g)


def integers(limit, *shape):
    return lambda g: torch.randint(limit, shape, generator=g)


def distribution(*shape):
    return lambda g: torch.rand(*shape, generator=g).softmax(-1)


def fixed(value):
    return lambda g: value


def tasks(values):
    return lambda g: {"a": values(g), "b": values(g)}


def sentences(g):
    words = ["the", "a", "cat", "dog", "sat", "ran", "on", "off", "mat", "today", "now", "away"]
    return [" ".join(words[i] for i in torch.randint(len(words), (6,), generator=g)) for _ in range(3)]


def panoptic_image(g):
    return torch.stack([torch.randint(2, (2, 4, 4), generator=g), torch.randint(2, (2, 4, 4), generator=g)], -1)


def pansharpened(g):
    small, large = (2, 3, 16, 16), (2, 3, 32, 32)
    return {"ms": uniform(*small)(g), "pan": uniform(*large)(g), "pan_lr": uniform(*small)(g)}


def is_real(g):
    return g.initial_seed() // 10 % 2 == 0  # every second batch


DATA = {
    "aggregation": [uniform(4)],
    "answers": [
        lambda g: [{"prediction_text": sentences(g)[0], "id": "x"}],
        lambda g: [{"answers": {"answer_start": [0], "text": [sentences(g)[0]]}, "id": "x"}],
    ],
    "audio": [normal(2, 600), normal(2, 600)],
    "binary": [uniform(8), integers(2, 8)],
    "classes": [integers(3, 8, 2), integers(3, 8, 2)],
    "clustering": [integers(3, 12), integers(3, 12)],
    "distributions": [distribution(8, 3), distribution(8, 3)],
    "ensemble": [uniform(8, 5), uniform(8)],
    "gray": [uniform(2, 1, 16, 16), uniform(2, 1, 16, 16)],
    "groups": [uniform(8), integers(2, 8), fixed(torch.arange(8) % 2)],
    "image": [uniform(2, 3, 24, 24), uniform(2, 3, 24, 24)],
    "images": [integers(256, 6, 3, 8, 8)],
    "images of two kinds": [integers(256, 6, 3, 8, 8), is_real],
    "large": [uniform(1, 1, 48, 48), uniform(1, 1, 48, 48)],
    "multiclass": [distribution(8, 3), integers(3, 8)],
    "multilabel": [uniform(8, 3), integers(2, 8, 3)],
    "nominal": [integers(3, 20), integers(3, 20)],
    "one image": [uniform(2, 3, 8, 8)],
    "panoptic": [panoptic_image, panoptic_image],
    "pansharpened": [uniform(2, 3, 32, 32), pansharpened],
    "points": [uniform(12, 2), fixed(torch.arange(12) % 3)],
    "ratings": [integers(4, 10, 3)],
    "regression": [uniform(8), uniform(8)],
    "retrieval": [uniform(8), integers(2, 8), fixed(torch.arange(8) // 4)],
    "segmentation": [integers(2, 2, 3, 8, 8), integers(2, 2, 3, 8, 8)],
    "shape": [uniform(2, 5, 3), uniform(2, 5, 3)],
    "speakers": [normal(2, 2, 100), normal(2, 2, 100)],
    "spectra": [normal(2, 9, 10, 2), normal(2, 9, 10, 2)],
    "tasks": [tasks(uniform(8)), tasks(integers(2, 8))],
    "text": [sentences, sentences],
    "texts": [sentences, lambda g: [[sentence] for sentence in sentences(g)]],
    "tokens": [uniform(2, 5, 7), integers(7, 2, 5)],
    "vectors": [uniform(8, 3), uniform(8, 3)],
    "vertices": [uniform(4, 6, 3), uniform(4, 6, 3)],
}
"""What each batch gives to `update`, by the kind of the data."""

KINDS = {
    "BLEUScore": "texts",
    "BinaryFairness": "groups",
    "BinaryGroupStatRates": "groups",
    "CHRFScore": "texts",
    "CalinskiHarabaszScore": "points",
    "ComplexScaleInvariantSignalNoiseRatio": "spectra",
    "CompositionalMetric": "regression",
    "ContinuousRankedProbabilityScore": "ensemble",
    "CosineSimilarity": "vectors",
    "DaviesBouldinScore": "points",
    "DunnIndex": "points",
    "ExactMatch": "classes",
    "FeatureShare": "images",
    "FleissKappa": "ratings",
    "FrechetInceptionDistance": "images of two kinds",
    "InceptionScore": "images",
    "JensenShannonDivergence": "distributions",
    "KLDivergence": "distributions",
    "KernelInceptionDistance": "images of two kinds",
    "LipVertexError": "vertices",
    "MemorizationInformedFrechetInceptionDistance": "images of two kinds",
    "ModifiedPanopticQuality": "panoptic",
    "MulticlassExactMatch": "classes",
    "MultioutputWrapper": "vectors",
    "MultitaskWrapper": "tasks",
    "PanopticQuality": "panoptic",
    "PeakSignalNoiseRatioWithBlockedEffect": "gray",
    "PermutationInvariantTraining": "speakers",
    "Perplexity": "tokens",
    "QualityWithNoReference": "pansharpened",
    "SQuAD": "answers",
    "SacreBLEUScore": "texts",
    "SourceAggregatedSignalDistortionRatio": "speakers",
    "SpatialDistortionIndex": "pansharpened",
    "TotalVariation": "one image",
    "TranslationEditRate": "texts",
    "VisualInformationFidelity": "large",
    **dict.fromkeys(["BootStrapper", "ClasswiseWrapper"], "multiclass"),
}
"""The kind of those that differ from the others of their package."""

REFUSED = {
    "BinaryConfusionMatrix": r"it has shape \(2, 2\)",
    "ConfusionMatrix": r"it has shape \(2, 2\)",
    "MulticlassConfusionMatrix": r"it has shape \(3, 3\)",
    "MultilabelConfusionMatrix": r"it has shape \(3, 2, 2\)",
}
"""Metrics that cannot be logged, each with the reason in its error."""


class MinMaxMean(Metric):
    """A metric of a user's own that asks another."""

    full_state_update = True

    def __init__(self):
        super().__init__()
        self.inner = MinMaxMetric(MeanSquaredError())

    def update(self, preds, target):
        self.inner.update(preds, target)

    def compute(self):
        return self.inner.compute()["raw"]

    def reset(self):
        super().reset()
        self.inner.reset()


class SameSubsets(KernelInceptionDistance):
    """Draws the same samples whenever it is computed."""

    def compute(self):
        torch.manual_seed(0)
        return super().compute()


class OtherScore(InceptionScore):
    """A second metric for the same features."""


WITHOUT_STEPS = {
    "FrechetInceptionDistance",
    "KernelInceptionDistance",
    "MemorizationInformedFrechetInceptionDistance",
}
"""Those that compare two sets of samples: a batch is of one set and has no value of its own."""


def kind_of(name):
    if name in KINDS:
        return KINDS[name]
    for prefix in ("Multiclass", "Multilabel"):
        if name.startswith(prefix):
            return prefix.lower()
    package = CLASSES[name].__module__.split(".")[1]
    return package if package in DATA else "binary"


def make(name):
    if name in MAKES:
        return MAKES[name]()
    made_by = CLASSES[name]
    signature = inspect.signature(made_by.__init__ if made_by.__new__ is object.__new__ else made_by.__new__)
    required = {
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    if kind_of(name) in ("multiclass", "classes"):
        required.add("num_classes")
    return made_by(**{argument: ARGUMENTS[argument] for argument in required - {"self", "cls"}})


ANY_TASK = {name for name, made_by in CLASSES.items() if issubclass(made_by, _ClassificationTaskWrapper)}
"""Names that stand for one of three other classes, by the task."""

LOGGED = sorted(CLASSES.keys() - ABSTRACT - ANY_TASK - UNTESTED.keys() - REFUSED.keys() - {"MetricTracker"})

ALONE = {"MetricCollection", "FeatureShare", *WITHOUT_STEPS}
"""Collections, and metrics that torchmetrics takes for each other in a collection."""

SANITY = 7
"""What stands for the epoch in the data of the sanity check."""


def batch_of(kind, mode, epoch, loader, batch_idx):
    """Return the arguments of one update, and seed what a bootstrap draws."""
    seed = 1000 * epoch + 100 * loader + 10 * batch_idx + (mode == "val")
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    return [part(generator) for part in DATA[kind]]


class Sweep(LighterModule):
    """Updates metrics with data of one kind that do not depend on the network."""

    def __init__(self, kind, names):
        network = nn.Linear(1, 1)
        metrics = [self._made(names) for _ in range(2)]
        optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
        super().__init__(network, None, optimizer, train_metrics=metrics[0], val_metrics=metrics[1])
        self.kind = kind

    def training_step(self, batch, batch_idx):
        self.update_metrics(*batch_of(self.kind, "train", self.trainer.current_epoch, 0, batch_idx))
        return self(batch).sum()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        epoch = SANITY if self.trainer.sanity_checking else self.trainer.current_epoch
        self.update_metrics(*batch_of(self.kind, "val", epoch, dataloader_idx, batch_idx))
        return self(batch).sum()

    @staticmethod
    def _made(names):
        made = {name: make(name) for name in names}
        whole = [metric for metric in made.values() if isinstance(metric, MetricCollection)]
        return whole[0] if whole else made


EVERY_N = 2
TRAIN_BATCHES = 3
VAL_BATCHES = [2, 3]


def fit(rows, kind, names, *, folder=None, ckpt_path=None):
    rows = rows()
    callbacks = [] if folder is None else [ModelCheckpoint(folder, "{step}", save_top_k=-1, every_n_train_steps=1)]
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        devices=1,
        logger=rows,
        callbacks=callbacks,
        enable_checkpointing=bool(callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=EVERY_N,
    )
    train, *val = [torch.ones(count, 1) for count in (TRAIN_BATCHES, *VAL_BATCHES)]
    loaders = ResumableDataLoader(train), [DataLoader(data) for data in val]
    torch.manual_seed(len(names))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(Sweep(kind, names), *loaders, ckpt_path=ckpt_path)
    messages = [str(warning.message) for warning in caught]
    assert not [message for message in messages if "never updated" in message or "has no state" in message]
    return rows


def group_of(name):
    """Return what shares a fit with a metric: those of its data; a collection is alone."""
    if name in ALONE:
        return (name,)
    return tuple(other for other in LOGGED if kind_of(other) == kind_of(name) and other not in ALONE)


FITS = {}


@pytest.fixture
def fits(rows, tmp_path_factory):
    """Train with all metrics of a kind, and resume inside the first and the second epoch; once for each kind."""

    def run(names):
        if names not in FITS:
            kind, folder = kind_of(names[0]), tmp_path_factory.mktemp("fit")
            whole = fit(type(rows), kind, names, folder=folder)
            resumed = [fit(type(rows), kind, names, ckpt_path=folder / f"step={step}.ckpt") for step in (2, 4)]
            FITS[names] = whole, resumed
        return FITS[names]

    return run


def flat_value(name, metric):
    value = metric.compute()
    if isinstance(metric, MetricCollection):
        return {key: number for item, part in value.items() for key, number in flatten(item, part).items()}
    return flatten(name, value)


def update(name, metric, mode, epoch, loader, batches):
    for batch_idx in batches:
        metric.update(*batch_of(kind_of(name), mode, epoch, loader, batch_idx))


def epochs_by_hand(name, mode, loader, num_batches):
    """Return the values of both epochs."""
    metric = make(name)
    for epoch in range(2):
        update(name, metric, mode, epoch, loader, range(num_batches))
        yield flat_value(name, metric)
        metric.reset()


def steps_by_hand(name, mode, loader, num_batches):
    """Return the values of the batches that are written."""
    for count in range(EVERY_N - 1, 2 * num_batches, EVERY_N):
        metric = make(name)
        update(name, metric, mode, count // num_batches, loader, [count % num_batches])
        yield flat_value(name, metric)


LOADERS = [("train", 0, "", TRAIN_BATCHES)]
LOADERS += [("val", loader, f"/dataloader_idx_{loader}", count) for loader, count in enumerate(VAL_BATCHES)]


def values_by_hand(name):
    """Return all that is to be logged, by name."""
    values = {}
    for mode, loader, suffix, count in LOADERS:
        for kind, by_hand in (("epoch", epochs_by_hand), ("step", steps_by_hand)):
            if kind == "step" and name in WITHOUT_STEPS:
                continue
            for flat in by_hand(name, mode, loader, count):
                for key, number in flat.items():
                    values.setdefault(f"{mode}/metrics/{key}/{kind}{suffix}", []).append(number.item())
    return values


def test_every_class_of_the_package_is_known():
    """A class that is not listed above is made by its arguments' names, and is tested like all others."""
    assert len(LOGGED) > 150
    for name in ANY_TASK:
        assert type(make(name)).__name__ in {*LOGGED, *REFUSED}, name
    for name in REFUSED.keys() & ANY_TASK:
        assert type(make(name)).__name__ in REFUSED


@pytest.mark.parametrize("name", LOGGED)
def test_a_metric_has_the_values_of_updates_by_hand(fits, name):
    whole, resumed = fits(group_of(name))
    expected = values_by_hand(name)
    has_steps = any(f"/metrics/{name}/" in key and "/step" in key for _, row in whole.rows for key in row)
    assert not (has_steps and name in WITHOUT_STEPS)
    for key, values in expected.items():
        assert whole.values(key) == pytest.approx(values, rel=1e-5, abs=1e-6, nan_ok=True), key
        for rows, num_epochs in zip(resumed, (2, 1), strict=True):
            rest = rows.values(key)
            is_of_both_epochs = "/epoch" in key and len(values) == 2  # names may depend on the data
            assert len(rest) == num_epochs or not is_of_both_epochs
            assert rest == pytest.approx(values[len(values) - len(rest) :], rel=1e-5, abs=1e-6, nan_ok=True), key


BESIDE_STATES = {
    "CompositionalMetric": {"min_val", "max_val"},  # of the MinMaxMetric inside
    "MeanIoU": {"num_classes", "score", "num_batches"},  # learnt in the first update; restored with the states
    "MinMaxMetric": {"min_val", "max_val"},  # kept for each loader and in checkpoints
    "RootMeanSquaredErrorUsingSlidingWindow": {"rmse_map"},  # not part of the value
}
"""What a reset leaves of an epoch, and why the values are right nevertheless."""


def is_equal(one, other):
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_equal, one, other))
    return one == other if isinstance(one, int | float | str | None) else True


@pytest.mark.parametrize("name", sorted(set(LOGGED) - {"MetricCollection", "FeatureShare"}))
def test_a_reset_leaves_nothing_of_an_epoch_that_is_not_known(name):
    """Values beside the states need care: they cross epochs and loaders, and no checkpoint has them."""
    metric, fresh = make(name), make(name)
    update(name, metric, "train", 0, 0, range(2))
    metric.compute()
    metric.reset()
    left = set()
    for used, new in zip(metric.modules(), fresh.modules(), strict=True):
        if isinstance(used, Metric):
            names = [name for name in vars(used) if not name.startswith("_")]
            left |= {name for name in names if not is_equal(vars(used)[name], vars(new).get(name))}
    assert left == BESIDE_STATES.get(name, set())


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_metric_without_a_number_is_refused_with_the_reason(rows, name):
    with pytest.raises(MetricError, match=REFUSED[name]):
        fit(type(rows), kind_of(name), (name,))


UNEVEN = {("train", 0): ([0, 2], [1]), ("val", 0): ([0, 2], [1]), ("val", 1): ([0, 1], [])}
EVEN = dict.fromkeys(UNEVEN, ([0, 3], [1, 2]))  # each rank has both kinds of images
"""The batches that each of two ranks updates its metrics with, by mode and loader."""

REFUSED_UNEVENLY = {
    "FeatureShare",  # of a metric like these
    "InceptionScore",
    "KernelInceptionDistance",
    "LipVertexError",
    "MemorizationInformedFrechetInceptionDistance",
    "RetrievalPrecisionRecallCurve",
    "RetrievalRecallAtFixedPrecision",
    "VisualInformationFidelity",
}
"""Those that keep a list with an entry for each batch, which torchmetrics gathers only if all ranks have as many."""

WITHOUT_WINDOW = {
    "Running": lambda: Running(BinaryAccuracy(), window=9),
    "RunningMean": lambda: torchmetrics.aggregation.RunningMean(window=9),
    "RunningSum": lambda: torchmetrics.aggregation.RunningSum(window=9),
}
"""Over ranks a window holds the last batches of each; here these are all."""


class SharedSweep(Sweep):
    """Updates metrics with the batches of this rank."""

    def __init__(self, kind, names, shares):
        super().__init__(kind, names)
        self.shares = shares

    def training_step(self, batch, batch_idx):
        self._update("train", 0, batch_idx)
        return self(batch).sum()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self._update("val", dataloader_idx, batch_idx)

    def _update(self, mode, loader, batch_idx):
        epoch = SANITY if self.trainer.sanity_checking else self.trainer.current_epoch
        share = self.shares[mode, loader][self.global_rank]
        if batch_idx < len(share):
            self.update_metrics(*batch_of(self.kind, mode, epoch, loader, share[batch_idx]))


class EpochValues(Checkpoint):
    """Keeps what each loop logged, epoch by epoch; Lightning calls such a callback after the module."""

    def __init__(self):
        self.of_mode = {"train": [], "val": []}

    def on_train_epoch_end(self, trainer, pl_module):
        self._keep(trainer, "train")

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self._keep(trainer, "val")

    def _keep(self, trainer, mode):
        metrics = trainer.callback_metrics.items()
        self.of_mode[mode].append({name: value.item() for name, value in metrics if name.startswith(f"{mode}/metrics")})


def fit_on_this_rank(names, shares):
    """Return what the epochs of two ranks logged, or the error that ended the fit."""
    values = EpochValues()
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        strategy="ddp",
        devices=2,
        logger=False,
        callbacks=[values],
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    rank = int(os.environ["LOCAL_RANK"])
    train = DataLoader(torch.ones(2, 1))  # DDP needs as many steps on each rank
    val = [DataLoader(torch.ones(max(len(shares["val", loader][rank]), 1), 1)) for loader in range(2)]
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer.fit(SharedSweep(kind_of(names[0]), names, shares), train, val)
        except MetricError as error:
            return str(error)
    return values.of_mode


def on_two_ranks():
    """Train with all metrics of a kind at once, and write what this rank logs."""
    together = {tuple(name for name in group_of(name) if name not in REFUSED_UNEVENLY) for name in LOGGED}
    alone = {(name,) for name in REFUSED_UNEVENLY}
    uneven = {" ".join(names): fit_on_this_rank(names, UNEVEN) for names in sorted(together | alone) if names}
    even = {names[0]: fit_on_this_rank(names, EVEN) for names in sorted(alone)}
    Path(f"values{os.environ['LOCAL_RANK']}.json").write_text(json.dumps({"uneven": uneven, "even": even}))


@pytest.fixture
def on_ranks(two_ranks):
    """What both ranks logged with each metric, if they share batches unevenly, and evenly."""
    first, second = [json.loads((two_ranks / f"values{rank}.json").read_text()) for rank in range(2)]
    return {
        how: {name: (values, second[how][names]) for names, values in first[how].items() for name in names.split()}
        for how in first
    }


@pytest.mark.parametrize("name", LOGGED)
def test_a_metric_has_the_value_of_the_samples_of_two_ranks(on_ranks, name):
    how, shares = ("even", EVEN) if name in REFUSED_UNEVENLY else ("uneven", UNEVEN)
    for logged in on_ranks[how][name]:
        for (mode, loader), of_ranks in shares.items():
            suffix = f"/dataloader_idx_{loader}" if mode == "val" else ""
            metric = WITHOUT_WINDOW.get(name, lambda: make(name))()
            for epoch in range(2):
                update(name, metric, mode, epoch, loader, [batch for share in of_ranks for batch in share])
                expected = {
                    f"{mode}/metrics/{key}/epoch{suffix}": value.item()
                    for key, value in flat_value(name, metric).items()
                }
                metric.reset()
                found = {key: logged[mode][epoch].get(key) for key in expected}
                assert found == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", sorted(REFUSED_UNEVENLY))
def test_a_metric_that_ranks_cannot_share_unevenly_says_so(on_ranks, name):
    for error in on_ranks["uneven"][name]:
        assert "cannot be combined over ranks: their lengths differ" in error
