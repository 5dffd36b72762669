"""Kept results of checks: they are never older than what they came from."""

import builtins
import io
import itertools
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.checking import kept_results
from lighter_cli.checking.checker import Checker
from lighter_cli.checking.config_checker import ConfigChecker
from lighter_cli.checking.kept_results import KeptResults
from lighter_cli.checking.output import as_json
from lighter_cli.checking.settings import read_settings
from lighter_config import Stage

BASE = "trainer: {_target_: pytorch_lightning.Trainer, max_epochs: 2}\n"
CONFIG = """\
_base_: base.yaml
project: code
seed: 1
system:
  _target_: lighter.System
  model: {_target_: project.nets.Net, size: 3}
  criterion: {_target_: torch.nn.MSELoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: "%rates.yaml::lr"}
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: {_target_: torch.utils.data.TensorDataset, _args_: []}}
"""
NETS = """\
import torch


class Net(torch.nn.Linear):
    def __init__(self, size: int) -> None:
        super().__init__(size, 1)
"""
FILES = {"base.yaml": BASE, "exp.yaml": CONFIG, "rates.yaml": "lr: 0.1\n", "code/__init__.py": "", "code/nets.py": NETS}

_TICK_S = 0.02  # the clock of files is behind by less


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of kept answers and results; answers about libraries are worked out once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write an experiment that nothing is wrong with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    shutil.rmtree(cache / "lighter/checks", ignore_errors=True)
    monkeypatch.setattr(kept_results, "_SETTLED_NS", int(_TICK_S * 1e9))
    for name, text in FILES.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    time.sleep(2 * _TICK_S)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count how often a config is really checked."""
    calls: list[int] = []
    check = ConfigChecker.check

    def counted(self: ConfigChecker, *args: Any, **options: Any) -> Any:
        calls.append(1)
        return check(self, *args, **options)

    monkeypatch.setattr(ConfigChecker, "check", counted)
    return lambda: len(calls)


def checked(*inputs: str, stages: tuple[Stage, ...] = (), **options: Any) -> Any:
    """Check as a new process does; return what the command prints as JSON."""
    checker = Checker(stages, settings=read_settings(Path.cwd()), **options)
    results = as_json([checker.check(inputs or ("exp.yaml",)), *checker.check_each(inputs or ("exp.yaml",))])
    return json.loads(json.dumps(results))


def checked_anew(*inputs: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeptResults, "result", lambda self, words, options, work_out: work_out())
        return checked(*inputs)


def test_second_check_of_a_clean_experiment_is_kept(count: Callable[[], int]) -> None:
    first = checked()
    assert count() == 2  # alone, and with `--each`
    assert checked() == first
    assert count() == 2
    assert [one["findings"] for one in first["experiments"]] == [[], []]


def test_kept_result_tells_targets_and_stages() -> None:
    Path("exp.yaml").write_text(CONFIG + "vars: {unknown: {_target_: project.made.Thing}}\n")
    Path("code/made.py").write_text("Thing = __import__('os').environ['THING']\n")
    time.sleep(2 * _TICK_S)
    first = checked(stages=(Stage.FIT, Stage.TEST))
    assert first["experiments"][0]["targets"]["num_known"] == 7
    assert first == checked(stages=(Stage.FIT, Stage.TEST))


def test_result_with_a_finding_is_worked_out_again(count: Callable[[], int]) -> None:
    Path("exp.yaml").write_text(CONFIG.replace("size: 3", "sise: 3"))
    time.sleep(2 * _TICK_S)
    assert checked() == checked()
    assert count() == 4


def change(name: str, text: str) -> Callable[[pytest.MonkeyPatch], object]:
    def write(_: pytest.MonkeyPatch) -> None:
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)

    return write


CHANGES: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "the file itself": change("exp.yaml", CONFIG.replace("size: 3", "sise: 3")),
    "its base": change("base.yaml", BASE.replace("max_epochs", "max_epoch")),
    "a file that it reads": change("rates.yaml", "rate: 0.1\n"),
    "code of the project": change("code/nets.py", NETS.replace("size: int", "width: int")),
    "a package in the place of a module": change("code/nets/__init__.py", ""),
    "a module that hides a library": change("torch.py", ""),
    "a removed base": lambda _: Path("base.yaml").unlink(),
    "a removed module": lambda _: shutil.rmtree("code"),
    "an environment variable": lambda patch: patch.setenv("PL_GLOBAL_SEED", "many"),
    "a launcher": lambda patch: [patch.setenv("SLURM_NTASKS", "4"), patch.setenv("SLURM_JOB_NAME", "job")],
    "a severity": change("pyproject.toml", '[tool.lighter.severity]\nnothing-of-that-name = "note"\n'),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_of_what_was_looked_at_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(one["findings"] == [] for one in checked()["experiments"])
    CHANGES[name](monkeypatch)
    assert checked() == checked_anew()


def test_marker_of_another_project_is_seen() -> None:
    Path("exp.yaml").write_text(CONFIG.replace("project: code\n", ""))
    Path("code/__lighter__.py").touch()
    Path("code/exp.yaml").write_text(CONFIG.replace("project: code\n", "").replace(": base.yaml", ": ../base.yaml"))
    Path("code/rates.yaml").write_text("lr: 0.1\n")
    time.sleep(2 * _TICK_S)
    assert checked("code/exp.yaml")["experiments"][0]["findings"] == []
    Path("__lighter__.py").touch()
    assert "project.nets" in checked("code/exp.yaml")["experiments"][0]["findings"][0]["message"]


def test_change_with_the_same_size_and_time_is_seen() -> None:
    checked()
    before = Path("rates.yaml").stat()
    Path("rates.yaml").write_text("rl: 0.1\n")
    os.utime("rates.yaml", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Path("rates.yaml").stat().st_size == before.st_size
    assert checked()["experiments"][0]["findings"]


def test_file_that_has_just_changed_is_not_kept(monkeypatch: pytest.MonkeyPatch, count: Callable[[], int]) -> None:
    monkeypatch.setattr(kept_results, "_SETTLED_NS", 2 * 10**9)
    Path("rates.yaml").write_text("lr: 0.2\n")
    checked()
    checked()
    assert count() == 4


@pytest.mark.parametrize("options", [{"deep": True}, {"safe": True}])
def test_checks_that_import_or_refuse_are_never_kept(options: dict[str, bool], count: Callable[[], int]) -> None:
    checked(**options)
    checked(**options)
    assert count() == 4


def test_secrets_are_never_written_to_the_disk(cache: Path) -> None:
    logger = "{_target_: pytorch_lightning.loggers.CSVLogger, save_dir: 'https://ann:a-secret@host', name: a}"
    Path("code/nets.py").write_text(NETS.replace("size: int", "size: int, api_key: str = ''"))
    Path("exp.yaml").write_text(CONFIG.replace("size: 3", "size: 3, api_key: a-secret"))
    time.sleep(2 * _TICK_S)
    checked("exp.yaml", f"trainer::logger={logger}", "system::model::api_key=a-secret-too")
    checked("exp.yaml")
    kept = list((cache / "lighter").rglob("*.json"))
    assert kept
    assert [file for file in kept if "a-secret" in file.read_text()] == []


def test_values_of_variables_are_never_written_to_the_disk(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("API_KEY", "a-secret-key")
    checked()
    entries = list((cache / "lighter/checks").iterdir())
    assert len(entries) == 2
    assert not any("a-secret-key" in entry.read_text() for entry in entries)


@pytest.mark.parametrize("damage", ["", "{", "null", "[]", '{"question": 1}', "\x00"])
def test_damaged_entry_is_worked_out_again(damage: str, cache: Path) -> None:
    first = checked()
    for entry in (cache / "lighter/checks").iterdir():
        entry.write_text(damage)
    assert checked() == first


def test_each_damaged_key_of_an_entry_is_worked_out_again(cache: Path) -> None:
    first = checked()
    for entry in (cache / "lighter/checks").iterdir():
        kept = json.loads(entry.read_text())
        for key in kept:
            for value in (None, 7, "x", [1], {"a": 1}):
                entry.write_text(json.dumps(kept | {key: value}))
                assert checked() == first


def test_folder_that_cannot_be_made_keeps_nothing(monkeypatch: pytest.MonkeyPatch, count: Callable[[], int]) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path("base.yaml").absolute()))
    assert checked() == checked()
    assert count() == 4


def test_old_results_are_removed(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr(kept_results, "_NUM_KEPT", 10)
    for number in range(30):
        Path(f"exp{number}.yaml").write_text(CONFIG)
    time.sleep(2 * _TICK_S)
    for number in range(30):
        Checker().check([f"exp{number}.yaml"])
    assert len(list((cache / "lighter/checks").iterdir())) <= 11


def test_every_file_that_a_check_looks_at_is_noted(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """A kept result is wrong if a check looks at something that its entry does not know of."""
    Checker().check(["exp.yaml"])  # fills the answers about targets
    shutil.rmtree(cache / "lighter/checks")
    looked_at: set[str] = set()

    def watched(function: Any) -> Any:
        def call(path: Any = ".", *args: Any, **options: Any) -> Any:
            if not isinstance(path, int):
                looked_at.add(os.path.abspath(path))  # noqa: PTH100  # links stay
            return function(path, *args, **options)

        return call

    with monkeypatch.context() as patch:
        ways = ("stat", "lstat", "open", "listdir", "scandir", "readlink")
        for module, name in itertools.product((os, builtins, io), ways):
            if hasattr(module, name):
                patch.setattr(module, name, watched(getattr(module, name)))
        Checker().check(["exp.yaml"])
    (entry,) = (cache / "lighter/checks").iterdir()
    kept = json.loads(entry.read_text())
    known = {*kept["paths"], *json.loads(kept["situation"])[1][1]}
    known |= {fingerprint[0] for state in kept["state"].splitlines() if (fingerprint := _read(state))}
    here = str(Path.cwd())
    strange = {path for path in looked_at - known if path.startswith(here) and path != here}
    assert strange <= {str(Path("code").absolute()), str(Path("pyproject.toml").absolute())}
    assert str(Path("rates.yaml").absolute()) in looked_at


def _read(state: str) -> Any:
    try:
        return json.loads(state)
    except ValueError:
        return None


def test_random_edits_never_meet_a_stale_result() -> None:
    chance = random.Random(int(os.environ.get("LIGHTER_EDIT_SEED", "7")))
    texts = {
        "base.yaml": [BASE, BASE.replace("max_epochs", "max_epoch"), "vars: {}\n" + BASE],
        "exp.yaml": [CONFIG, CONFIG.replace("size: 3", "size: x"), CONFIG.replace("project: code", "project: more")],
        "rates.yaml": ["lr: 0.1\n", "lr: fast\n", "lr: [\n"],
        "code/nets.py": [NETS, NETS.replace("size", "width"), "from more.nets import Net\n"],
        "more/nets.py": [NETS, NETS + "\n\nclass Other: ...\n"],
        "more/__lighter__.py": [""],
        "__lighter__.py": [""],
        "torch.py": [""],
    }
    wrong = 0
    for _ in range(int(os.environ.get("LIGHTER_RANDOM_EDITS", "40"))):
        name = chance.choice(sorted(texts))
        Path(name).parent.mkdir(exist_ok=True)
        if Path(name).exists() and chance.random() < 0.3:
            Path(name).unlink()
        elif name != "torch.py" or chance.random() < 0.2:
            Path(name).write_text(chance.choice(texts[name]))
        if chance.random() < 0.7:
            time.sleep(2 * _TICK_S)
        kept = checked()
        assert kept == checked_anew()
        wrong += bool(kept["experiments"][0]["findings"])
    assert wrong


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_link_that_leads_elsewhere_is_seen() -> None:
    Path("other").mkdir()
    for name in ("base.yaml", "rates.yaml"):
        shutil.copy(name, f"other/{name}")
    Path("other/exp.yaml").write_text(CONFIG.replace("size: 3", "sise: 3"))
    Path("own").mkdir()
    for name in ("base.yaml", "rates.yaml", "exp.yaml"):
        shutil.copy(name, f"own/{name}")
    Path("current").symlink_to("own")
    time.sleep(2 * _TICK_S)
    assert checked("current/exp.yaml")["experiments"][0]["findings"] == []
    Path("current").unlink()
    Path("current").symlink_to("other")
    assert checked("current/exp.yaml")["experiments"][0]["findings"]
