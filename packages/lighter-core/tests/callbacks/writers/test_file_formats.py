import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from lighter.callbacks import FileWriter, register_file_format
from lighter.callbacks.writers import file_formats
from lighter.callbacks.writers.file_formats import (
    FileFormat,
    find_file_format,
    save_image_2d,
    save_image_3d,
    save_tensor,
    save_text,
)
from lighter.errors import WriterError

Image = pytest.importorskip("PIL.Image", reason="images need Pillow, the extra `images`")


@pytest.fixture
def formats(monkeypatch):
    """The registered formats, as they were before when the test is over."""
    monkeypatch.setattr(file_formats, "_FORMATS", dict(file_formats._FORMATS))


def write(folder, values, file_format):
    class Module(pl.LightningModule):
        def predict_step(self, batch, batch_idx):
            return values[batch]

    trainer = pl.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.callbacks.append(FileWriter(folder, format=file_format))
    trainer.predict(Module(), DataLoader(range(len(values)), batch_size=2), return_predictions=False)


@pytest.mark.parametrize("shape", [(6, 5), (1, 6, 5), (3, 6, 5), (4, 6, 5)])
def test_png_holds_floats_from_zero_to_one_as_bytes(tmp_path, shape):
    image = torch.rand(shape)
    save_image_2d(tmp_path / "x.png", image)
    expected = (image * 255).round().byte().numpy()
    read = np.asarray(Image.open(tmp_path / "x.png"))
    assert np.array_equal(
        read, expected.squeeze() if expected.ndim == 2 or shape[0] == 1 else expected.transpose(1, 2, 0)
    )


def test_masks_and_integers_keep_their_meaning(tmp_path):
    save_image_2d(tmp_path / "mask.png", torch.tensor([[True, False]]))
    save_image_2d(tmp_path / "labels.png", np.array([[0, 7, 255]]))
    assert np.asarray(Image.open(tmp_path / "mask.png")).tolist() == [[255, 0]]
    assert np.asarray(Image.open(tmp_path / "labels.png")).tolist() == [[0, 7, 255]]


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_tiff_holds_a_page_a_slice(tmp_path, channels):
    volume = torch.rand(4, 6, 5) if channels is None else torch.rand(channels, 4, 6, 5)
    save_image_3d(tmp_path / "x.tiff", volume)
    with Image.open(tmp_path / "x.tiff") as image:
        assert image.n_frames == 4
        image.seek(2)
        read = np.asarray(image)
    page = volume[2] if channels is None else volume[:, 2].squeeze(0)
    expected = (page * 255).round().byte().numpy()
    assert np.array_equal(read, expected if expected.ndim == 2 else expected.transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("save", "value"),
    [
        (save_image_2d, torch.rand(2, 6, 5)),
        (save_image_2d, torch.rand(3)),
        (save_image_2d, "text"),
        (save_image_3d, torch.rand(6, 5)),
        (save_image_3d, torch.rand(2, 4, 6, 5)),
        (save_image_3d, torch.rand(0, 6, 5)),
        (save_image_2d, torch.full((6, 5), 1.5)),
        (save_image_2d, torch.full((6, 5), -0.1)),
        (save_image_2d, torch.full((6, 5), float("nan"))),
        (save_image_2d, torch.full((6, 5), 256)),
        (save_text, {"a": 1}),
        (save_text, [[1], [2]]),
    ],
)
def test_a_value_that_a_format_cannot_hold_is_an_error(tmp_path, save, value):
    with pytest.raises(WriterError) as raised:
        save(tmp_path / "x", value)
    assert raised.value.expected
    assert raised.value.fix


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("NA\n", "NA\n"),
        (3, "3"),
        (torch.tensor(0.5), "0.5"),
        (torch.tensor([1, 2]), "1\n2\n"),
        (["a", "b"], "a\nb\n"),
    ],
)
def test_text_is_written_as_it_is_and_lists_line_by_line(tmp_path, value, text):
    save_text(tmp_path / "x.txt", value)
    assert (tmp_path / "x.txt").read_bytes() == text.encode()


def test_tensors_of_any_type_come_back_equal(tmp_path):
    for value in (torch.rand(3).bfloat16(), torch.rand(2, 2).T, np.arange(3), torch.arange(3)):
        save_tensor(tmp_path / "x.pt", value)
        back = torch.load(tmp_path / "x.pt", weights_only=False)
        assert np.array_equal(torch.as_tensor(back).float(), torch.as_tensor(value).float())


def test_a_registered_format_is_known_by_its_name(tmp_path, formats):
    @register_file_format("array", suffix=".npy")
    def save_array(file, value):
        np.save(file, value.numpy())

    write(tmp_path / "by_name", torch.arange(3.0), "array")
    write(tmp_path / "by_function", torch.arange(3.0), save_array)
    for folder in ("by_name", "by_function"):
        assert np.load(tmp_path / folder / "000002.npy") == 2.0


def test_an_unregistered_function_writes_the_given_file(tmp_path):
    write(tmp_path / "preds", torch.arange(3.0), lambda file, value: file.write_text(f"{value}"))
    assert (tmp_path / "preds" / "000002").read_text() == "2.0"


def test_a_function_that_adds_a_suffix_is_told_to_say_so(tmp_path):
    with pytest.raises(WriterError, match="`000000` is empty: the function given as format") as raised:
        write(tmp_path / "preds", torch.arange(3.0), lambda file, value: np.save(file, value.numpy()))
    assert "register_file_format" in raised.value.fix


@pytest.mark.parametrize(
    ("file_format", "message"),
    [("tensr", "unknown file format"), ("png", "unknown file format"), (3, "`format` must be a name or a function")],
)
def test_an_unknown_format_is_an_error_at_construction(file_format, message):
    with pytest.raises(WriterError, match=message) as raised:
        FileWriter("preds", format=file_format)
    assert "tensor, image_2d, image_3d, text" in raised.value.expected
    assert file_format != "tensr" or raised.value.nearest == ("tensor",)


def test_images_need_pillow_at_construction(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WriterError, match="needs Pillow") as raised:
        FileWriter("preds", format="image_2d")
    assert "lighter-core[images]" in raised.value.fix


def test_a_name_is_given_to_one_function_only(formats):
    with pytest.raises(WriterError, match="given twice"):
        register_file_format("tensor")(lambda file, value: None)
    register_file_format("again")(save_text)
    register_file_format("again")(save_text)
    assert find_file_format("again") == FileFormat(save_text, ".again")


def test_a_suffix_begins_with_a_dot():
    with pytest.raises(WriterError, match="invalid suffix 'npy'"):
        register_file_format("array", suffix="npy")
