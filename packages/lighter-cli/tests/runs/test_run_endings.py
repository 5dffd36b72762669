"""A problem of the record never hides how a run ended."""

import errno
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lighter_cli import Runner
from lighter_cli.runs.record import read_records

pytestmark = pytest.mark.slow

Write = Callable[[str, str], Path]

STEP = "    def training_step(self, batch, batch_idx):\n"
BARE = ("trainer::enable_checkpointing=false", "trainer::logger=false", "~trainer::callbacks")


@pytest.fixture
def add_to_model(module_config: str, write: Write) -> Callable[..., None]:
    """Add statements to the training steps of the second epoch."""

    def add(step: str) -> None:
        code = Path("code/models.py").read_text()
        write("code/models.py", code.replace(STEP, f"{STEP}        if self.current_epoch == 1: {step}\n"))

    return add


@pytest.fixture(autouse=True)
def _own_ctrl_c() -> Iterator[None]:
    """Undo what Lightning does at Ctrl-C: it ignores the next ones, and child processes inherit that."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def _record() -> dict[str, Any]:
    return dict(read_records(Path())[-1].content)


def test_a_failed_run_without_checkpoints_ends_with_its_error(
    module_config: str, add_to_model: Callable[..., None], lighter: Callable[..., Any]
) -> None:
    add_to_model("raise OSError('disk')")
    done = lighter("fit", module_config, *BARE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-3] == "OSError: disk"  # then the batch, and the number of hidden frames
    assert (_record()["status"], _record()["error"]) == ("failed", "OSError: disk")
    assert _record()["progress"]["epoch"] == 1
    assert "train/loss/epoch" in _record()["metrics"]


def test_ctrl_c_without_checkpoints_exits_with_code_130(
    module_config: str, add_to_model: Callable[..., None], lighter: Callable[..., Any]
) -> None:
    add_to_model("import signal; signal.raise_signal(signal.SIGINT)")
    done = lighter("fit", module_config, *BARE)
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert _record()["status"] == "interrupted"
    assert _record()["checkpoints"] == {}


def test_sigterm_without_checkpoints_exits_with_code_143(
    module_config: str, add_to_model: Callable[..., None], lighter: Callable[..., Any]
) -> None:
    add_to_model("import signal; signal.raise_signal(signal.SIGTERM)")
    done = lighter("fit", module_config, *BARE)
    assert done.returncode == 143, done.stderr
    assert _record()["status"] == "interrupted"


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        ("recorder", "saved_checkpoints"),
        ("recorder", "last_and_best"),
        ("recorder", "numbers"),
        ("record_writer", "write_atomically"),
        ("recorder", "summary_lines"),
    ],
)
def test_a_problem_of_the_record_is_only_a_warning(
    module_config: str,
    add_to_model: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: str,
    broken: str,
) -> None:
    """Every helper of the recorder fails from the failure of the step on."""
    add_to_model("import lighter_cli.runs.recorder as r; r.failing(); raise OSError('disk')")
    from lighter_cli.runs import recorder

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("internal")

    path = f"lighter_cli.runs.{module}.{broken}"
    monkeypatch.setattr(recorder, "failing", lambda: monkeypatch.setattr(path, fail), raising=False)
    with pytest.raises(OSError, match="disk"):
        Runner().run("fit", [module_config])
    if broken == "write_atomically":
        assert "internal" in caplog.text
    else:
        assert (_record()["status"], _record()["error"]) == ("failed", "OSError: disk")


def test_an_error_without_a_text_is_recorded_by_its_name(
    module_config: str, write: Write, add_to_model: Callable[..., None]
) -> None:
    odd = "class Odd(Exception):\n    def __str__(self): raise ValueError('no text')\n"
    add_to_model("from project.odd import Odd; raise Odd")
    write("code/odd.py", odd)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - `match` would ask for the text
        Runner().run("fit", [module_config])
    assert type(caught.value).__name__ == "Odd"
    assert _record()["error"] == "Odd"


def test_ctrl_c_stays_an_interruption_when_a_callback_fails(
    module_config: str, write: Write, add_to_model: Callable[..., None]
) -> None:
    """Lightning then asks no other callback, so the recorder is not told of Ctrl-C."""
    add_to_model("raise KeyboardInterrupt")
    write(
        "code/failing.py",
        """\
        from pytorch_lightning import Callback
        class Failing(Callback):
            def on_exception(self, *_):
                raise ValueError("clean up")
        """,
    )
    with pytest.raises(KeyboardInterrupt):
        Runner().run("fit", [module_config, *BARE, "trainer::callbacks=[{_target_: project.failing.Failing}]"])
    assert _record()["status"] == "interrupted"


def test_a_project_module_that_fails_shows_its_own_error_alone(
    module_config: str, write: Write, lighter: Callable[..., Any]
) -> None:
    write("code/models.py", Path("code/models.py").read_text() + "\n\nraise OSError('no licence')\n")
    done = lighter("fit", module_config)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "AttributeError" not in done.stderr
    assert "OSError: no licence" in done.stderr
    assert "while importing project.models.Classifier for model (module.yaml:16:13)" in done.stderr


def test_an_error_inside_torch_is_the_message_and_the_notes(system_config: str, lighter: Callable[..., Any]) -> None:
    done = lighter("fit", system_config, "system::model::in_features=5", *BARE)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    error, given, batch, hidden = done.stderr.splitlines()[-4:]
    assert error.startswith("RuntimeError: ")
    assert error.endswith("(5x4 and 5x2)")  # the words before the shapes change with torch
    assert (given, batch) == ("Linear was given float32 (5, 4)", "in val, batch 0 of epoch 0")
    assert hidden.endswith("frames of Lighter, Lightning and torch hidden; --traceback shows them)")
    assert "nn/modules/linear.py" in lighter("fit", system_config, "system::model::in_features=5", "--traceback").stderr


FILLING = """
from pathlib import Path
from pytorch_lightning import Callback

