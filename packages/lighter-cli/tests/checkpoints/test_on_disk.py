"""Which checkpoint of a run is the last or the best one after something went wrong."""

import json
import logging
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.checkpoints.on_disk import checkpoints_of, is_checkpoint, is_undamaged
from lighter_cli.runs.inputs import recorded_content
from lighter_cli.runs.record import Record, read_records
from lighter_config import SourceError

pytestmark = pytest.mark.slow

LAST, BEST = Path("checkpoints/last.ckpt"), Path("checkpoints/epoch=1-step=6.ckpt")


@pytest.fixture
def run(system_config: str) -> Record:
    """A run with two checkpoints, whose process is gone before it wrote that they exist."""
    Runner().run("fit", [system_config])
    return _changed(
        status="running", process={"host": _process()["host"], "pid": 2**22 + 1, "created": 0.0}, checkpoints={}
    )


def _process() -> dict[str, Any]:
    return dict(read_records(Path())[-1].content["process"])


def _changed(**fields: Any) -> Record:
    record = read_records(Path())[-1]
    (record.folder / "record.json").write_text(json.dumps({**record.content, **fields}))
    return read_records(Path())[-1]


def _damage(file: Path) -> None:
    """Flip the bits of one byte of the weights."""
    content = bytearray(file.read_bytes())
    content[content.index(b"data/0") + 200] ^= 0xFF
    file.write_bytes(content)


def test_an_unrecorded_checkpoint_of_a_killed_run_is_found(run: Record) -> None:
    assert run.status == "lost"
    assert run.checkpoint("last") == LAST.absolute()
    assert run.checkpoint("best") == BEST.absolute()


def test_one_that_a_killed_run_replaced_is_not_missed(run: Record) -> None:
    gone = str(Path("checkpoints/epoch=0-step=3.ckpt").absolute())
    LAST.unlink()
    run = _changed(checkpoints={"last": gone, "best": gone})
    assert run.checkpoint("last") == run.checkpoint("best") == BEST.absolute()


