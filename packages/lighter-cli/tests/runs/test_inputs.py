"""A checkpoint or a run's folder as a word: the YAML is not needed any more."""

import json
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lighter_cli import Runner
from lighter_cli.errors import CheckpointError
from lighter_cli.runs.inputs import what_changed
from lighter_cli.runs.record import read_records
from lighter_config import RECORD_FILE, SourceError

Write = Callable[[str, str], Path]

# several runs of a test save to one folder
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty"),
    pytest.mark.filterwarnings("ignore:The dirpath has changed"),
]

BEST = "checkpoints/epoch=0-step=3.ckpt"
LAST = "checkpoints/last.ckpt"


@pytest.fixture
def run(system_config: str) -> str:
    """The folder of a fit, whose best checkpoint is not its last, and whose YAML is gone."""
    Runner().run("fit", [system_config, "trainer::callbacks::0::mode=max", "trainer::callbacks::0::save_top_k=-1"])
    Path(system_config).unlink()
    assert Path(BEST).exists()
    return str(read_records(Path())[-1].folder.relative_to(Path.cwd()))


def _content() -> dict[str, Any]:
    return dict(read_records(Path())[-1].content)


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_a_checkpoint_is_evaluated_with_its_own_config_and_weights(run: str, stage: str) -> None:
    Runner().run(stage, [BEST])
    assert _content()["options"]["ckpt_path"] == BEST
    assert _content()["options"]["weights_only"] is True
    Runner().run(stage, [LAST])
    assert _content()["options"]["ckpt_path"] == LAST


def test_the_weights_are_those_of_the_checkpoint(run: str) -> None:
    (best,), (last,) = (Runner().run("validate", [word]) for word in (BEST, LAST))
    assert best["val/loss/epoch"] > last["val/loss/epoch"]  # the highest loss was called the best
    assert Runner().run("validate", [run]) == [best]


def test_overrides_change_what_the_checkpoint_says(run: str) -> None:
    assert len(Runner().run("predict", [BEST, "system::dataloaders::predict::batch_size=4"])) == 3
    assert len(Runner().run("predict", [run, "system::dataloaders::predict::batch_size=2"])) == 6


def test_fit_goes_on_from_a_checkpoint_and_from_the_last_of_a_run(run: str) -> None:
    Runner().run("fit", [LAST, "trainer::max_epochs=3", "trainer::callbacks::0::dirpath=a"])
    Runner().run("fit", [run, "trainer::max_epochs=3", "trainer::callbacks::0::dirpath=b"])
    a, b = (torch.load(f"{folder}/last.ckpt", weights_only=True) for folder in "ab")
    assert a["global_step"] == b["global_step"] == 9
    assert torch.equal(a["state_dict"]["network.weight"], b["state_dict"]["network.weight"])


def test_the_option_beats_the_word(run: str) -> None:
    Runner().run("test", [BEST], ckpt_path=LAST)
    assert _content()["options"]["ckpt_path"] == LAST
    Runner().run("test", [run], ckpt_path="last")
    assert _content()["options"]["ckpt_path"] == str(Path(LAST).resolve())
    Runner().run("test", [BEST, f"args::test::ckpt_path={LAST}"])
    assert _content()["options"]["ckpt_path"] == LAST


def test_a_stored_ckpt_path_does_not_beat_the_word(system_config: str) -> None:
    Runner().run("fit", [system_config])
    Path("first.ckpt").write_bytes(Path(LAST).read_bytes())
    resumed = [f"args::{stage}::ckpt_path=first.ckpt" for stage in ("fit", "test")]
    Runner().run("fit", [system_config, "trainer::max_epochs=3", *resumed])
    Path("first.ckpt").unlink()
    Runner().run("test", ["checkpoints/last-v1.ckpt" if Path("checkpoints/last-v1.ckpt").exists() else LAST])
    assert _content()["options"]["ckpt_path"].startswith("checkpoints/last")


