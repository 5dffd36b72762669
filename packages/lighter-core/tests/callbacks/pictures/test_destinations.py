"""Pictures reach loggers, as each of them wants them, and a directory; they are read back from there."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lighter.callbacks import ImageLogger
from lighter.errors import PictureError, WriterError

Image = pytest.importorskip("PIL.Image", reason="images need Pillow, the extra `images`")


class Kept(pl.Callback):
    def __init__(self):
        self.pictures = []

    def on_picture(self, trainer, picture):
        self.pictures.append(picture)


class Echo(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def training_step(self, batch, batch_idx):
        return self.weight.sum()

    def validation_step(self, batch, batch_idx):
        return {"input": batch[0] + self.current_epoch / 10}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def images(**options):
    return ImageLogger(2, target=None, pred=None, **options)


def fit(logger, *callbacks, **options):
    """Fit two epochs; return what was drawn."""
    loader = DataLoader(TensorDataset(torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))), batch_size=2)
    kept = Kept()
    defaults = {"accelerator": "cpu", "devices": 1, "max_epochs": 2, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "log_every_n_steps": 1}
    trainer = pl.Trainer(logger=logger, callbacks=[*callbacks, kept], **{**defaults, **quiet, **options})
    trainer.fit(Echo(), loader, loader)
    return kept.pictures


def read(path):
    with Image.open(path) as opened:
        return np.asarray(opened)


def test_tensorboard_shows_the_pixels_at_the_step(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name="", version="")
    pictures = fit(logger, images())
    logger.finalize("success")
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0})
    events.Reload()
    assert events.Tags()["images"] == ["val/images"]
    found = events.Images("val/images")
    assert [event.step for event in found] == [1, 3] == [picture.x for picture in pictures]
    for event, picture in zip(found, pictures, strict=True):
        file = tmp_path / "image.png"
        file.write_bytes(event.encoded_image_string)
        assert np.array_equal(read(file), picture.pixels)


def read_back_from_mlflow(folder):
    import mlflow

    logger = MLFlowLogger(tracking_uri=f"file:{folder}/runs")
    pictures = fit(logger, images())
    client = mlflow.MlflowClient(tracking_uri=f"file:{folder}/runs")
    listed = [file.path for file in client.list_artifacts(logger.run_id, "val/images")]
    assert listed == ["val/images/epoch=0000.png", "val/images/epoch=0001.png"]
    for path, picture in zip(listed, pictures, strict=True):
        assert np.array_equal(read(client.download_artifacts(logger.run_id, path, str(folder))), picture.pixels)


def read_back_from_wandb(folder):
    import wandb

    pictures = fit(WandbLogger(save_dir=folder, offline=True), images())
    wandb.finish()
    files = sorted(folder.rglob("media/images/val/images_*.png"), key=lambda file: int(file.stem.split("_")[1]))
    assert len(files) == 2
    for file, picture in zip(files, pictures, strict=True):
        assert np.array_equal(read(file), picture.pixels)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["mlflow", "wandb"])
def test_a_server_s_client_keeps_the_pixels_without_a_server(tmp_path, package):
    """In a new process, as these clients leave threads and hooks behind."""
    pytest.importorskip(package)
    program = "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import test_destinations as tests"
    program += f"; tests.read_back_from_{package}(Path(sys.argv[2]))"
    command = [sys.executable, "-W", "ignore", "-c", program, str(Path(__file__).parent), str(tmp_path)]
    offline = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "MLFLOW_ALLOW_FILE_STORE": "true"}
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]


def test_other_loggers_are_passed_over_in_the_debug_log(tmp_path, caplog, rows):
    with caplog.at_level(logging.DEBUG, "lighter"):
        fit([CSVLogger(tmp_path), rows], images())
    assert [record.message for record in caplog.records if record.name.startswith("lighter")] == [
        "pictures are not given to CSVLogger, Rows"
    ]


def test_a_directory_has_a_file_for_each_epoch(tmp_path):
    pictures = fit(False, images(directory=tmp_path / "out"))
    files = sorted((tmp_path / "out").rglob("*.*"))
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "out/val/images/epoch=0000.png",
        "out/val/images/epoch=0001.png",
    ]
    assert all(np.array_equal(read(file), picture.pixels) for file, picture in zip(files, pictures, strict=True))


def test_a_rehearsal_draws_and_keeps_nothing(tmp_path):
    assert fit(False, images(directory=tmp_path / "out"), fast_dev_run=True) == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PictureError, match="`inputs` does not exist"):
        fit(False, images(input="inputs"), fast_dev_run=True)


def test_a_directory_that_cannot_be_written_fails_before_the_first_batch(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriterError, match=r"`.*file` is a file"):
        fit(False, images(directory=tmp_path / "file"))


def test_a_full_disk_is_a_warning_and_the_run_goes_on(tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="ImageLogger cannot write its pictures: .*No space left") as raised:
        pictures = fit(False, images(directory=tmp_path / "out"))
    assert len(pictures) == 2
    assert len([one for one in raised if "No space" in str(one.message)]) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
