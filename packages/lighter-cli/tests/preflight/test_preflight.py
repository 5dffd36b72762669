"""What a rehearsal reports, and what it leaves: nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.commands.init import TEMPLATES
from lighter_cli.preflight.rehearsal import Options, Preflight, rehearse
from lighter_cli.preflight.report import report_json, report_lines
from lighter_config import CheckError, Finding, Severity, Stage, load

Files = Callable[[Path], dict[str, bytes]]
Command = Callable[..., subprocess.CompletedProcess[str]]
CSV = "trainer::callbacks+={_target_: lighter.callbacks.CsvWriter, path: out/rows.csv, keys: [pred]}"


def rehearsed(*words: Any, **options: Any) -> Preflight:
    return rehearse(load(words), Options(**options))


def messages(result: Preflight) -> list[str]:
    return [finding.message for finding in result.findings]


def text_of(result: Preflight) -> str:
    lines = (
        "".join(part if isinstance(part, str) else part[0] for part in line) for line in report_lines(result, None)
    )
    return "\n".join(lines)


def test_all_stages_pass_and_nothing_is_left(system_config: str, tmp_path: Path, files_of: Files) -> None:
    before = files_of(tmp_path)
    result = rehearsed(system_config, CSV)
    assert result.findings == []
    assert [(run.stage, run.error, run.left_out) for run in result.runs] == [(stage, None, "") for stage in Stage]
    assert all(run.used_checkpoint for run in result.runs[1:])
    assert files_of(tmp_path) == before
    text = text_of(result)
    for part in ("2 of 3 batches", "for 2", "saved, loaded in a new build", "3 kept", "out/rows.csv", "float32 5x4"):
        assert part in text
    assert text.endswith("4 of 4 stages passed: nothing wrong")


def test_one_batch_is_counted_in_the_singular(system_config: str) -> None:
    text = text_of(rehearsed(system_config, "system::dataloaders::train::batch_size=12"))
    assert "1 of 1 batch," in text


def test_an_epoch_longer_than_a_job_is_a_warning(system_config: str) -> None:
    (finding,) = rehearsed(system_config, "sweep::slurm::timeout_min=0.0001").findings
    assert finding.message.startswith("an epoch takes about 0.")
    assert finding.message.endswith(", and a job ends after 0.0001 min")
    assert (finding.severity, finding.path) == (Severity.WARNING, "sweep::slurm::timeout_min")
    assert finding.place is not None
    assert finding.place.word == 2
    assert rehearsed(system_config, "sweep::slurm::timeout_min=60").findings == []


def test_the_model_layout_passes(module_config: str, tmp_path: Path, files_of: Files) -> None:
    before = files_of(tmp_path)
    result = rehearsed(module_config)
    assert result.findings == []
    assert [run.left_out for run in result.runs] == [""] * len(Stage)
    assert files_of(tmp_path) == before


def test_predictions_are_scaled_to_all_samples(system_config: str) -> None:
    (written,) = rehearsed(system_config, CSV).written
    assert written.stage is Stage.PREDICT
    assert written.whole_bytes == int(written.num_bytes * 12 / 10)
    assert written.place == Path("out/rows.csv").absolute()


def test_json_has_the_fields_of_the_reference(system_config: str) -> None:
    content = json.loads(json.dumps(report_json(rehearsed(system_config, CSV, batches=1))))
    assert content["ok"] is True
    assert content["monitors"] == {"val/loss/epoch": True}
    assert content["checkpoint"]["loaded"] is True
    fit = content["stages"][0]
    assert (fit["state"], fit["epochs"], fit["loops"]["train"]["rehearsed"]) == ("passed", 2, 1)
    assert fit["batches"]["train"][0]["shape"] == [5, 4]
    assert "trainer::limit_train_batches=1" in content["words"]


def test_a_stage_without_data_is_named_and_left_out(system_config: str) -> None:
    result = rehearsed(system_config, "~system::dataloaders::test")
    left_out = {run.stage: run.left_out for run in result.runs if run.left_out}
    assert left_out == {Stage.TEST: "test needs system::dataloaders::test, which is missing"}
    assert result.is_ok
    assert "3 of 3 stages passed" in text_of(result)


def test_a_checkpoint_that_is_not_due_is_saved(system_config: str) -> None:
    result = rehearsed(system_config, "trainer::callbacks::0={every_n_epochs: 5, filename: 'at-{epoch}'}")
    assert result.findings == []
    assert all(run.used_checkpoint for run in result.runs[1:])


def test_a_checkpoint_is_saved_without_any_callback(system_config: str) -> None:
    result = rehearsed(system_config, "trainer::callbacks=null", "trainer::enable_checkpointing=false")
    assert result.findings == []
    assert result.checkpoint_bytes is not None
    assert all(run.used_checkpoint for run in result.runs[1:])


def test_a_failing_stage_does_not_stop_the_next(system_config: str) -> None:
    metric = "=system::metrics::test={_target_: torchmetrics.Accuracy, task: multiclass, num_classes: 3}"
    result = rehearsed(
        system_config, metric, "system::adapters={predict: {batch: {_target_: builtins.len, _mode_: callable}}}"
    )
    assert [run.error is not None for run in result.runs] == [False, False, True, True]
    assert {finding.path for finding in result.findings} == {"system::metrics::test", "system"}


def test_later_stages_are_rehearsed_when_fit_fails(system_config: str) -> None:
    result = rehearsed(system_config, "=system::criterion={_target_: builtins.len, _mode_: callable}")
    assert [run.error is not None for run in result.runs] == [True, True, False, False]
    assert messages(result)[0].startswith("fit, validate fail: TypeError")


def test_a_failure_of_several_stages_is_one_finding(system_config: str) -> None:
    (finding,) = rehearsed(system_config, "system::model::in_features=7").findings
    assert finding.message.startswith("fit, validate, test, predict fail: RuntimeError: ")
    assert finding.message.endswith("(5x4 and 7x2)")  # the words before the shapes change with torch
    assert finding.path == "system::model"


def test_what_is_read_from_the_folder_of_outputs_stays(system_config: str, tmp_path: Path, files_of: Files) -> None:
    """Weights of an earlier run are below the folder that is moved."""
    import torch

    (tmp_path / "out").mkdir()
    torch.save(torch.nn.Linear(4, 2).state_dict(), tmp_path / "out/first.ckpt")
    before = files_of(tmp_path)
    network = "network: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}"
    path = "path: \"$@vars::output + '/first.ckpt'\""
    words = ["vars::output=out", "trainer::default_root_dir=%vars::output"]
    words.append(f"=system::model={{_target_: lighter.weights.load_weights, {network}, {path}}}")
    assert rehearsed(system_config, *words).findings == []
    assert files_of(tmp_path) == before


def test_values_that_refer_to_the_epochs_keep_them(system_config: str) -> None:
    """A step size of a third of the epochs would be 0 if the word were changed."""
    step_size = "step_size: '$@trainer::max_epochs // 2'"
    scheduler = f"{{_target_: torch.optim.lr_scheduler.StepLR, optimizer: '@system::optimizer', {step_size}}}"
    assert rehearsed(system_config, f"system::scheduler={scheduler}").findings == []


def test_steps_limit_the_epochs(system_config: str) -> None:
    words = ["trainer::max_steps=14", "trainer::max_epochs=100", "trainer::callbacks::0::save_top_k=-1"]
    fit = report_json(rehearsed(system_config, *words))
    assert fit["stages"][0]["epochs"] == 5  # of three batches
    assert fit["checkpoint"]["kept"] == 6


def test_the_objects_of_a_stage_are_freed_before_the_next(system_config: str, tmp_path: Path) -> None:
    (tmp_path / "code" / "counted.py").write_text(COUNTED)
    words = ["project=code", "=dataset={_target_: project.counted.Large}"]
    result = rehearsed(system_config, *words, "system::metrics::test::Accuracy::num_classes=3")
    assert [run.error is not None for run in result.runs] == [False, False, True, False]


def test_a_smaller_limit_stays(system_config: str) -> None:
    result = rehearsed(
        system_config,
        "trainer::limit_val_batches=0",
        "trainer::callbacks::0::monitor=null",
        "trainer::limit_test_batches=1",
    )
    counts = {mode: len(loop.times_s) for run in result.runs if run.seen for mode, loop in run.seen.loops.items()}
    assert counts == {"train": 2, "test": 1, "predict": 2}


def test_loaders_that_are_copies_are_judged_once(system_config: str, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("late.py"), tmp_path / "code" / "late.py")
    layers = "[{_target_: torch.nn.Flatten}, {_target_: torch.nn.Linear, in_features: 64, out_features: 2}]"
    network = f"{{_target_: torch.nn.Sequential, _args_: {layers}}}"
    words = ["project=code", "=system::dataloaders::train::dataset={_target_: project.late.Images}"]
    result = rehearsed(system_config, *words, f"=system::model={network}")
    judged = [message for message in messages(result) if "is not normalized" in message]
    assert judged == ["the train input is not normalized: 0 to 255 (float32 of (5, 1, 8, 8))"]


def test_finders_are_left_out_and_named(system_config: str) -> None:
    result = rehearsed(system_config, "trainer::callbacks+={_target_: pytorch_lightning.callbacks.LearningRateFinder}")
    (note,) = result.findings
    assert note.severity is Severity.NOTE
    assert note.message.startswith("LearningRateFinder is left out")
    assert note.place is not None


def test_more_devices_than_one_are_named(system_config: str) -> None:
    (note,) = rehearsed(system_config, "trainer::devices=2").findings
    assert note.message == "the rehearsal uses one device: trainer::devices is 2"


def test_a_job_of_slurm_is_rehearsed_in_one_process(system_config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4"}
    for name, value in {**variables, "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NNODES": "1"}.items():
        monkeypatch.setenv(name, value)
    result = rehearsed(system_config, "trainer::devices=4")
    assert [run.error for run in result.runs] == [None] * len(Stage)
    assert os.environ["SLURM_NTASKS"] == "4"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("trainer::fast_dev_run=true",), "a fast_dev_run switches off"),
        (("~system::dataloaders",), "fit needs system::dataloaders::train, which is missing"),
        (("trainer::max_epoch=3",), "trainer::max_epoch is not an argument of Trainer"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(words: tuple[str, ...], message: str, system_config: str) -> None:
    with pytest.raises(CheckError) as error:
        rehearsed(system_config, *words)
    assert message in error.value.findings[0].message
    assert error.value.findings[0].fix


def test_a_run_is_rehearsed_from_its_config(system_config: str, tmp_path: Path, files_of: Files) -> None:
    from lighter_cli import Runner

    runner = Runner()
    runner.run("fit", [system_config])
    before = files_of(tmp_path)
    result = rehearsed(str(runner.record_folder))
    assert result.is_ok
    assert [run.error for run in result.runs] == [None] * len(Stage)
    assert files_of(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_said(
    system_config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: Command
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    result = in_process("preflight", system_config)
    assert result.returncode == 1
    assert "no temporary folder can be made" in result.stderr
    assert "TMPDIR" in result.stderr


def test_keep_leaves_the_folder(system_config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    result = rehearsed(system_config, CSV, keep=True)
    assert result.folder is not None
    assert list(result.folder.rglob("rows.csv"))
    assert list(result.folder.rglob("*.ckpt"))


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_templates_raise_no_alarm(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: Command, files_of: Files
) -> None:
    if template == "digits":
        pytest.importorskip("sklearn")
        pytest.importorskip("tensorboard")
    assert in_process("init", "mine", "--template", template).returncode == 0
    monkeypatch.chdir(tmp_path / "mine")
    before = files_of(tmp_path)
    config = "config.yaml" if Path("config.yaml").exists() else str(next(Path().glob("*.yaml")))
    result = rehearsed(config)
    assert [str(finding) for finding in result.findings] == []
    assert files_of(tmp_path) == before


def test_what_is_wrong_with_an_image_is_said() -> None:
    import torch

    from lighter_cli.preflight.network_calls import Labels, judged_inputs, judged_labels, judged_loss

    labels = Labels("train", "system::dataloaders::train", "system::criterion")

    def said(findings: Any) -> list[str]:
        found: list[Finding] = list(findings)
        assert all(finding.fix and finding.path for finding in found)
        return [finding.message.partition(":")[0] for finding in found]

    image = torch.randint(0, 256, (2, 1, 4, 4)).float()
    assert said(judged_inputs([image], labels)) == ["the train input is not normalized"]
    assert said(judged_inputs([image / 255], labels)) == []
    assert said(judged_inputs([torch.randint(0, 9000, (4, 7))], labels)) == []
    assert said(judged_inputs([torch.full((2, 3), torch.nan)], labels)) == [
        "the train input has 6 values that are nan or infinite"
    ]
    pred = torch.randn(4, 3)
    assert said(judged_labels(pred, torch.tensor([0, 1, 2, -100]), -100, labels)) == []
    assert said(judged_labels(pred, torch.tensor([0, 1, 3, 0]), -100, labels)) == [
        "a train label is 3, and there are 3 classes"
    ]
    assert said(judged_labels(pred.softmax(1), torch.tensor([0, 1, 2, 0]), -100, labels)) == [
        "the criterion gets probabilities"
    ]
    assert said(judged_loss(1.2, 3, labels)) == []
    assert said(judged_loss(40.0, 3, labels)) == ["the loss starts at 40, far above that of guessing"]


COUNTED = """
import gc
import torch

