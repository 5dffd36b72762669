"""A checkpoint is there whole, or as it was before."""

import tempfile
from pathlib import Path

import pytest
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning import Trainer

from lighter_cli import Runner
from lighter_cli.checkpoints.atomic_io import AtomicCheckpointIO, save_atomically


def test_a_checkpoint_is_written_beside_its_final_path(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From another disk, Lightning copies over the checkpoint before: one that is killed meanwhile leaves neither."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    Runner().run("fit", [system_config])
    written = {"epoch=0-step=3.ckpt", "epoch=1-step=6.ckpt", "last.ckpt"}
    assert {file.name for file in Path("checkpoints").iterdir()} == written
    assert torch.load("checkpoints/last.ckpt", weights_only=True)["global_step"] == 6


def test_ctrl_c_during_writing_keeps_the_previous_one(tmp_path: Path) -> None:
    class Stops:
        def __reduce__(self) -> tuple[object, ...]:
            raise KeyboardInterrupt

    writer = AtomicCheckpointIO()
    writer.save_checkpoint({"epoch": 1}, tmp_path / "new" / "last.ckpt")
    with pytest.raises(KeyboardInterrupt):
        writer.save_checkpoint({"weights": torch.zeros(100_000), "stop": Stops()}, tmp_path / "new" / "last.ckpt")
    (file,) = (tmp_path / "new").iterdir()
    assert torch.load(file, weights_only=True) == {"epoch": 1}


def test_a_link_is_replaced_and_what_it_led_to_stays(tmp_path: Path) -> None:
    """With ``save_last="link"`` the last checkpoint may be a link to the best one."""
    writer = AtomicCheckpointIO()
    writer.save_checkpoint({"epoch": 1}, tmp_path / "best.ckpt")
    (tmp_path / "last.ckpt").symlink_to("best.ckpt")
    writer.save_checkpoint({"epoch": 2}, tmp_path / "last.ckpt")
    loaded = [torch.load(tmp_path / name, weights_only=True)["epoch"] for name in ("best.ckpt", "last.ckpt")]
    assert loaded == [1, 2]


def test_an_address_is_left_to_lightning() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    save_atomically(trainer)
    writer = trainer.strategy.checkpoint_io
    writer.save_checkpoint({"epoch": 1}, "memory://bucket/last.ckpt")
    assert writer.load_checkpoint("memory://bucket/last.ckpt", weights_only=True) == {"epoch": 1}


def test_a_way_to_write_that_was_asked_for_is_kept() -> None:
    class Own(TorchCheckpointIO): ...

    options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False}
    default, own = Trainer(**options), Trainer(**options, plugins=[Own()])
    for trainer in (default, own):
        save_atomically(trainer)
    assert isinstance(default.strategy.checkpoint_io, AtomicCheckpointIO)
    assert isinstance(own.strategy.checkpoint_io, Own)