def test_run_of_another_stage_stands_for_checkpoint_that_it_used(run: str) -> None:
    Runner().run("test", [run], ckpt_path=LAST)
    tested = str(read_records(Path())[-1].folder)
    Runner().run("predict", [tested])
    assert _content()["options"]["ckpt_path"] == str(Path(LAST).resolve())
    Path(LAST).unlink()
    with pytest.raises(CheckpointError, match="does not exist"):
        Runner().run("predict", [tested])


def test_a_run_of_untrained_weights_stays_one(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    Runner().run("test", [system_config])
    caplog.clear()
    Runner().run("test", [str(read_records(Path())[-1].folder)])
    assert "no ckpt_path: the network keeps its initial weights" in caplog.text


def test_a_last_checkpoint_that_is_older_than_the_run_is_said(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With a monitor, Lightning writes `last.ckpt` only in epochs whose checkpoint it keeps."""
    callback = "trainer::callbacks::0"
    words = [f"{callback}::mode=max", f"{callback}::save_top_k=1", "trainer::max_epochs=3"]
    Runner().run("fit", [system_config, *words])
    assert torch.load(LAST, weights_only=True)["global_step"] == 3
    for word in (system_config, str(read_records(Path())[0].folder)):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="lighter_cli"):
            Runner().run("validate", [word, "trainer::callbacks::0::mode=max"], ckpt_path="last")
        assert "last.ckpt, 6 steps before the run ended" in caplog.text


def test_the_last_is_the_newest_that_was_saved_whatever_its_name(system_config: str) -> None:
    callback = "trainer::callbacks::0"
    every_epoch = f"{callback}={{_target_: pytorch_lightning.callbacks.ModelCheckpoint, dirpath: kept, save_top_k: 1}}"
    Runner().run(
        "fit",
        [
            system_config,
            f"{callback}::mode=max",
            "trainer::max_epochs=3",
            f"trainer::callbacks+=[{every_epoch.partition('=')[2]}]",
        ],
    )
    assert _content()["checkpoints"]["last"] == str(Path("kept/epoch=2-step=9.ckpt").resolve())


def test_run_without_checkpoint_is_error_never_start_from_scratch(run: str) -> None:
    for file in Path("checkpoints").iterdir():
        file.unlink()
    with pytest.raises(CheckpointError) as caught:
        Runner().run("fit", [run])
    (finding,) = caught.value.findings
    assert "is missing or damaged" in finding.message
    assert f"{run}/config.yaml" in finding.fix
    assert str(finding.place).endswith(", argument 1")


def test_run_among_words_is_experiment_that_it_was_started_from(
    system_config: str, caplog: pytest.LogCaptureFixture
) -> None:
    Runner().run("fit", [system_config])
    Runner().run("fit", [LAST, "trainer::max_epochs=3", "trainer::callbacks::0::dirpath=more"])
    assert _content()["files"] == [str(Path(system_config).resolve())]
    assert _content()["words"] == [LAST, "trainer::max_epochs=3", "trainer::callbacks::0::dirpath=more"]
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("test", [system_config], ckpt_path="last")
    assert _content()["options"]["ckpt_path"] == str(Path("more/last.ckpt").resolve())
    assert "then trainer::max_epochs=3" in caplog.text


def test_without_a_config_file_last_is_an_error(system_config: str) -> None:
    tree = {"trainer": {"_target_": "pytorch_lightning.Trainer"}}
    with pytest.raises(CheckpointError, match="needs a config file"):
        Runner().run("test", [tree], ckpt_path="last", check_first=False)


def test_nothing_is_said_when_nothing_changed(run: str) -> None:
    assert what_changed(LAST) == ""
    assert what_changed(run) == ""


def test_other_versions_are_said_once(run: str, caplog: pytest.LogCaptureFixture) -> None:
    record = json.loads((Path(run) / RECORD_FILE).read_text())
    checkpoint = torch.load(LAST, weights_only=True)
    stored = json.loads(checkpoint["lighter_record"])
    stored["versions"] |= {"torch": "1.0", "python": "3.2.1"}
    torch.save({**checkpoint, "lighter_record": json.dumps(stored)}, "old.ckpt")
    with caplog.at_level(logging.INFO, logger="lighter_cli"):
        Runner().run("test", ["old.ckpt"])
    (said,) = [one.getMessage() for one in caplog.records if " then, " in one.getMessage()]
    now = record["versions"]
    assert said == (
        f"since old.ckpt was written: python 3.2.1 then, {now['python']} now; torch 1.0 then, {now['torch']} now"
    )


def test_other_code_is_said(system_config: str, caplog: pytest.LogCaptureFixture) -> None:
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "Start"]):
        subprocess.run([*git, *words], check=True)
    Runner().run("fit", [system_config, "trainer::max_epochs=1"])
    assert what_changed(LAST) == ""
    then = _content()["git"]["commit"]
    Path("new.py").touch()
    assert what_changed(LAST) == f"since {LAST} was written: uncommitted changes now"
    for words in (["add", "new.py"], ["commit", "-qm", "Add"]):
        subprocess.run([*git, *words], check=True)
    assert what_changed(LAST).startswith(f"since {LAST} was written: commit {then[:12]} then, ")
    Path(".git").rename("gone")
    # a repository above the temporary folder is another one, if there is any
    assert f"commit {then[:12]} then" in what_changed(LAST)


def test_a_file_of_another_program_has_nothing_to_say(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, "foreign.ckpt")
    assert what_changed("foreign.ckpt") == ""
    assert what_changed("s3://bucket/last.ckpt") == ""


def test_missing_checkpoint_named_by_lightning_is_a_missing_file(run: str) -> None:
    with pytest.raises(SourceError) as caught:
        Runner().run("test", ["checkpoints/epoch=0-step=4.ckpt"])
    assert caught.value.findings[0].nearest[0] == BEST
    with pytest.raises(SourceError, match="neither a file nor an override"):
        Runner().run("test", ["epoch=9-step=10.ckpt"])


def test_a_folder_with_a_config_alone_is_no_run(system_config: str, write: Write) -> None:
    write("experiment/config.yaml", "seed: 1\n")
    with pytest.raises(SourceError) as caught:
        Runner().run("fit", ["experiment"])
    assert "experiment/config.yaml" in caught.value.findings[0].fix


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_a_sharded_checkpoint_carries_its_config_as_a_file(system_config: str, write: Write) -> None:
    write(
        "sharding.py",
        """
        import shutil

        import torch
        import torch.distributed.checkpoint as sharded
        from lightning_fabric.plugins import CheckpointIO

        class Sharded(CheckpointIO):
            def save_checkpoint(self, checkpoint, path, storage_options=None):
                shutil.rmtree(path, ignore_errors=True)
                sharded.save({"state_dict": checkpoint.pop("state_dict")}, checkpoint_id=path, no_dist=True)
                torch.save(checkpoint, f"{path}/meta.pt")

            def load_checkpoint(self, path, map_location=None, weights_only=None):
                checkpoint = torch.load(f"{path}/meta.pt", weights_only=weights_only)
                weights = {"network.weight": torch.empty(2, 4), "network.bias": torch.empty(2)}
                sharded.load({"state_dict": weights}, checkpoint_id=path, no_dist=True)
                return {**checkpoint, "state_dict": weights}

            def remove_checkpoint(self, path):
                shutil.rmtree(path)
        """,
    )
    plugin = "trainer::plugins=[{_target_: project.sharding.Sharded}]"
    Runner().run("fit", [system_config, "project=.", plugin])
    Path(system_config).unlink()
    best = Path("checkpoints/epoch=1-step=6.ckpt")
    assert {"config.yaml", "provenance.json", RECORD_FILE} <= {file.name for file in best.iterdir()}
    assert (Path(LAST) / "config.yaml").is_file()
    (validated,) = Runner().run("validate", [str(best)])
    assert Runner().run("validate", [str(read_records(Path())[0].folder)]) == [validated]
    assert what_changed(str(best)) == ""
    Runner().run("fit", [LAST, "trainer::max_epochs=3"])
    assert _content()["metrics"]