class Large(torch.utils.data.TensorDataset):
    def __init__(self):
        alive = [one for one in gc.get_objects() if type(one) is Large]
        if len(alive) > 1:
            raise MemoryError(len(alive))
        super().__init__(torch.linspace(-1, 1, 48).reshape(12, 4), torch.arange(12) % 2)
"""


SLOW = """
import time
from pytorch_lightning import Callback

class Waits(Callback):
    def on_test_batch_end(self, *args):
        open("reached", "w").close()
        time.sleep(60)
"""


def test_ctrl_c_leaves_nothing(system_config: str, tmp_path: Path, files_of: Files) -> None:
    (tmp_path / "code" / "waiting.py").write_text(SLOW)
    (tmp_path / "tmp").mkdir()
    before = files_of(tmp_path)
    words = ["preflight", system_config, "project=code", "trainer::callbacks+={_target_: project.waiting.Waits}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lighter_cli", *words],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (tmp_path / "reached").exists() and process.poll() is None:
        time.sleep(0.05)
    assert list((tmp_path / "tmp").glob("lighter-*"))
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    (tmp_path / "reached").unlink()
    assert {name for name in files_of(tmp_path) if not name.startswith("tmp/torch")} == set(before)
    assert list((tmp_path / "tmp").glob("lighter-*")) == []


def test_the_command_prints_json_alone(system_config: str, lighter: Command, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("late.py"), tmp_path / "code" / "late.py")
    words = ("project=code", "trainer::callbacks+={_target_: project.late.NamesFirst}")
    done = lighter("preflight", system_config, *words, "--json")
    assert done.returncode == 1, done.stderr
    content = json.loads(done.stdout)
    assert [stage["state"] for stage in content["stages"]] == ["passed", "passed", "passed", "failed"]
    assert not (tmp_path / ".lighter").exists()
    assert not (tmp_path / "lighter_runs").exists()


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.argv = ["lighter", "preflight", *sys.argv[1:]]
from lighter_cli.main import main
main()
"""


def test_a_full_disk_is_said_and_leaves_nothing(system_config: str, tmp_path: Path, files_of: Files) -> None:
    if sys.platform == "win32":
        pytest.skip("no limit of the size of files")
    (tmp_path / "tmp").mkdir()
    before = files_of(tmp_path)
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FULL, system_config],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "fit fails: " in done.stdout
    assert "TMPDIR" in done.stdout
    assert {name for name in files_of(tmp_path) if not name.startswith("tmp/torch")} == set(before)
    assert list((tmp_path / "tmp").glob("lighter-*")) == []


def test_safe_refuses_what_a_stage_refuses(system_config: str, module_config: str) -> None:
    assert rehearsed(system_config, safe=True).findings == []
    with pytest.raises(CheckError):
        rehearsed(system_config, "=system::model={_target_: subprocess.run}", safe=True)
