"""The confusion matrix of an epoch, compared with that of scikit-learn over all samples."""

import json
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset, TensorDataset

from lighter import LighterModule, System
from lighter.callbacks import ConfusionMatrix, Matrix, Picture
from lighter.callbacks.pictures.confusion_matrix import MatrixCollector
from lighter.callbacks.pictures.matrix_figure import draw_matrix, normalized
from lighter.errors import PictureError
from lighter.resumable import ResumableDataLoader

pytest.importorskip("matplotlib", reason="confusion matrices need matplotlib, the extra `figures`")


class Kept(pl.Callback):
    """Keeps what callbacks draw."""

    def __init__(self):
        self.pictures: list[Picture] = []
        self.matrices: list[Matrix] = []

    def on_picture(self, trainer, picture):
        self.pictures.append(picture)

    def on_matrix(self, trainer, matrix):
        self.matrices.append(matrix)

    def of(self, name):
        return [np.array(one.counts) for one in self.matrices if one.name == name]


class Echo(pl.LightningModule):
    """A module that no class of Lighter helps: its steps return what a batch holds."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def training_step(self, batch, batch_idx):
        return {"loss": self.weight.sum(), "pred": batch[0], "target": batch[1]}

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        return {"pred": batch[0], "target": batch[1]}

    test_step = predict_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(*callbacks, **options):
    defaults = {"accelerator": "cpu", "devices": 1, "max_epochs": 2, "logger": False, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(callbacks=list(callbacks), **{**defaults, **quiet, **options})


def loader(*tensors, batch_size=4, **options):
    return DataLoader(TensorDataset(*tensors), batch_size=batch_size, **options)


def counted(pred, target, num_classes, **options):
    """Return what `ConfusionMatrix` counts in a validation."""
    kept = Kept()
    callback = ConfusionMatrix(num_classes, **options)
    trainer(callback, kept).validate(Echo(), loader(pred, target), verbose=False)
    (matrix,) = kept.matrices
    return np.array(matrix.counts)


def by_scikit(pred, target, num_classes):
    confusion_matrix = pytest.importorskip("sklearn.metrics").confusion_matrix
    return confusion_matrix(target.numpy().ravel(), pred.numpy().ravel(), labels=range(num_classes))


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_labels(num_classes, *shape, seed=1):
    return torch.randint(num_classes, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(11,), (11, 6), (11, 5, 6), (11, 3, 4, 5)], ids=["samples", "tokens", "2-D", "3-D"])
@pytest.mark.parametrize("kind", ["logits", "probabilities", "labels", "half"])
def test_counts_are_those_of_scikit_learn(shape, kind):
    logits = random(shape[0], 5, *shape[1:])
    target = random_labels(5, *shape)
    pred = {
        "logits": logits,
        "probabilities": logits.softmax(1),
        "labels": logits.argmax(1),
        "half": logits.to(torch.bfloat16),
    }[kind]
    labels = pred if kind == "labels" else pred.argmax(1)
    assert np.array_equal(counted(pred, target, 5), by_scikit(labels, target, 5))


@pytest.mark.parametrize("shape", [(11,), (11, 1), (11, 1, 4, 4), (11, 4, 4)])
@pytest.mark.parametrize("target_type", [torch.long, torch.float32, torch.bool, torch.uint8])
def test_one_score_of_two_classes_is_counted(shape, target_type):
    logits = random(*shape)
    target = random_labels(2, *shape)
    expected = by_scikit((logits > 0).long(), target, 2)
    assert np.array_equal(counted(logits, target.to(target_type), 2), expected)
    assert np.array_equal(counted(logits.sigmoid(), target.to(target_type), 2), expected)


def test_logits_are_told_from_probabilities_by_the_epoch():
    """A batch of one sample with the logit 0.3 looks like a probability: torchmetrics counts it as the first class."""
    logits = torch.tensor([0.3, 0.2, 0.4, -3.0, 0.1, 2.0])
    target = torch.tensor([1, 1, 1, 0, 1, 1])
    kept = Kept()
    trainer(ConfusionMatrix(2), kept).validate(Echo(), loader(logits, target, batch_size=1), verbose=False)
    assert kept.of("val/confusion_matrix")[0].tolist() == [[1, 0], [0, 5]]


def test_a_threshold_is_for_single_scores():
    scores, target = torch.tensor([0.2, 0.4, 0.6, 0.8]), torch.tensor([0, 1, 0, 1])
    assert counted(scores, target, 2, threshold=0.3).tolist() == [[1, 1], [0, 2]]


@pytest.mark.parametrize("ignore_index", [255, -100, 0])
def test_ignored_targets_do_not_count(ignore_index):
    pred, target = random(9, 3, 4), random_labels(3, 9, 4)
    target[2:5, 1:] = ignore_index
    kept = target != ignore_index
    expected = by_scikit(pred.argmax(1)[kept], target[kept], 3)
    assert np.array_equal(counted(pred, target, 3, ignore_index=ignore_index), expected)
    binary = random(9, 4)
    target = random_labels(2, 9, 4)
    target[2:5, 1:] = 255
    expected = by_scikit((binary > 0).long()[target != 255], target[target != 255], 2)
    assert np.array_equal(counted(binary, target, 2, ignore_index=255), expected)


def test_each_epoch_of_a_system_is_counted():
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    x, y = random(10, 4), random_labels(3, 10)
    system = System(
        network,
        {"train": loader(x, y), "val": loader(x, y)},
        optimizer=torch.optim.SGD(network.parameters(), lr=5.0),
        criterion=nn.CrossEntropyLoss(),
    )
    kept, expected = Kept(), []

    class ByHand(pl.Callback):
        def on_validation_epoch_end(self, trainer, pl_module):
            if not trainer.sanity_checking:
                expected.append(by_scikit(network(x).argmax(1), y, 3))

    trainer(ConfusionMatrix(3, modes=["train", "val"]), kept, ByHand(), max_epochs=3).fit(system)
    found = kept.of("val/confusion_matrix")
    assert len(found) == len(kept.of("train/confusion_matrix")) == 3
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))
    assert len({str(matrix) for matrix in found}) > 1
    val = [one for one in kept.pictures if one.name.startswith("val")]
    assert [(one.epoch, one.step) for one in val] == [(0, 3), (1, 6), (2, 9)]
    assert [one.x for one in val] == [2, 5, 8]


def test_pictures_have_the_x_axis_of_the_logged_values(rows):
    network = nn.Linear(4, 3)
    data = loader(random(10, 4), random_labels(3, 10))
    module = System(
        network,
        {"train": data, "val": data},
        optimizer=torch.optim.SGD(network.parameters(), lr=0.5),
        criterion=nn.CrossEntropyLoss(),
    )
    kept = Kept()
    trainer(ConfusionMatrix(3, modes=["train", "val"]), kept, logger=rows, log_every_n_steps=1).fit(module)
    for mode in ("train", "val"):
        logged = [step for step, _ in rows.of(f"{mode}/loss/epoch")]
        assert [one.x for one in kept.pictures if one.name.startswith(mode)] == logged


def test_epochs_are_left_out_and_the_sanity_check_is():
    kept = Kept()
    data = loader(random(8, 3), random_labels(3, 8))
    fitting = trainer(ConfusionMatrix(3, every_n_epochs=2), kept, max_epochs=5, num_sanity_val_steps=2)
    fitting.fit(Echo(), data, data)
    assert [one.epoch for one in kept.matrices] == [1, 3]
    assert all(np.array(one.counts).sum() == 8 for one in kept.matrices)


@pytest.mark.parametrize("mode", ["val", "test", "predict"])
def test_each_stage_draws_its_mode_alone(mode):
    kept = Kept()
    callback = ConfusionMatrix(3, modes=[mode])
    stages = {"val": "validate", "test": "test", "predict": "predict"}
    for stage in stages.values():
        options = {} if stage == "predict" else {"verbose": False}
        getattr(trainer(callback, kept), stage)(Echo(), loader(random(8, 3), random_labels(3, 8)), **options)
    assert [one.name for one in kept.matrices] == [f"{mode}/confusion_matrix"]


def test_several_loaders_have_a_matrix_each():
    kept = Kept()
    loaders = [loader(random(size, 3), random_labels(3, size)) for size in (8, 5)]
    trainer(ConfusionMatrix(3), kept).validate(Echo(), loaders, verbose=False)
    sizes = {one.name: int(np.array(one.counts).sum()) for one in kept.matrices}
    assert sizes == {f"val/confusion_matrix/dataloader_idx_{i}": size for i, size in enumerate((8, 5))}


def test_steps_that_return_nothing_are_left_out():
    class Skips(Echo):
        def validation_step(self, batch, batch_idx):
            return None if batch_idx == 0 else super().validation_step(batch, batch_idx)

    kept = Kept()
    trainer(ConfusionMatrix(3), kept).validate(Skips(), loader(random(8, 3), random_labels(3, 8)), verbose=False)
    assert np.array(kept.matrices[0].counts).sum() == 4


def test_functions_take_pred_and_target_from_the_output():
    class Nested(Echo):
        def validation_step(self, batch, batch_idx):
            return {"heads": {"cls": batch[0]}, "y": nn.functional.one_hot(batch[1], 3)}

    kept = Kept()
    callback = ConfusionMatrix(
        3, pred=lambda output: output["heads"]["cls"], target=lambda output: output["y"].argmax(1)
    )
    x, y = random(8, 3), random_labels(3, 8)
    trainer(callback, kept).validate(Nested(), loader(x, y), verbose=False)
    assert np.array_equal(kept.matrices[0].counts, by_scikit(x.argmax(1), y, 3))


# Wrong arguments and outputs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be 2 or more, got 1"),
        ({"num_classes": 3, "labels": ["a"]}, "`labels` must have 3 names, got 1"),
        ({"num_classes": 3, "labels": "abc"}, "`labels` must have 3 names, got abc"),
        ({"num_classes": 3, "normalize": "truth"}, "unknown `normalize` 'truth'"),
        ({"num_classes": 3, "modes": "val"}, "`modes` must be a list of modes, got 'val'"),
        ({"num_classes": 3, "modes": ["validate"]}, "`modes` must be a list of modes"),
        ({"num_classes": 3, "every_n_epochs": 0}, "`every_n_epochs` must be 1 or more, got 0"),
        ({"num_classes": 3, "name": "../x"}, "invalid name '../x'"),
        ({"num_classes": 3, "name": "/x"}, "invalid name '/x'"),
        ({"num_classes": 3, "name": "a//b"}, "invalid name 'a//b'"),
    ],
)
def test_invalid_arguments_are_refused_at_construction(options, message):
    with pytest.raises(PictureError, match="ConfusionMatrix") as raised:
        ConfusionMatrix(**options)
    assert raised.value.what.startswith(message)


@pytest.mark.parametrize(
    ("pred", "target", "num_classes", "message"),
    [
        (random(4, 3), random_labels(2, 4, 3), 3, "`target` must be labels, got one value for each of 3 classes"),
        (random(4, 3), random_labels(2, 4, 3).float(), 3, "`target` must be labels, got one value for each of"),
        (random(4, 3), random_labels(5, 4) + 2, 3, "`target` has the label"),
        (random_labels(5, 4) + 2, random_labels(3, 4), 3, "`pred` has the label"),
        (random(4, 3), -torch.ones(4).long(), 3, "`target` has the label -1, but `num_classes` is 3"),
        (random(4, 4), random_labels(3, 4), 3, r"`pred` of shape \(4, 4\) does not fit `target` of shape \(4,\)"),
        (random(4), random_labels(3, 4), 3, "`pred` has one score for each target, but `num_classes` is 3"),
        (random(4, 3), random(4), 3, "`target` must be labels, got numbers that are not integers"),
    ],
)
def test_what_is_not_labels_is_an_error_that_names_the_batch(pred, target, num_classes, message):
    with pytest.raises(PictureError, match=message) as raised:
        counted(pred, target, num_classes)
    assert raised.value.where == "ConfusionMatrix, val batch 0"
    assert raised.value.expected


def test_a_step_that_returns_a_loss_alone_is_told_what_to_return():
    class Bare(Echo):
        def validation_step(self, batch, batch_idx):
            return batch[0].mean()

    with pytest.raises(PictureError, match="`pred` does not exist in what the step returned") as raised:
        trainer(ConfusionMatrix(3), Kept()).validate(Bare(), loader(random(4, 3), random_labels(3, 4)), verbose=False)
    assert 'return {"loss": loss, "pred": pred}' in raised.value.fix


def test_two_callbacks_of_one_name_are_an_error():
    callbacks = [ConfusionMatrix(3), ConfusionMatrix(3)]
    with pytest.raises(PictureError, match="'confusion_matrix' is given twice"):
        trainer(*callbacks).validate(Echo(), loader(random(4, 3), random_labels(3, 4)))
    trainer(ConfusionMatrix(3), ConfusionMatrix(3, name="other"), Kept()).validate(
        Echo(), loader(random(4, 3), random_labels(3, 4)), verbose=False
    )


def test_matplotlib_is_needed_at_construction(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PictureError, match="ConfusionMatrix needs matplotlib") as raised:
        ConfusionMatrix(3)
    assert "lighter-core[figures]" in raised.value.fix


def test_pictures_that_nobody_keeps_are_a_warning():
    with pytest.warns(UserWarning, match="nobody keeps the pictures of ConfusionMatrix"):
        trainer(ConfusionMatrix(3)).validate(Echo(), loader(random(4, 3), random_labels(3, 4)), verbose=False)


# What is drawn


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_shares_are_those_of_scikit_learn(normalize):
    confusion_matrix = pytest.importorskip("sklearn.metrics").confusion_matrix
    pred, target = random_labels(4, 50).numpy(), random_labels(4, 50, seed=2).numpy()
    counts = confusion_matrix(target, pred)
    assert normalized(counts, normalize) == pytest.approx(confusion_matrix(target, pred, normalize=normalize))


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_cells_have_numbers_up_to_twenty_classes():
    counts = np.arange(16).reshape(4, 4)
    assert texts(draw_matrix(counts, normalized(counts, "none"), list("abcd"), "t")) == [str(i) for i in range(16)]
    shares = draw_matrix(counts, normalized(counts, "true"), list("abcd"), "t")
    assert texts(shares)[4:8] == ["0.18", "0.23", "0.27", "0.32"]
    many = np.eye(21, dtype=int)
    assert texts(draw_matrix(many, normalized(many, "none"), [str(i) for i in range(21)], "t")) == []


@pytest.mark.parametrize("num_classes", [2, 20, 100, 400])
def test_a_drawn_matrix_has_a_bounded_size_and_its_labels(num_classes):
    names = [f"a rather long name of class {i} $x_" for i in range(num_classes)]
    counts = np.eye(num_classes, dtype=int)
    figure = draw_matrix(counts, normalized(counts, "none"), names, "a title with a $ sign")
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert 2 <= len(shown) <= 60
    assert shown[0].endswith("…")
    assert max(figure.get_size_inches()) * figure.dpi <= 1500


def test_the_picture_of_a_matrix_has_its_colors(tmp_path):
    kept = Kept()
    x = torch.eye(3).repeat(4, 1)
    trainer(ConfusionMatrix(3, directory=tmp_path), kept).validate(Echo(), loader(x, x.argmax(1)), verbose=False)
    (picture,) = kept.pictures
    assert picture.caption == "12 counted, 100.0 % on the diagonal"
    dark = (picture.pixels.reshape(-1, 3) == [8, 48, 107]).all(1).mean()  # the last of Blues: three of nine cells
    assert 0.15 < dark < 0.35
    image = pytest.importorskip("PIL.Image")
    with image.open(tmp_path / "val/confusion_matrix/epoch=0000.png") as opened:
        assert np.array_equal(np.asarray(opened), picture.pixels)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["epoch=0000.png"]


# Resumed runs


class Saves(pl.Callback):
    """Saves a checkpoint after a batch of an epoch."""

    def __init__(self, epoch, batch, file):
        self.epoch, self.batch, self.file = epoch, batch, file

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            trainer.save_checkpoint(self.file)


class Classifier(LighterModule):
    def training_step(self, batch, batch_idx):
        pred = self(batch[0])
        return {"loss": self.criterion(pred, batch[1]), "pred": pred, "target": batch[1]}

    def validation_step(self, batch, batch_idx):
        pred = self(batch[0])
        return {"pred": pred, "target": batch[1]}


def classifier():
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    return Classifier(network, nn.CrossEntropyLoss(), torch.optim.SGD(network.parameters(), lr=0.1))


@pytest.mark.parametrize("batch", [0, 1, 2])
def test_an_epoch_resumed_inside_counts_each_sample_once(tmp_path, batch):
    data = TensorDataset(random(11, 4), random_labels(3, 11))
    file = tmp_path / "a.ckpt"
    found = []
    for ckpt_path in (None, file):
        kept = Kept()
        matrix = ConfusionMatrix(3, modes=["train", "val"])
        saves = [] if ckpt_path else [Saves(1, batch, file)]
        torch.manual_seed(1)
        train = ResumableDataLoader(data, batch_size=4, shuffle=True)
        fitting = trainer(matrix, kept, *saves, max_epochs=3)
        fitting.fit(classifier(), train, DataLoader(data, batch_size=4), ckpt_path=ckpt_path, weights_only=True)
        found.append({(one.name, one.epoch): one.counts for one in kept.matrices})
    whole, resumed = found
    assert {epoch for _, epoch in resumed} == {1, 2}
    assert resumed == {key: counts for key, counts in whole.items() if key[1] > 0}
    assert np.array(resumed["train/confusion_matrix", 1]).sum() == 11


# Ranks


class Uneven(IterableDataset):
    """Gives the first rank five batches, the second none."""

    def __iter__(self):
        rank = torch.distributed.get_rank()
        for index in range(10 if rank == 0 else 0):
            yield random(3, seed=index), torch.tensor(index % 3)


def on_two_ranks():
    """Write the matrices of 11 samples, of which the samplers repeat one."""
    x, y = random(11, 3), random_labels(3, 11)
    kept = Kept()
    callback = ConfusionMatrix(3, modes=["train", "val", "test"])
    fitting = trainer(callback, kept, strategy="ddp", devices=2, max_epochs=2)
    fitting.fit(Echo(), loader(x, y), loader(x, y))
    fitting.test(Echo(), loader(x, y), verbose=False)
    binary = Kept()
    scores = torch.tensor([0.3, 0.2, 0.1, 2.0])  # only the second rank sees that they are logits
    fitting = trainer(ConfusionMatrix(2), binary, strategy="ddp", devices=2)
    fitting.validate(Echo(), loader(scores, torch.tensor([1, 1, 1, 1])), verbose=False)
    uneven = Kept()
    trainer(ConfusionMatrix(3), uneven, strategy="ddp", devices=2).validate(
        Echo(), DataLoader(Uneven(), batch_size=2), verbose=False
    )
    file = Path("mid.ckpt")
    resumed = []
    for ckpt_path in (None, file):
        own = Kept()
        saves = [] if ckpt_path else [Saves(1, 0, file)]
        trained = Echo()
        again = trainer(ConfusionMatrix(3, modes=["train"]), own, *saves, strategy="ddp", devices=2)
        again.fit(trained, ResumableDataLoader(TensorDataset(x[:8], y[:8]), batch_size=2), ckpt_path=ckpt_path)
        resumed.append([one.counts for one in own.matrices])
    rank = fitting.global_rank
    found = {f"{one.name} {one.epoch}": one.counts for one in kept.matrices}
    found |= {"binary": [one.counts for one in binary.matrices], "uneven": [one.counts for one in uneven.matrices]}
    Path(f"{rank}.json").write_text(json.dumps({**found, "resumed": resumed, "pictures": len(kept.pictures)}))


def test_two_ranks_count_each_sample_once(two_ranks):
    found = json.loads((two_ranks / "0.json").read_text())
    x, y = random(11, 3), random_labels(3, 11)
    expected = by_scikit(x.argmax(1), y, 3).tolist()
    for name in ("train/confusion_matrix 0", "train/confusion_matrix 1", "val/confusion_matrix 0"):
        assert found[name] == expected, name
    assert found["test/confusion_matrix 2"] == expected
    assert found["binary"] == [[[0, 0], [0, 4]]]


def test_a_rank_without_a_batch_waits_for_nobody(two_ranks):
    (counts,) = json.loads((two_ranks / "0.json").read_text())["uneven"]
    assert np.array(counts).sum() == 10


def test_two_ranks_resume_inside_an_epoch(two_ranks):
    whole, resumed = json.loads((two_ranks / "0.json").read_text())["resumed"]
    assert [np.array(counts).sum() for counts in whole] == [8, 8]
    assert resumed == whole[1:]


def test_only_rank_zero_draws(two_ranks):
    assert json.loads((two_ranks / "0.json").read_text())["pictures"] == 5
    assert json.loads((two_ranks / "1.json").read_text())["pictures"] == 0


def test_padded_samples_of_a_shuffling_sampler_are_left_out():
    collectors = []
    for rank in range(2):
        data = TensorDataset(random(11, 3), random_labels(3, 11))
        sampler = DistributedSampler(data, num_replicas=2, rank=rank, shuffle=True)
        kept = Kept()
        own = DataLoader(data, batch_size=4, sampler=sampler)
        trainer(ConfusionMatrix(3, modes=["train"]), kept, max_epochs=1).fit(Echo(), own, own)
        collectors.append(np.array(kept.matrices[0].counts))
    assert sum(collectors).sum() == 11


@pytest.mark.gpu
def test_counting_on_a_gpu_is_the_same():
    pred, target = random(50, 5), random_labels(5, 50)
    collector = MatrixCollector(5, ignore_index=None, threshold=0.5, device="cuda")
    collector.add({"pred": pred.cuda(), "target": target.cuda()}, range(50), "")
    assert np.array_equal(collector.counts(), by_scikit(pred.argmax(1), target, 5))
