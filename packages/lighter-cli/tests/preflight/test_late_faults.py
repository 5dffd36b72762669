"""Faults that show only in a late stage, each alone in an experiment that the check passes."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lighter_cli.checking.checker import Checker
from lighter_cli.preflight.rehearsal import Options, rehearse
from lighter_config import Severity, Stage, load

LOADER = "{_target_: torch.utils.data.DataLoader, batch_size: 5, dataset: {_target_: project.late.%s}}"
CSV = "{_target_: lighter.callbacks.CsvWriter, path: out/rows.csv, keys: [pred]}"

SAVE = "{_target_: project.late.saves_elsewhere, _mode_: callable}"
RARE_CHECKPOINT = (
    "{_target_: pytorch_lightning.callbacks.ModelCheckpoint, monitor: val/ratio, every_n_train_steps: 1000}"
)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: What is wrong.
        words: The words that make it.
        said: A pattern of a part of the message of the finding; of torch's words only those that tell the fault.
        path: The path that the finding names.
        config: The experiment.
        severity: The severity of the finding.
    """

    name: str
    words: tuple[str, ...]
    said: str
    path: str
    config: str = "config.yaml"
    severity: Severity = Severity.ERROR


FAULTS = [
    Fault(
        "a callback looks up what is not there, in predict",
        ("trainer::callbacks+={_target_: project.late.NamesFirst}",),
        "predict fails: KeyError: 0",
        "trainer::callbacks::1",
    ),
    Fault(
        "a writer is given a key that no step returns",
        (f"trainer::callbacks+={CSV.replace('[pred]', '[score]')}",),
        "score",
        "trainer::callbacks::1",
    ),
    Fault(
        "the format of a writer writes another file",
        (f"trainer::callbacks+={{_target_: lighter.callbacks.FileWriter, directory: out, format: {SAVE}}}",),
        "predict fails",
        "trainer::callbacks::1",
    ),
    Fault(
        "a writer names files by an identifier that is missing",
        ("trainer::callbacks+={_target_: lighter.callbacks.FileWriter, directory: out, name_key: identifier}",),
        "invalid file name None",
        "trainer::callbacks::1",
    ),
    Fault(
        "two writers have one path",
        (f"trainer::callbacks+={CSV}", f"trainer::callbacks+={CSV}"),
        "rows.csv",
        "trainer::callbacks",
    ),
    Fault(
        "the path of a writer is a folder",
        (f"trainer::callbacks+={CSV.replace('out/rows.csv', 'code')}",),
        "code",
        "trainer::callbacks::1::path",
    ),
    Fault(
        "the folder of the outputs is a file",
        ("trainer::default_root_dir=config.yaml/outputs",),
        "config.yaml is a file",
        "trainer::default_root_dir",
    ),
    Fault(
        "the samples of test are not on the disk",
        ("=system::dataloaders::test=" + LOADER % "Opened",),
        "test fails: FileNotFoundError",
        "system::dataloaders::test::dataset",
    ),
    Fault(
        "the list of the samples of test is not on the disk",
        ("=system::dataloaders::test=" + LOADER % "Listed, file: nowhere.txt",),
        "test fails: FileNotFoundError",
        "system::dataloaders::test::dataset",
    ),
    Fault(
        "a metric of test expects more classes",
        ("=system::metrics::test={_target_: torchmetrics.Accuracy, task: multiclass, num_classes: 3}",),
        "test fails",
        "system::metrics::test",
    ),
    Fault(
        "the samples of predict have more features",
        ("=system::dataloaders::predict=" + LOADER % "samples, num_features: 6",),
        r"predict fails: RuntimeError: .*\(5x6 and 4x2\)",
        "system::model",
    ),
    Fault(
        "the samples of predict cannot be collated",
        ("=system::dataloaders::predict=" + LOADER % "Uneven",),
        r"predict fails: RuntimeError: .*\[4\] .*\[5\]",
        "system::dataloaders::predict",
    ),
    Fault(
        "the adapter of predict reads a key that batches lack",
        ("system::adapters={predict: {batch: {_target_: lighter.adapters.BatchAdapter, input_accessor: image}}}",),
        "image",
        "system::adapters::predict::batch",
    ),
    Fault(
        "the checkpoint holds an object of a class",
        ("system::_target_=project.late.WithObject",),
        "holds more than tensors",
        "system",
    ),
    Fault(
        "the module reads from the checkpoint what it never saved",
        ("system::_target_=project.late.ReadsBack",),
        "fails: KeyError: 'schedule'",
        "system",
    ),
    Fault(
        "each build makes another network",
        ("=system::model={_target_: project.late.Growing}",),
        r"fails: RuntimeError: .*network\.layers\.0\.weight.*\[2, 4\]",
        "system",
    ),
    Fault(
        "the checkpoint cannot be written",
        ("trainer::plugins={_target_: project.late.BrokenIO}",),
        "No space left",
        "trainer::plugins",
    ),
    Fault(
        "the checkpoint cannot be read",
        ("trainer::plugins={_target_: project.late.OnlySaves}",),
        "reading is not written yet",
        "trainer::plugins",
    ),
    Fault(
        "a monitor has nearly the name of a value that the module logs",
        ("trainer::callbacks+={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: val/scor}",),
        "val/scor",
        "trainer::callbacks::1::monitor",
        config="module.yaml",
    ),
    Fault(
        "the monitor of a checkpoint that is saved after many steps is never logged",
        (f"trainer::callbacks+={RARE_CHECKPOINT}",),
        "val/ratio",
        "trainer::callbacks::1::monitor",
        config="module.yaml",
    ),
    Fault(
        "all checkpoints are kept, of too many epochs",
        ("trainer::callbacks::0::save_top_k=-1", "trainer::max_epochs=1000000000000"),
        "the run needs",
        "trainer::callbacks::0",
    ),
    Fault(
        "the predictions do not fit on the disk",
        ("=system::dataloaders::predict=" + LOADER % "Endless", f"trainer::callbacks+={CSV}"),
        "the run needs",
        "trainer::callbacks::1",
    ),
    Fault(
        "a metric of test is nan",
        ("=system::metrics::test={_target_: project.late.Undefined}",),
        "is nan",
        "system::metrics::test",
        severity=Severity.WARNING,
    ),
    Fault(
        "a label of the validation data is outside the classes",
        ("=system::dataloaders::val=" + LOADER % "samples, label: 5",),
        "a val label is 5, and there are 2 classes",
        "system::dataloaders::val",
    ),
    Fault(
        "the module fails at the end of test",
        (),
        "thresholds",
        "model",
        config="module.yaml",
    ),
    Fault(
        "the inferer takes other arguments",
        ("system::inferer={_target_: project.late.infers, _mode_: callable}",),
        r"infers\(\) takes 1 positional argument",
        "system",
    ),
    Fault(
        "a logger refuses the values of test",
        ("trainer::logger={_target_: project.late.Strict, save_dir: logs}",),
        "test fails: ValueError: test values have no table",
        "trainer::logger",
    ),
    Fault(
        "a callback writes beside the outputs",
        ("trainer::callbacks+={_target_: project.late.Plots, figure: figure.svg}",),
        "writes outside its folder: figure.svg",
        "trainer::callbacks::1",
        severity=Severity.WARNING,
    ),
    Fault(
        "the input of test is the same everywhere",
        ("=system::dataloaders::test=" + LOADER % "Constant",),
        "the test input is 0 everywhere",
        "system::dataloaders::test",
        severity=Severity.WARNING,
    ),
]


@pytest.fixture
def experiment(system_config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny experiments with the parts of ``late.py``."""
    shutil.copy(Path(__file__).with_name("late.py"), tmp_path / "code" / "late.py")
    with (tmp_path / system_config).open("a") as stream:
        stream.write("project: code\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_late_fault_is_found_with_its_place(
    fault: Fault, experiment: Path, files_of: Callable[[Path], dict[str, bytes]]
) -> None:
    own = ["model::_target_=project.late.FailsLate"] if fault.config == "module.yaml" else []
    words = [fault.config, *own, *fault.words]
    assert not Checker(tuple(Stage)).check(words).has_errors
    before = files_of(experiment)
    result = rehearse(load(words), Options())
    found = [one for one in result.findings if re.search(fault.said, one.message) and one.path.startswith(fault.path)]
    assert found, "\n\n".join(map(str, result.findings))
    (finding, *_) = found
    assert finding.severity is fault.severity
    assert finding.place is not None
    assert finding.fix
    after = files_of(experiment)
    after.pop("figure.svg", None)
    assert after == before
