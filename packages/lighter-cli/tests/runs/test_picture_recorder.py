"""The record of a run keeps the pictures that callbacks draw, and a resumed run continues them."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lighter_cli import Runner
from lighter_cli.runs.picture_recorder import IMAGES_FILE, MATRICES_FILE
from lighter_cli.runs.record import read_records

pytest.importorskip("matplotlib", reason="pictures need the extra `figures` of lighter-core")
Image = pytest.importorskip("PIL.Image")

Write = Callable[[str, str], Path]
Command = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed from"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before"),
]

MATRIX = "trainer::callbacks+={_target_: lighter.callbacks.ConfusionMatrix, num_classes: 2, modes: [train, val, test]}"
IMAGES = """trainer::callbacks+={_target_: lighter.callbacks.ImageLogger, modes: [train, val], max_images: 2,
    input: "$lambda output: output['input'].reshape(-1, 1, 2, 2)"}"""
KEPT = ("trainer::callbacks::0::save_top_k=-1", "trainer::callbacks::0::save_last=false")
RESUMABLE = (
    "system::dataloaders::train::_target_=lighter.resumable.ResumableDataLoader",
    "system::dataloaders::val::_target_=torch.utils.data.DataLoader",
)


def newest() -> Path:
    return read_records(Path())[-1].folder


def lines(name: str, folder: Path | None = None) -> list[dict[str, Any]]:
    file = (folder or newest()) / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def without_run(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of epochs: where a run was interrupted changes no line."""
    rows = [{key: value for key, value in row.items() if key != "run"} for row in rows]
    return sorted(rows, key=lambda row: (row["epoch"], row["name"]))


def pixels(folder: Path) -> dict[str, Any]:
    return {path.relative_to(folder).as_posix(): np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"))}


def test_a_fit_keeps_a_picture_and_a_matrix_for_each_epoch(system_config: str) -> None:
    Runner().run("fit", [system_config, MATRIX])
    names = ["val/confusion_matrix", "train/confusion_matrix"]
    expected = [(name, epoch, 3 * epoch + 3) for epoch in (0, 1) for name in names]
    assert [(row["name"], row["epoch"], row["step"]) for row in lines(IMAGES_FILE)] == expected
    assert [(row["name"], row["epoch"], row["step"]) for row in lines(MATRICES_FILE)] == expected
    for row in lines(IMAGES_FILE):
        assert row["file"] == f"images/{row['name']}/epoch={row['epoch']:04d}.png"
        assert min(pixels(newest())[row["file"]].shape[:2]) > 300
        assert row["caption"].startswith("12 counted")
    for row in lines(MATRICES_FILE):
        assert row["labels"] == ["0", "1"]
        assert [sum(counts) for counts in row["matrix"]] == [6, 6]


def test_other_stages_keep_pictures_and_a_rehearsal_none(system_config: str) -> None:
    Runner().run("test", [system_config, MATRIX])
    assert [row["name"] for row in lines(IMAGES_FILE)] == ["test/confusion_matrix"]
    Runner().run("fit", [system_config, MATRIX, "trainer::fast_dev_run=true"])
    assert len(list(Path().rglob("images.jsonl"))) == 1


def test_of_several_validations_in_an_epoch_the_last_is_kept(system_config: str) -> None:
    Runner().run("fit", [system_config, MATRIX, "trainer::val_check_interval=1"])
    rows = [row for row in lines(IMAGES_FILE) if row["name"].startswith("val")]
    assert [(row["epoch"], row["step"]) for row in rows] == [(0, 3), (1, 6)]
    assert len([row for row in lines(MATRICES_FILE) if row["name"].startswith("val")]) == 2


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("trainer::callbacks::0::save_on_train_epoch_end=false", "trainer::val_check_interval=1"),
        ("trainer::callbacks::0::every_n_train_steps=1", "~trainer::callbacks::0::monitor"),
    ],
    ids=["epoch", "validations", "steps"],
)
def test_a_run_resumed_anywhere_has_the_pictures_of_another(system_config: str, words: Any) -> None:
    words = [system_config, *words, *KEPT, *RESUMABLE, MATRIX, IMAGES, "trainer::max_epochs=3"]
    Runner().run("fit", words)
    first, matrices, images = newest(), lines(MATRICES_FILE), lines(IMAGES_FILE)
    assert len(matrices) == 6
    assert len(images) == 12
    expected = pixels(first)
    checkpoints = sorted(Path("checkpoints").glob("*.ckpt"))
    assert len(checkpoints) >= 3
    for number, checkpoint in enumerate(checkpoints):
        again = [*words, f"trainer::callbacks::0::dirpath=again{number}"]
        Runner().run("fit", again, ckpt_path=str(checkpoint))
        assert newest() != first
        assert without_run(lines(MATRICES_FILE)) == without_run(matrices), checkpoint
        assert without_run(lines(IMAGES_FILE)) == without_run(images), checkpoint
        assert {row["run"] for row in lines(IMAGES_FILE) if "run" in row} <= {first.name}
        found = pixels(newest())
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[file], expected[file]) for file in expected), checkpoint