def test_a_half_written_one_gives_way_to_the_previous(run: Record, caplog: pytest.LogCaptureFixture) -> None:
    LAST.write_bytes(LAST.read_bytes()[:-100])
    assert run.checkpoint("last") == BEST.absolute()
    assert f"{LAST.absolute()} is damaged or incomplete" in caplog.text


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_one_with_flipped_bits_gives_way_to_the_previous(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    """torch.load does not compare checksums."""
    Runner().run("fit", [system_config])
    _damage(LAST)
    assert is_checkpoint(LAST)
    assert not is_undamaged(LAST)
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("fit", [system_config, "trainer::max_epochs=3"], ckpt_path="last")
    assert caplog.text.count(f"{LAST.absolute()} is damaged or incomplete") == 1
    assert f"last checkpoint of run {read_records(Path())[0].folder.name} (finished): {BEST};" in caplog.text
    assert read_records(Path())[-1].content["progress"] == {"epoch": 3, "step": 9}


def test_a_damaged_best_one_is_told_of_once(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    Runner().run("fit", [system_config, "trainer::callbacks::0::save_top_k=1"])
    _damage(BEST)
    assert read_records(Path())[-1].checkpoint("best") is None
    assert caplog.text.count(f"{BEST.absolute()} is damaged or incomplete") == 1


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_what_another_run_saved_in_the_folder_is_not_taken(run: Record, system_config: str) -> None:
    for file in Path("checkpoints").iterdir():
        file.unlink()
    Runner().run("fit", [system_config, "seed=7"])
    assert [record.checkpoint("last") for record in read_records(Path())] == [None, LAST.absolute()]


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_checkpoint_another_run_overwrote_is_not_taken(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    both = [system_config, "trainer::callbacks::0::save_top_k=2"]
    Runner().run("fit", both)
    Runner().run("fit", [*both, "trainer::max_epochs=3"], ckpt_path="last")
    first, second = read_records(Path())
    assert second.checkpoint("last") == LAST.absolute()
    assert first.checkpoint("last") == BEST.absolute()
    assert f"{LAST.absolute()} was written by another run" in caplog.text


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_the_best_from_before_a_resume_counts_after_it(system_config: str) -> None:
    Runner().run("fit", [system_config])
    Runner().run("fit", [system_config], ckpt_path="last")
    assert read_records(Path())[-1].checkpoint("best") == BEST.absolute()


def test_foreign_files_and_broken_links_are_skipped(run: Record) -> None:
    Path("checkpoints/notes.ckpt").write_text("mine")
    Path("checkpoints/link.ckpt").symlink_to("gone.ckpt")
    assert run.checkpoint("last") == LAST.absolute()


def test_a_record_without_folders_is_still_used(run: Record) -> None:
    _changed(checkpoint_folders=[])
    assert _changed(checkpoints={"last": str(LAST)}).checkpoint("last") == LAST


def test_a_sharded_checkpoint_is_complete_with_its_end(tmp_path: Path) -> None:
    (tmp_path / "__0_0.distcp").touch()
    assert not is_checkpoint(tmp_path)
    (tmp_path / "meta.pt").touch()
    assert is_checkpoint(tmp_path)


def test_an_archive_that_is_larger_than_its_file_is_damaged(tmp_path: Path) -> None:
    for name, kind in (("compressed.ckpt", zipfile.ZIP_DEFLATED), ("stored.ckpt", zipfile.ZIP_STORED)):
        with zipfile.ZipFile(tmp_path / name, "w", kind) as archive:
            archive.writestr("archive/data.pkl", b"0" * 1_000_000)
    assert not is_undamaged(tmp_path / "compressed.ckpt")
    assert is_undamaged(tmp_path / "stored.ckpt")


DEEP = "[" * 200_000 + "]" * 200_000


@pytest.mark.parametrize(
    "record",
    ["[]", '{"id": "a", "checkpoints": null}', '{"id": "a", "checkpoints": {"best": 1}}', DEEP],
    ids=["a list", "no mapping", "a number", "deep"],
)
@pytest.mark.parametrize("is_sharded", [False, True])
def test_a_damaged_record_in_a_checkpoint_is_skipped_with_a_warning(
    record: str, is_sharded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for name, text in (("bad", record), ("good", '{"id": "a"}')):
        file = Path("saved", f"{name}.ckpt")
        file.parent.mkdir(exist_ok=True)
        if is_sharded:
            file.mkdir()
            (file / "meta.pt").touch()
            (file / "record.json").write_text(text, encoding="utf-8")
        else:
            torch.save({"lighter_record": text}, file)
    found = [file.name for file, _ in checkpoints_of("a", ["saved"], None)]
    assert found == ["good.ckpt"]
    assert caplog.text.count("is damaged or incomplete and is skipped") == 1
    assert "bad.ckpt" in caplog.text


def test_a_record_in_a_checkpoint_with_wrong_fields_is_an_error() -> None:
    torch.save({"lighter_record": '{"files": null}'}, "one.ckpt")
    with pytest.raises(SourceError, match=r"the record in 'one.ckpt' is damaged: its files is None"):
        recorded_content(Path("one.ckpt"), "one.ckpt")


def test_the_highest_step_is_the_newest_whatever_the_clock_says() -> None:
    for hours, step in enumerate([9, 6, 3, None]):  # the clock ran backwards
        file = Path(f"{step}.ckpt")
        torch.save({"lighter_record": json.dumps({"id": "a", "step": step})}, file)
        os.utime(file, (hours * 3600, hours * 3600))
    assert [file.name for file, _ in checkpoints_of("a", ["."], None)] == ["9.ckpt", "6.ckpt", "3.ckpt", "None.ckpt"]


@pytest.mark.parametrize("save_last", ["true", "link"])
def test_last_of_a_run_is_that_of_the_highest_step(
    system_config: str, save_last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("old_clock.py").write_text(OLD_CLOCK)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, "old_clock", raising=False)
    callbacks = (
        "trainer::callbacks::0::save_top_k=-1",
        f"trainer::callbacks::0::save_last={save_last}",
        "trainer::callbacks+={_target_: old_clock.OldClock}",
    )
    Runner().run("fit", [system_config, *callbacks])
    found = read_records(Path())[-1].checkpoint("last")
    assert found is not None
    assert torch.load(found, weights_only=True)["global_step"] == 6


OLD_CLOCK = """
import os
from pathlib import Path
from pytorch_lightning import Callback

class OldClock(Callback):
    def on_train_batch_start(self, trainer, *args):
        # each later checkpoint looks older
        for file in Path("checkpoints").glob("*.ckpt"):
            os.utime(file, (4 * 10**9 - trainer.global_step,) * 2)
"""
