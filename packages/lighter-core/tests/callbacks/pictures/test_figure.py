"""A figure of the user shows what the epoch saw; nothing of it stays."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from lighter.callbacks import Figure
from lighter.errors import PictureError

pytest.importorskip("matplotlib", reason="figures need matplotlib, the extra `figures`")


class Kept(pl.Callback):
    def __init__(self):
        self.pictures = []

    def on_picture(self, trainer, picture):
        self.pictures.append(picture)


class Numbers(Dataset):
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return {"pred": torch.tensor([float(index)] * 2), "identifier": f"scan.{index}"}


class Echo(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def training_step(self, batch, batch_idx):
        return {"loss": self.weight.sum(), **batch}

    def validation_step(self, batch, batch_idx):
        return dict(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(*callbacks, **options):
    defaults = {"accelerator": "cpu", "devices": 1, "max_epochs": 2, "logger": False, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    return pl.Trainer(callbacks=list(callbacks), **{**defaults, **quiet, **options})


class Draws:
    """Draws a red figure, and keeps what it got."""

    def __init__(self):
        self.values = []

    def __call__(self, values):
        from matplotlib.figure import Figure as MatplotlibFigure

        self.values.append(values)
        return MatplotlibFigure(figsize=(2, 1), dpi=50, facecolor="red")


def validate(callback, size=10, *more, **options):
    kept = Kept()
    trainer(callback, kept, *more, **options).validate(Echo(), DataLoader(Numbers(size), batch_size=4), verbose=False)
    return kept.pictures


def test_the_function_gets_what_the_epoch_saw():
    draws = Draws()
    (picture,) = validate(Figure(draws, "mine", ["pred", "identifier"]))
    (values,) = draws.values
    assert torch.equal(values["pred"], torch.arange(10.0)[:, None].repeat(1, 2))
    assert values["identifier"] == [f"scan.{i}" for i in range(10)]
    assert picture.name == "val/mine"
    assert picture.pixels.shape == (50, 100, 3)
    assert (picture.pixels == [255, 0, 0]).all()


def test_the_first_samples_are_kept_and_functions_make_values():
    draws = Draws()
    validate(Figure(draws, "mine", {"double": lambda output: output["pred"][:, 0] * 2}, max_samples=6))
    assert draws.values[0]["double"].tolist() == [0, 2, 4, 6, 8, 10]


def test_axes_are_drawn_and_figures_of_pyplot_are_closed(monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    own = pyplot.figure()

    def draw(values):
        return pyplot.subplots()[1]

    assert len(validate(Figure(draw, "mine", ["pred"]))) == 1
    assert pyplot.get_fignums() == [own.number]
    pyplot.close(own)


def test_drawing_does_not_touch_pyplot_or_the_backend():
    program = """
import sys
import lighter.callbacks  # torchmetrics imports pyplot
import matplotlib
import numpy as np
sys.modules["matplotlib.pyplot"] = None  # an import of it fails from here
from lighter.callbacks.pictures.figure_pixels import pixels_of
from lighter.callbacks.pictures.matrix_figure import draw_matrix
before = dict.__getitem__(matplotlib.rcParams, "backend")
counts = np.eye(3, dtype=int)
print(pixels_of(draw_matrix(counts, counts.astype(float), list("abc"), "t")).ndim)
assert dict.__getitem__(matplotlib.rcParams, "backend") == before
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "3\n", done.stderr


@pytest.mark.parametrize("returned", [None, "a figure", 3])
def test_what_is_not_a_figure_is_an_error(returned):
    with pytest.raises(PictureError, match="the function that draws 'mine' must return a figure") as raised:
        validate(Figure(lambda values: returned, "mine", ["pred"]))
    assert raised.value.fix == "end it with `return figure`"


def test_an_error_of_the_function_names_it():
    def draw(values):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError) as raised:
        validate(Figure(draw, "residuals", ["pred"]))
    assert "draws 'residuals'" in raised.value.__notes__[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("draw", "mine"), "`draw` must be a function, got 'draw'"),
        ((Draws(), "mine", "pred"), "`keys` must name values, got 'pred'"),
        ((Draws(), "mine", []), "`keys` must name values, got []"),
        ((Draws(), "my figure!"), "invalid name 'my figure!'"),
    ],
)
def test_invalid_arguments_are_refused_at_construction(arguments, message):
    with pytest.raises(PictureError, match="Figure") as raised:
        Figure(*arguments)
    assert raised.value.what == message


def on_two_ranks():
    """Write what the functions of the ranks get."""
    draws = Draws()
    kept = Kept()
    callback = Figure(draws, "mine", ["pred"], max_samples=7)
    fitting = trainer(callback, kept, strategy="ddp", devices=2)
    loader = DataLoader(Numbers(11), batch_size=2)
    fitting.fit(Echo(), loader, loader)
    Path(f"{fitting.global_rank}.json").write_text(json.dumps([one["pred"][:, 0].tolist() for one in draws.values]))


def test_two_ranks_bring_their_samples_together_in_order(two_ranks):
    assert json.loads((two_ranks / "0.json").read_text()) == [[float(i) for i in range(7)]] * 2
    assert json.loads((two_ranks / "1.json").read_text()) == []


def test_a_resumed_epoch_keeps_the_samples_before(tmp_path):
    from lighter.resumable import ResumableDataLoader

    class Saves(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if (trainer.current_epoch, batch_idx) == (1, 1):
                trainer.save_checkpoint(tmp_path / "a.ckpt")

    def epochs(*callbacks, ckpt_path=None):
        draws = Draws()
        callback = Figure(draws, "mine", ["pred"], modes=["train"])
        loader = ResumableDataLoader(Numbers(10), batch_size=4)
        trainer(callback, Kept(), *callbacks).fit(Echo(), loader, loader, ckpt_path=ckpt_path, weights_only=True)
        return [values["pred"][:, 0].tolist() for values in draws.values]

    whole = epochs(Saves())
    assert whole == [[float(i) for i in range(10)]] * 2
    assert epochs(ckpt_path=tmp_path / "a.ckpt") == whole[1:]


def test_figures_are_numpy_arrays_of_their_own():
    """The canvas would keep its buffer, and the figure with it."""
    (picture,) = validate(Figure(Draws(), "mine", ["pred"]))
    assert picture.pixels.base is None
    assert picture.pixels.dtype == np.uint8
