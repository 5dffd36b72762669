"""No file of the working directory runs before a stage: files with all the names that we import are planted there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RUN = "import sys; from lighter_cli.main import main; main()"
RUN_WITH_FOLDER = f"import os, sys; sys.path.append(os.getcwd()); {RUN}"

RECORD = """
import atexit, sys

asked = set()


class Recorder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        asked.add(name.partition(".")[0])


sys.meta_path.insert(0, Recorder)
atexit.register(lambda: open("asked", "w").write(" ".join(sorted(asked | set(sys.modules)))))
from lighter_cli.main import main

for words in COMMANDS:
    sys.argv = ["lighter", *words]
    try:
        main()
    except SystemExit:
        pass
"""

COMMANDS = (
    (),
    ("--help",),
    ("--version",),
    ("fitt",),
    ("fit", "--help"),
    ("fit", "config.yaml", "trainer::max_epoch=1"),
    ("fit", "config.yaml", "--safe", "trainer::default_root_dir={_target_: os.mkdir}"),
    ("check", "config.yaml"),
    ("check", "config.yaml", "broken.yaml", "--each", "--format", "json"),
    ("show", "config.yaml"),
    ("show", "config.yaml", "--stage", "fit", "--blame"),
    ("show", "config.yaml", "--resolve", "--json"),
    ("explain", "trainer::max_epochs", "config.yaml"),
    ("diff", "config.yaml", "trainer::max_epochs=3", "--against", "config.yaml"),
    ("schema", "config.yaml"),
    ("describe", "AdamW"),
    ("describe", "msvcrt.open_osfhandle"),
    ("eject", "config.yaml", "--stage", "fit"),
    ("migrate", "old.yaml"),
    ("migrate", "broken.yaml"),
    ("init", "new"),
    ("runs", "list"),
    ("runs", "show", "last"),
    ("runs", "diff", "last", "last"),
    ("show", "lighter_runs/one"),
    ("--complete", "zsh", "1", "fit", ""),
    ("--complete", "zsh", "3", "fit", "config.yaml", "trainer::ma"),
    ("--complete", "zsh", "2", "runs", "show", ""),
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The top-level names that the commands try to import, whether they are found or not."""
    folder = tmp_path_factory.mktemp("recorded")
    write_experiment(folder)
    program = f"COMMANDS = {COMMANDS!r}\n{RECORD}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names = {name.partition(".")[0] for name in (folder / "asked").read_text().split()}
    return frozenset(name for name in names if name.isidentifier() and name != "__main__")


@pytest.fixture
def planted(asked: frozenset[str], tmp_path: Path) -> Path:
    """A folder with an experiment, and a package for each of these names that leaves a trace when it runs."""
    write_experiment(tmp_path)
    plant(tmp_path, asked)
    return tmp_path


def write_experiment(folder: Path) -> None:
    shutil.copy(Path(__file__).parent / "experiments" / "config.yaml", folder)
    (folder / "broken.yaml").write_text("trainer:\n  max_epochs: 2\n a: b: c\n", encoding="utf-8")
    old = "trainer: {_target_: pytorch_lightning.Trainer}\nsystem:\n  _target_: lighter.System\n  model: $msvcrt.x\n"
    (folder / "old.yaml").write_text(old, encoding="utf-8")
    run = folder / "lighter_runs" / "one"
    run.mkdir(parents=True)
    (run / "record.json").write_text("{}", encoding="utf-8")
    shutil.copy(folder / "config.yaml", run)
    (folder / ".lighter").mkdir()
    (folder / ".lighter" / "runs.jsonl").write_text(f'{{"folder": "{run}"}}\n', encoding="utf-8")


def plant(folder: Path, names: Iterable[str]) -> None:
    trace = f"open({str(folder / 'trace')!r}, 'a').write(__name__ + '\\n')\n"
    for name in names:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").write_text(trace, encoding="utf-8")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_the_list_has_names_that_are_not_installed(asked: frozenset[str]) -> None:
    assert {"msvcrt", "ruamel", "yaml", "cyclopts", "json"} <= asked


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_that_reads_runs_a_file_of_the_folder(words: tuple[str, ...], planted: Path) -> None:
    done = run(planted, sys.executable, "-P", "-c", RUN, *words)
    assert "Traceback" not in done.stderr
    assert not (planted / "trace").exists(), (planted / "trace").read_text()


def test_the_planted_files_run_when_the_folder_is_importable(planted: Path) -> None:
    run(planted, sys.executable, "-P", "-c", RUN_WITH_FOLDER, "--help")
    assert (planted / "trace").exists()


def test_running_as_a_module_runs_no_file_of_the_folder(asked: frozenset[str], tmp_path: Path) -> None:
    write_experiment(tmp_path)
    # Python itself finds its own modules, and lighter_cli, before the first line of ours
    plant(tmp_path, asked - sys.stdlib_module_names - {"lighter_cli"})
    for words in (("--help",), ("runs", "list"), ("check", "config.yaml"), ("migrate", "old.yaml")):
        run(tmp_path, sys.executable, "-m", "lighter_cli", *words)
        assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()


def test_a_stage_and_a_deep_check_import_the_folder(tmp_path: Path) -> None:
    write_experiment(tmp_path)
    (tmp_path / "beside.py").write_text("open('trace', 'w')\nmake = exec('def f(): ...') or f\n", encoding="utf-8")
    words = ("config.yaml", "trainer::default_root_dir={_target_: beside.make}", "trainer::fast_dev_run=1")
    for command in (("check", *words, "--deep"), ("fit", *words)):
        done = run(tmp_path, sys.executable, "-P", "-c", RUN, *command)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "trace").exists(), command
        (tmp_path / "trace").unlink()


def test_a_stage_imports_what_it_needs_before_the_folder(tmp_path: Path) -> None:
    write_experiment(tmp_path)
    program = (
        "import sys\n"
        "class Recorder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if sys.folder in sys.path:\n"
        "            late.add(name)\n"
        "late = set()\n"
        f"sys.folder = {str(tmp_path)!r}\n"
        "sys.meta_path.insert(0, Recorder)\n"
        "import atexit; atexit.register(lambda: open('late', 'w').write(' '.join(sorted(late))))\n"
        f"{RUN}"
    )
    done = run(tmp_path, sys.executable, "-P", "-c", program, "fit", "config.yaml", "trainer::fast_dev_run=1")
    assert done.returncode == 0, done.stderr
    assert "lighter.system" not in (tmp_path / "late").read_text().split()
