"""The pixels of shown images are those of the denormalized tensors, of the same samples in each epoch."""

import json
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, default_collate

from lighter.callbacks import ImageLogger
from lighter.callbacks.pictures.image_grid import GAP, TEXT_HEIGHT
from lighter.callbacks.pictures.label_colors import colored, laid_over
from lighter.callbacks.pictures.rendering import View, as_pixels
from lighter.errors import PictureError
from lighter.resumable import ResumableDataLoader

Image = pytest.importorskip("PIL.Image", reason="images need Pillow, the extra `images`")

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Kept(pl.Callback):
    def __init__(self):
        self.pictures = []

    def on_picture(self, trainer, picture):
        self.pictures.append(picture)


class Samples(Dataset):
    """Samples of given tensors, each with its name."""

    def __init__(self, **values):
        self.values = values

    def __len__(self):
        return len(next(iter(self.values.values())))

    def __getitem__(self, index):
        return {name: value[index] for name, value in self.values.items()}


class Echo(pl.LightningModule):
    """Its steps return what a batch holds."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def training_step(self, batch, batch_idx):
        return {"loss": self.weight.sum(), **batch}

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        return dict(batch)

    test_step = predict_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(*callbacks, **options):
    defaults = {"accelerator": "cpu", "devices": 1, "max_epochs": 2, "logger": False, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(callbacks=list(callbacks), **{**defaults, **quiet, **options})


def shown(values, *, batch_size=4, module=None, **options):
    """Return the picture of a validation over these values."""
    kept = Kept()
    loader = DataLoader(Samples(**values), batch_size=batch_size)
    options = {"min_size": 1, **options}
    trainer(ImageLogger(**options), kept).validate(module or Echo(), loader, verbose=False)
    return kept.pictures[0]


def tiles(pixels, heights, widths):
    """Cut a picture of rows of images into the images; a legend may follow."""
    rows, top = [], TEXT_HEIGHT
    for height in heights:
        top += GAP
        row, left = [], GAP
        for width in widths:
            row.append(pixels[top : top + height, left : left + width])
            left += width + GAP
        rows.append(row)
        top += height + TEXT_HEIGHT
    assert (pixels.shape[0] - top) % TEXT_HEIGHT == 0
    return rows


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def as_bytes(image):
    """Return ``(C, H, W)`` in [0, 1] as ``(H, W, 3)`` in bytes, with numpy alone."""
    pixels = np.rint(np.clip(image.numpy(), 0, 1) * np.float32(255)).astype(np.uint8)
    return np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)


def test_pixels_are_those_of_the_denormalized_images():
    images = random(6, 3, 7, 9)
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    normalized = (images - mean) / std
    masks = torch.randint(4, (6, 7, 9))
    scores = random(6, 4, 7, 9, seed=1)
    picture = shown({"input": normalized, "target": masks, "pred": scores}, max_images=3, mean=MEAN, std=STD)
    rows = tiles(picture.pixels, [7] * 3, [9] * 3)
    for i, (image, target, pred) in enumerate(rows):
        assert np.array_equal(image, as_bytes(normalized[i] * std + mean))
        assert np.abs(image.astype(int) - as_bytes(images[i])).max() <= 1
        assert np.array_equal(target, colored(masks[i]).numpy())
        assert np.array_equal(pred, colored(scores[i].argmax(0)).numpy())
    assert picture.caption == "input | target | pred; 0; 1; 2"


def test_images_without_normalization_are_shown_as_they_are():
    images = random(2, 1, 5, 6)
    restored = random(2, 1, 5, 6, seed=1)
    picture = shown({"input": images, "target": images, "pred": restored})
    for i, (image, target, pred) in enumerate(tiles(picture.pixels, [5] * 2, [6] * 3)):
        assert np.array_equal(image, as_bytes(images[i]))
        assert np.array_equal(target, as_bytes(images[i]))
        assert np.array_equal(pred, as_bytes(restored[i]))


def test_bytes_stay_bytes():
    images = torch.arange(2 * 3 * 16 * 16).reshape(2, 3, 16, 16).to(torch.uint8)
    picture = shown({"input": images, "pred": images}, target=None)
    for i, row in enumerate(tiles(picture.pixels, [16] * 2, [16] * 2)):
        assert all(np.array_equal(tile, images[i].permute(1, 2, 0).numpy()) for tile in row)


def test_values_of_another_range_are_stretched():
    scan = torch.tensor([[[-1000.0, 0.0], [500.0, 1000.0]]])[None]
    picture = shown({"input": scan}, target=None, pred=None)
    pixels = picture.pixels[TEXT_HEIGHT + GAP :, GAP:][:2, :2, 0]
    assert pixels.tolist() == [[0, 128], [191, 255]]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_pixel_that_is_not_a_number_is_black(value):
    image = torch.full((1, 2, 2), 0.5)
    image[0, 0, 0] = value
    view = View(0, 1, None, None, None, 1, 512)
    assert as_pixels(image, view)[..., 0].tolist() == [[0, 128], [128, 128]]


@pytest.mark.parametrize(("channels", "expected"), [(None, [0]), (2, [2]), ([3, 1, 0], [3, 1, 0])])
def test_of_many_channels_one_or_three_are_shown(channels, expected):
    images = random(1, 4, 5, 5)
    picture = shown({"input": images}, target=None, pred=None, channels=channels)
    assert np.array_equal(picture.pixels[TEXT_HEIGHT + GAP :, GAP:][:5, :5], as_bytes(images[0][expected]))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("slices", [1, 2, [0, 3], [-1]])
def test_slices_of_volumes_are_cut_along_an_axis(axis, slices):
    volumes = random(2, 1, 8, 9, 10)
    masks = torch.randint(3, (2, 1, 8, 9, 10))
    picture = shown({"input": volumes, "target": masks, "pred": masks.float()}, axis=axis, slices=slices, max_images=1)
    length = volumes.shape[2 + axis]
    indices = {1: [length // 2], 2: [length // 4, length * 3 // 4]}.get(slices if isinstance(slices, int) else 0)
    indices = slices if indices is None else indices
    height, width = (side for number, side in enumerate((8, 9, 10)) if number != axis)
    rows = tiles(picture.pixels, [height] * len(indices), [width] * 3)
    for index, (image, target, pred) in zip(indices, rows, strict=True):
        assert np.array_equal(image, as_bytes(volumes[0].select(axis + 1, index)))
        expected = colored(masks[0, 0].select(axis, index)).numpy()
        assert np.array_equal(target, expected)
        assert np.array_equal(pred, expected)


def test_a_legend_names_the_labels_that_are_shown():
    masks = torch.zeros(2, 40, 60, dtype=torch.long)
    masks[0, :10], masks[1, :10], masks[1, 10:20] = 2, 1, 255
    values = {"input": random(2, 1, 40, 60), "target": masks}
    names = ["nothing", "liver", "spleen", "heart"]
    pixels = shown(values, labels=names, ignore_index=255, pred=None).pixels
    legend = pixels[TEXT_HEIGHT + 2 * (GAP + 40 + TEXT_HEIGHT) :]
    assert legend.shape[0] == TEXT_HEIGHT
    found = {tuple(pixel) for pixel in legend[TEXT_HEIGHT // 2].tolist()}
    of_labels = {tuple(colored(torch.tensor([[label]]))[0, 0].tolist()) for label in range(1, 4)}
    shown_colors = {tuple(colored(torch.tensor([[label]]))[0, 0].tolist()) for label in (1, 2)}
    assert found & of_labels == shown_colors


def test_a_long_legend_takes_several_lines_and_is_cut_at_the_width():
    names = [f"structure {number}" for number in range(20)]
    masks = torch.arange(400).reshape(1, 20, 20) % 20
    pixels = shown({"input": random(1, 1, 20, 20), "target": masks}, labels=names, pred=None).pixels
    top = TEXT_HEIGHT + GAP + 20 + TEXT_HEIGHT
    assert pixels.shape == (top + 19 * TEXT_HEIGHT, 2 * 20 + 3 * GAP, 3)


def test_label_maps_are_laid_over_the_input():
    images = random(1, 3, 4, 4)
    masks = torch.tensor([[0, 1, 2, 255]]).repeat(4, 1)[None]
    picture = shown({"input": images, "target": masks, "pred": masks}, overlay=True, ignore_index=255)
    ((image, target, _),) = tiles(picture.pixels, [4], [4] * 3)
    assert np.array_equal(target[:, 0], image[:, 0])
    assert target[0, 1].tolist() == [round((int(a) + b) / 2) for a, b in zip(image[0, 1], (230, 159, 0), strict=True)]
    assert np.array_equal(target, laid_over(image, masks[0], 255))
    assert target[0, 3].tolist() == [round((int(channel) + 128) / 2) for channel in image[0, 3]]


def test_binary_masks_come_from_logits_and_probabilities():
    logits = torch.tensor([[[[-2.0, 3.0], [0.2, -0.1]]]])
    masks = torch.tensor([[[[0, 1], [1, 0]]]])
    for pred in (logits, logits.sigmoid()):
        picture = shown({"input": random(1, 1, 2, 2), "target": masks, "pred": pred})
        ((_, target, drawn),) = tiles(picture.pixels, [2], [2] * 3)
        assert np.array_equal(target, drawn)


def test_classes_are_written_below():
    values = {"input": random(2, 1, 8, 8), "target": torch.tensor([2, 0]), "pred": torch.eye(3)[[1, 0]]}
    picture = shown(values, labels=["cat", "dog", "bird"])
    assert picture.caption == "input; 0: target bird, pred dog; 1: target cat, pred cat"
    blank = shown(values, labels=["cat", "dog", "bird"], target=None, pred=None)
    assert picture.pixels.shape == blank.pixels.shape
    assert (picture.pixels != blank.pixels).any()


def test_small_images_are_enlarged_by_a_whole_factor_and_large_ones_reduced():
    images = random(1, 1, 8, 6)
    picture = shown({"input": images}, target=None, pred=None, min_size=30)
    pixels = picture.pixels[TEXT_HEIGHT + GAP :, GAP:][:32, :24]
    assert np.array_equal(pixels[::4, ::4], as_bytes(images[0]))
    large = shown({"input": random(1, 3, 900, 300), "target": torch.ones(1, 900, 300).long()}, pred=None, max_size=90)
    ((image, target),) = tiles(large.pixels, [90], [30] * 2)
    assert 100 < image.mean() < 155
    assert {tuple(color) for color in target.reshape(-1, 3)} == {(230, 159, 0)}


def test_images_of_different_sizes_stand_in_columns():
    class Scans(Echo):
        def validation_step(self, batch, batch_idx):
            return {"input": [item["input"] for item in batch]}

    kept = Kept()
    data = [{"input": random(1, 5, 9)}, {"input": random(1, 7, 3)}]
    loader = DataLoader(data, batch_size=2, collate_fn=list)
    trainer(ImageLogger(min_size=1, target=None, pred=None), kept).validate(Scans(), loader, verbose=False)
    assert kept.pictures[0].pixels.shape == (TEXT_HEIGHT + 7 + GAP + TEXT_HEIGHT, 9 + 3 + 4 * GAP, 3)


# Which samples


def epochs_of(fitting_options=None, *, modes=("val",), loader=None, ckpt_path=None, saves=(), max_epochs=3, **options):
    kept = Kept()
    callback = ImageLogger(min_size=1, target=None, pred=None, modes=modes, max_images=3, **options)
    torch.manual_seed(1)
    fitting = trainer(callback, kept, *saves, max_epochs=max_epochs, **(fitting_options or {}))
    fitting.fit(Echo(), loader(), loader(), ckpt_path=ckpt_path)
    return {(one.name, one.epoch): one for one in kept.pictures}


def named(shuffle, kind=DataLoader):
    data = Samples(input=random(20, 1, 2, 2), identifier=[f"scan.{i}" for i in range(20)])
    return lambda: kind(data, batch_size=6, shuffle=shuffle)


@pytest.mark.filterwarnings("ignore:Your `val_dataloader`'s sampler has shuffling enabled")
@pytest.mark.parametrize("modes", [["val"], ["train"]])
def test_each_epoch_shows_the_same_samples_by_their_identifier(modes):
    pictures = list(epochs_of(modes=modes, loader=named(shuffle=True)).values())
    assert len(pictures) == 3
    assert len({picture.caption for picture in pictures}) == 1
    assert pictures[0].caption.count("scan.") == 3
    assert all(np.array_equal(picture.pixels, pictures[0].pixels) for picture in pictures)


def test_without_an_identifier_the_first_samples_are_shown():
    data = Samples(input=random(20, 1, 2, 2))
    pictures = list(epochs_of(loader=lambda: DataLoader(data, batch_size=2)).values())
    assert [picture.caption for picture in pictures] == ["input; 0; 1; 2"] * 3


def test_samples_of_one_identifier_are_each_shown():
    data = Samples(input=random(4, 1, 2, 2), identifier=["a", "a", "b", "c"])
    pictures = list(epochs_of(loader=lambda: DataLoader(data, batch_size=1)).values())
    assert [picture.caption for picture in pictures] == ["input; a; a; b"] * 3
    assert len({picture.pixels.tobytes() for picture in pictures}) == 1


class Saves(pl.Callback):
    def __init__(self, epoch, batch, file):
        self.epoch, self.batch, self.file = epoch, batch, file

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == (self.epoch, self.batch):
            trainer.save_checkpoint(self.file)


@pytest.mark.filterwarnings("ignore:Your `val_dataloader`'s sampler has shuffling enabled")
@pytest.mark.parametrize("batch", [0, 2])
def test_a_resumed_run_shows_the_same_samples(tmp_path, batch):
    file = tmp_path / "a.ckpt"
    options = {"modes": ["train", "val"], "loader": named(shuffle=True, kind=ResumableDataLoader)}
    whole = epochs_of(saves=[Saves(1, batch, file)], **options)
    torch.load(file, weights_only=True)
    resumed = epochs_of(ckpt_path=file, **options)
    assert {epoch for _, epoch in resumed} == {1, 2}
    for key, picture in resumed.items():
        assert picture.caption == whole[key].caption
        assert np.array_equal(picture.pixels, whole[key].pixels)
        assert (picture.step, picture.x) == (whole[key].step, whole[key].x)


def on_two_ranks():
    """Write what rank 0 shows, where rank 1 has no batch in the last validation."""
    kept = Kept()
    data = Samples(input=random(9, 1, 2, 2), identifier=[f"scan.{i}" for i in range(9)])
    callback = ImageLogger(3, min_size=1, target=None, pred=None, modes=["val", "predict"])
    fitting = trainer(callback, kept, strategy="ddp", devices=2)
    loader = DataLoader(data, batch_size=2)
    fitting.fit(Echo(), loader, loader)
    fitting.predict(Echo(), loader, return_predictions=False)
    Path(f"{fitting.global_rank}.json").write_text(json.dumps([one.caption for one in kept.pictures]))


def test_two_ranks_show_samples_of_rank_zero(two_ranks):
    captions = json.loads((two_ranks / "0.json").read_text())
    assert captions == ["input; scan.0; scan.2; scan.4"] * 3
    assert json.loads((two_ranks / "1.json").read_text()) == []


# Wrong arguments and outputs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_images": 0}, "`max_images` must be 1 or more, got 0"),
        ({"axis": 3}, "unknown `axis` 3"),
        ({"slices": 0}, "`slices` must be 1 or more, got 0"),
        ({"target_as": "label"}, "unknown `target_as` 'label'"),
        ({"spatial_dims": 4}, "unknown `spatial_dims` 4"),
        ({"min_size": 100, "max_size": 50}, "`min_size` 100 is larger than `max_size` 50"),
    ],
)
def test_invalid_arguments_are_refused_at_construction(options, message):
    with pytest.raises(PictureError, match="ImageLogger") as raised:
        ImageLogger(**options)
    assert raised.value.what == message


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"input": random(4, 7)}, {}, r"`input` must be images or volumes, got samples of shape \(7,\)"),
        ({"input": random(4, 1, 2, 2), "pred": random(4, 1, 2, 2)}, {"mean": MEAN}, "`mean` has 3 values, but the"),
        ({"input": random(4, 1, 2, 2)}, {"channels": 1}, "`channels` 1 do not exist: the image has 1"),
        ({"input": random(4, 1, 4, 4, 4)}, {"slices": [4]}, "slice 4 does not exist: axis 0 has 4"),
        ({"input": random(4, 1, 2, 2), "x": random(4)}, {"pred": "preds"}, "`preds` does not exist in what the step"),
        ({"input": ["a", "b", "c", "d"]}, {}, "`input` must be a tensor for each sample, got a str"),
        (
            {"input": random(4, 1, 2, 2), "pred": random(4, 2)},
            {"pred_as": "labels"},
            r"`pred` of shape \(2,\) is not an image beside an input \(1, 2, 2\)",
        ),
    ],
)
def test_what_is_not_an_image_is_an_error(values, options, message):
    with pytest.raises(PictureError, match=message):
        shown(values, **({"pred": None} | options if "pred" not in values else options))


def test_pillow_is_needed_at_construction(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PictureError, match="ImageLogger needs Pillow") as raised:
        ImageLogger()
    assert "lighter-core[images]" in raised.value.fix


def test_values_of_a_batch_are_not_kept():
    """A view of one sample would keep its whole batch in memory."""

    class Watch(pl.Callback):
        def on_validation_epoch_end(self, trainer, pl_module):
            (callback,) = [one for one in trainer.callbacks if isinstance(one, ImageLogger)]
            (collector,) = callback._passes["val"].collectors
            self.num_bytes = [block.untyped_storage().nbytes() for one in collector.samples for block in one.blocks]

    watch = Watch()
    loader = DataLoader(Samples(input=random(64, 3, 64, 64)), batch_size=64, collate_fn=default_collate)
    callback = ImageLogger(2, min_size=1, target=None, pred=None)
    trainer(watch, callback, Kept()).validate(Echo(), loader, verbose=False)
    assert len(watch.num_bytes) == 2
    assert max(watch.num_bytes) < 64 * 64 * 3 * 2
