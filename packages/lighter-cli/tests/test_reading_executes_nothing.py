"""The commands that read a config full of traps leave no trace; each trap is live."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_config import load

pytestmark = pytest.mark.slow

TRACE = Path("trace")

SPRUNG = {
    "a target": "{_target_: os.mkdir, path: trace}",
    "a target of the project, by importing it": "{_target_: project.evil.thing}",
    "a target of a module beside the config": "{_target_: evil.thing}",
    "a mode": "{_target_: dict, _mode_: \"$os.mkdir('trace')\"}",
    "a disabled component": "{_target_: dict, _disabled_: \"$os.mkdir('trace')\"}",
    "an expression": "\"$__import__('os').mkdir('trace')\"",
    "an expression in a list": "[[\"$os.mkdir('trace')\"]]",
    "an expression that refers": "\"$@vars::os.mkdir('trace')\"",
    "_imports_": "{_imports_: {bad: evil}, x: $bad.thing}",
    "_requires_": "{_requires_: $import evil, x: $evil.thing}",
}
"""Values that leave a trace when they are built."""

UNSPRUNG = {
    "a tag for Python objects": "!!python/object/apply:os.mkdir [trace]",
    "a tag for Python names": "!!python/name:evil.thing",
    "a tag for Python modules": "!!python/module:evil",
    "a tag of another tool": "!include secret.yaml",
    "a system file": "'%/etc/passwd'",
    "a system file with a path": "'%/etc/passwd::root'",
    "a file above": "'%../../secret.txt'",
    "a file of a special name": "'%/dev/stdin.yaml::a'",
}
"""Values that other readers of YAML act upon; ours refuses them or takes them for text."""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _module_that_leaves_a_trace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for file in (Path("evil.py"), Path("code/evil.py")):
        file.parent.mkdir(exist_ok=True)
        file.write_text("import os\n\nos.mkdir('trace')\n\n\ndef thing(): ...\n", encoding="utf-8")
    Path("secret.txt").write_text("a: secret\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "evil", raising=False)


def written(value: str) -> str:
    text = f"project: code\nvars: {{os: $os}}\ntrainer:\n  default_root_dir: {value}\n  max_epochs: 1\n"
    Path("trap.yaml").write_text(text, encoding="utf-8")
    return "trap.yaml"


def commands(file: str, config: str) -> list[tuple[str, ...]]:
    return [
        ("check", config, file),
        ("check", config, file, "--stage", "fit"),
        ("check", config, file, "--all-stages"),
        ("check", config, file, "--each", "--format", "json"),
        ("show", config, file),
        ("show", config, file, "--stage", "fit", "--blame"),
        ("show", config, file, "--json"),
        ("eject", config, file),
        ("eject", config, file, "--stage", "fit"),
        ("show", config, file, "--resolve"),
        ("explain", "trainer::default_root_dir", config, file),
        ("explain", "trainer::max_epochs", config, file),
        ("diff", config, file, "--against", config),
    ]


@pytest.mark.parametrize("trap", SPRUNG)
def test_a_trap_is_not_sprung_by_reading_and_is_by_running(trap: str, system_config: str, in_process: Command) -> None:
    file = written(SPRUNG[trap])
    for words in commands(file, system_config):
        in_process(*words)
        assert not TRACE.exists(), words
    assert "evil" not in sys.modules
    with contextlib.suppress(Exception):
        Runner().run("fit", [system_config, file, "trainer::fast_dev_run=1"], check_first=False)
    assert TRACE.exists()


@pytest.mark.parametrize("trap", UNSPRUNG)
def test_no_command_acts_on_what_other_readers_execute(trap: str, system_config: str, in_process: Command) -> None:
    file = written(UNSPRUNG[trap])
    for words in commands(file, system_config):
        done = in_process(*words)
        assert "root:" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert not TRACE.exists(), words
    with contextlib.suppress(Exception):
        load(file).resolve("trainer::default_root_dir")
    assert not TRACE.exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize("target", ["evil.thing", "evil", "project.evil.thing", "os.mkdir", "evil.thing.__globals__"])
def test_describing_imports_nothing(target: str, in_process: Command) -> None:
    Path("__lighter__.py").write_text("import os\nos.mkdir('trace')\n", encoding="utf-8")
    in_process("describe", target)
    assert not TRACE.exists()
    assert "evil" not in sys.modules


def test_completing_and_reading_records_execute_nothing(system_config: str, in_process: Command) -> None:
    file = written(SPRUNG["a target"])
    Path("lighter_runs/one").mkdir(parents=True)
    Path("lighter_runs/one/record.json").write_text("{}", encoding="utf-8")
    Path("lighter_runs/one/config.yaml").write_text(Path(file).read_text(encoding="utf-8"), encoding="utf-8")
    for words in (
        ("show", "lighter_runs/one"),
        ("runs", "list"),
        ("runs", "show", "one"),
        ("check", "lighter_runs/one"),
    ):
        in_process(*words)
        assert not TRACE.exists(), words


def test_the_tags_work_in_a_reader_that_trusts_its_input() -> None:
    yaml = pytest.importorskip("yaml")
    yaml.unsafe_load(UNSPRUNG["a tag for Python objects"])
    assert TRACE.exists()