def test_pictures_of_a_run_that_is_resumed_twice_are_there_once(system_config: str) -> None:
    words = [system_config, *KEPT, MATRIX]
    Runner().run("fit", words)
    first = newest()
    for epochs in (3, 4):
        Runner().run("fit", [*words, f"trainer::max_epochs={epochs}"], ckpt_path="last")
    rows = [row for row in lines(IMAGES_FILE) if row["name"].startswith("val")]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert [row.get("run") for row in rows][:2] == [first.name] * 2
    shared = newest() / rows[0]["file"]
    assert shared.stat().st_ino == (first / rows[0]["file"]).stat().st_ino


def test_a_line_that_names_another_file_is_not_taken(system_config: str, write: Write) -> None:
    Runner().run("fit", [system_config, *KEPT, MATRIX])
    first = newest()
    secret = write("secret.png", "secret")
    (first / "images/link.png").symlink_to(secret)
    with (first / IMAGES_FILE).open("a") as file:
        for named in ("images/../../../secret.png", str(secret), "images/link.png", "config.yaml", 3, "images/no.png"):
            file.write(json.dumps({"name": "x", "epoch": 0, "step": 0, "file": named, "caption": ""}) + "\n")
        file.write("[]\n{damaged\n")
    Runner().run("fit", [system_config, *KEPT, MATRIX, "trainer::max_epochs=3"], ckpt_path="last")
    assert {row["name"] for row in lines(IMAGES_FILE)} == {"train/confusion_matrix", "val/confusion_matrix"}
    assert not [path for path in newest().rglob("*") if path.is_file() and path.read_bytes() == b"secret"]


def test_a_record_that_cannot_take_pictures_is_a_warning(system_config: str, caplog: Any, write: Write) -> None:
    write("code/blocks.py", BLOCKS)
    block = "trainer::callbacks+={_target_: project.blocks.Block}"
    Runner().run("fit", [system_config, "project=code", block, MATRIX])
    assert [record.message for record in caplog.records if "pictures are not recorded" in record.message]
    assert read_records(Path())[-1].status == "finished"
    assert len(lines(MATRICES_FILE)) == 4


BLOCKS = """
from pathlib import Path
from pytorch_lightning import Callback

class Block(Callback):
    def on_train_start(self, trainer, pl_module):
        (folder,) = Path("lighter_runs").iterdir()
        (folder / "images").write_text("in the way")
"""


def test_a_run_with_pictures_can_be_packed_and_removed(system_config: str, in_process: Command) -> None:
    Runner().run("fit", [system_config, MATRIX])
    folder = newest()
    done = in_process("pack", str(folder), "run.zip")
    assert done.returncode == 0, done.stderr
    packed = zipfile.ZipFile("run.zip").namelist()
    assert "run/record/images/val/confusion_matrix/epoch=0001.png" in packed
    assert {"run/record/images.jsonl", "run/record/matrices.jsonl"} <= set(packed)
    (folder / "images/val/notes.txt").write_text("mine")
    refused = in_process("runs", "remove", str(folder), "--yes")
    assert "other files than a record" in refused.stderr
    (folder / "images/val/notes.txt").unlink()
    assert in_process("runs", "remove", str(folder), "--yes").returncode == 0
    assert not folder.exists()