class Filling(Callback):
    def on_train_epoch_end(self, trainer, pl_module):
        with Path("disk/filler").open("wb", buffering=0) as filler:
            for size in (4096, 1):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError as full:
                    last = full
        raise last
"""
FULL_DISK = """
mkdir disk && mount -t tmpfs -o size=1m tmpfs disk || exit 77
"$@"
status=$?
cp -r disk/lighter_runs kept
exit $status
"""
_CANNOT_MOUNT = 77


def test_a_run_on_a_full_disk_is_recorded_as_failed(system_config: str, write: Write) -> None:
    write("code/filling.py", FILLING)
    program = "from lighter_cli.main import main; main()"
    callback = "trainer::callbacks+={_target_: project.filling.Filling}"
    fit = ["fit", system_config, "project=code", "trainer::default_root_dir=disk", *BARE, callback]
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*own_mounts, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    command = [*own_mounts, "sh", "-c", FULL_DISK, "sh", sys.executable, "-c", program, *fit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == _CANNOT_MOUNT:
        pytest.skip("this machine lets nobody mount a file system")
    assert done.returncode == 1, done.stderr
    (record,) = Path("kept").rglob("record.json")
    content = json.loads(record.read_text())
    assert content["status"] == "failed"
    assert "No space left on device" in content["error"]
    assert content["progress"]["step"] == 3
    assert {file.name for file in record.parent.iterdir()} == {
        "config.yaml", "provenance.json", "record.json", "code.json", "code.patch"
    }  # fmt: skip


def test_the_last_record_is_written_into_the_reserved_space(
    module_config: str, add_to_model: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where no file system can be mounted."""
    add_to_model("import lighter_cli.runs.recorder as r; r.filling(); raise OSError('disk')")
    from lighter_cli.runs import record_writer, recorder

    real, sizes = record_writer.write_atomically, []

    def write_if_there_is_space(file: Path, text: str) -> None:
        if (reserved := file.parent / ".reserved").exists():
            sizes.append(reserved.stat().st_size)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file, text)

    def fill() -> None:
        monkeypatch.setattr(record_writer, "write_atomically", write_if_there_is_space)

    monkeypatch.setattr(recorder, "filling", fill, raising=False)
    with pytest.raises(OSError, match="disk"):
        Runner().run("fit", [module_config, *BARE])
    assert sizes
    assert min(sizes) > len((read_records(Path())[-1].folder / "record.json").read_bytes())
    assert (_record()["status"], _record()["error"]) == ("failed", "OSError: disk")
