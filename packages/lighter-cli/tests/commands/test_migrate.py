"""Configs of earlier generations become configs of this one; what cannot be rewritten is said with its line."""

import difflib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lighter_cli import Runner
from lighter_cli.checking.checker import Checker
from lighter_cli.migration import Migrated, migrate
from lighter_config import Severity, load

CASES = Path(__file__).parent / "migration"
WHOLE = ["batch_size_and_datasets", "inferer_and_shared_batch_size", "overlays"]

Command = Callable[..., CompletedProcess[str]]


def migrated(case: str, name: str = "before") -> list[Migrated]:
    files = sorted((CASES / case).glob(f"{name}*.*"))
    for file in files:
        shutil.copy(file, file.name)
    return migrate([file.name for file in files])


@pytest.mark.parametrize("case", sorted(folder.name for folder in CASES.iterdir()))
def test_a_file_becomes_what_is_expected(case: str) -> None:
    results = migrated(case)
    for one in results:
        assert one.after == (CASES / case / one.name.replace("before", "after")).read_text()
    said = CASES / case / "said.txt"
    expected = said.read_text() if said.exists() else ""
    assert "".join(f"{finding.severity}: {finding}\n" for one in results for finding in one.findings) == expected


@pytest.mark.parametrize("case", sorted(folder.name for folder in CASES.iterdir()))
def test_the_second_time_nothing_changes(case: str) -> None:
    for one in migrated(case, "after"):
        assert one.after == one.before


@pytest.mark.parametrize("case", sorted(folder.name for folder in CASES.iterdir()))
def test_no_comment_is_lost(case: str) -> None:
    for one in migrated(case):
        for comment in re.findall(r"(?<=\s)#\s[^\"\n]*$", one.before, re.MULTILINE):
            assert comment in one.after


@pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no `val_dataloader`")
@pytest.mark.parametrize("case", WHOLE)
def test_a_migrated_experiment_passes_the_check_and_trains(case: str) -> None:
    files = []
    for one in migrated(case):
        Path(one.name).write_text(one.after)
        files.append(one.name)
    report = Checker(()).check(files)
    assert [str(finding) for finding in report.findings if finding.severity is Severity.ERROR] == []
    words = ["trainer::logger=false", "trainer::accelerator=cpu", "trainer::max_epochs=2", "=vars::num_workers=0"]
    quiet = {"vars": {"pin_memory": False}}
    Runner().run("fit", [*files, *words, quiet, "trainer::enable_progress_bar=false", "trainer::limit_val_batches=0"])


def test_a_later_file_replaces_what_it_replaced() -> None:
    for one in migrated("overlays"):
        Path(one.name).write_text(one.after)
    config = load(["before.yaml", "before_2.yaml"])
    assert config.get("vars::sizes") == [3]
    assert [item["_target_"] for item in config.get("trainer::callbacks")] == ["pytorch_lightning.callbacks.Timer"]
    assert "weight_decay" not in config.get("system::optimizer")
    assert config.get("vars::batch_size") == 16
    assert config.get("vars::b") == 2


def test_an_overlay_item_replaces_the_item_that_exists() -> None:
    for one in migrated("overlay_items"):
        Path(one.name).write_text(one.after)
    config = load(["before.yaml", "before_2.yaml"])
    assert config.get("trainer::callbacks") == [{"_target_": "pytorch_lightning.callbacks.LearningRateMonitor"}]
    assert config.get("system::model") == {"_target_": "torch.nn.Identity"}


def test_a_json_file_stays_json_that_loads() -> None:
    (one,) = migrated("json")
    tree = json.loads(one.after)
    assert tree["_imports_"] == {"glob": "glob", "osp": "os.path", "Path": "pathlib.Path"}
    Path(one.name).write_text(one.after)
    config = load([one.name])
    assert config.resolve("files") == []
    assert config.resolve("system::optimizer::lr") == 0.001
    unchanged = set(one.before.splitlines()) & set(one.after.splitlines())
    assert '    "spacing": [1.0, 1.0, 2.5],' in unchanged


def test_a_compact_json_file_stays_on_one_line() -> None:
    Path("exp.json").write_text('{"trainer#max_epochs": 3, "imports": ["$import glob"], "ü": [true, null, {}]}')
    after = migrate(["exp.json"])[0].after
    assert after == '{"trainer::max_epochs": 3, "_imports_": {"glob": "glob"}, "ü": [true, null, {}]}'


def test_lines_that_say_the_same_stay_as_they_were() -> None:
    (one,) = migrated("layout")
    before, after = one.before.splitlines(), one.after.splitlines()
    removed = [line for line in difflib.ndiff(before, after) if line.startswith("- ")]
    assert [line.split()[1] for line in removed] == [
        "lightning_module:",
        "optimizer:",
        "params:",
        "datamodule:",
        "batch_size:",
    ]


def test_the_command_shows_a_difference_and_writes_nothing(in_process: Command) -> None:
    before = (CASES / "separators" / "before.yaml").read_text()
    Path("exp.yaml").write_text(before)
    done = in_process("migrate", "exp.yaml")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:2] == ["--- exp.yaml", "+++ exp.yaml"]
    assert {"-trainer#max_epochs: 3", "+trainer::max_epochs: 3"} <= set(lines)
    assert Path("exp.yaml").read_text() == before


def test_in_place_writes_the_file_and_keeps_its_mode(in_process: Command) -> None:
    file = Path("exp.yaml")
    shutil.copy(CASES / "separators" / "before.yaml", file)
    file.chmod(0o640)
    done = in_process("migrate", "exp.yaml", "--in-place")
    assert done.returncode == 0
    assert file.read_text() == (CASES / "separators" / "after.yaml").read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in Path().glob(".exp*")] == []


def test_what_is_left_to_do_by_hand_is_exit_code_one(in_process: Command, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(CASES / "moved_names" / "before.yaml", "exp.yaml")
    assert in_process("migrate", "exp.yaml").returncode == 1
    assert "exp.yaml:4:5" in caplog.text


def test_each_whole_experiment_stands_for_itself() -> None:
    text = (
        "system:\n  _target_: lighter.LighterSystem\ntrainer:\n  _target_: pytorch_lightning.Trainer\n  devices: [0]\n"
    )
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text(text)
    assert [one.after for one in migrate(["a.yaml", "b.yaml"])] == [text.replace("LighterSystem", "System")] * 2


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    Path("exp.yaml").write_bytes(b"trainer#max_epochs: 3\r\nseed: 1\r\n")
    assert migrate(["exp.yaml"])[0].after == "trainer::max_epochs: 3\r\nseed: 1\r\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "error: not YAML: the list in brackets is not closed; it begins here\n  exp.yaml:1:4"),
        ("- 1\n", "error: the root of a config must be a mapping, exp.yaml holds a list\n  exp.yaml:1:1"),
        ("a: 1\na: 2\n", "error: key 'a' is given twice in one mapping; first at exp.yaml:1:1\n  exp.yaml:2:1"),
        ("", "error: the root of a config must be a mapping, exp.yaml is empty"),
    ],
)
def test_a_file_that_is_no_config_is_an_error(in_process: Command, text: str, message: str) -> None:
    Path("exp.yaml").write_text(text)
    done = in_process("migrate", "exp.yaml", "--in-place")
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert Path("exp.yaml").read_text() == text


def test_a_file_that_does_not_exist_is_an_error(in_process: Command) -> None:
    done = in_process("migrate", "nowhere.yaml")
    assert done.returncode == 1
    assert "nowhere.yaml cannot be read" in done.stderr
