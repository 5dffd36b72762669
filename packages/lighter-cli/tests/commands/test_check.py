"""``lighter check``: every mistake at once, with its place; nothing is built, torch is not imported."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]
Imported = Callable[[], bool]

FRAGMENT = """\
system:
  optimizer:
    _target_: torch.optim.AdamW
    lr: 1e-3
"""


def test_experiment_without_a_mistake_says_so_and_counts_targets(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "config.yaml: nothing wrong; targets: 9 known, 0 unknown\n"


def test_all_mistakes_of_words_come_at_once_without_torch(
    lighter: Command, system_config: str, torch_imported: Imported
) -> None:
    done = lighter(
        "check", system_config, "trainer::max_epoch=3", "system::criterion::_target_=torch.nn.CrosEntropyLoss"
    )
    assert done.returncode == 1
    assert not torch_imported()
    assert (
        done.stdout
        == """\
error: trainer::max_epoch is not an argument of Trainer
  command line, word 2 trainer::max_epoch=3
  expected           one of strategy, num_nodes, precision, fast_dev_run, min_epochs, max_steps, min_steps, \
max_time, ...
  nearest            max_epochs, min_epochs, max_steps
  to fix             write trainer::max_epochs to change what is given at config.yaml:4:3

error: torch.nn.CrosEntropyLoss does not exist
  command line, word 3 system::criterion::_target_=torch.nn.CrosEntropyLoss
  nearest            torch.nn.CrossEntropyLoss, torch.nn.LinearCrossEntropyLoss, torch.nn.LinearCrossEntropyOptions
  to fix             write torch.nn.CrossEntropyLoss

config.yaml trainer::max_epoch=3 system::criterion::_target_=torch.nn.CrosEntropyLoss: 2 errors; targets: 8 known, \
1 missing, 0 unknown
"""
    )


def test_a_warning_alone_is_not_a_failure(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config, "=vars::unused=1")
    assert done.returncode == 0
    assert done.stdout.startswith("warning: vars::unused")
    assert "1 warning; targets" in done.stdout


def test_a_stage_is_judged_by_what_it_needs(in_process: Command, system_config: str) -> None:
    words = ("check", system_config, "~system::optimizer")
    done = in_process(*words)
    assert (done.returncode, done.stdout.partition("\n")[0]) == (
        0,
        "warning: fit needs system::optimizer, which is missing",
    )
    assert in_process(*words, "--stage", "test").returncode == 0
    done = in_process(*words, "--stage", "fit")
    assert done.returncode == 1
    assert "optimizer" in done.stdout
    assert "for fit: 1 error" in done.stdout


def test_all_stages_says_for_which_of_them_a_finding_holds(in_process: Command, system_config: str) -> None:
    done = in_process(
        "check", system_config, "~system::optimizer", "~system::dataloaders::predict", "=vars::unused=1", "--all-stages"
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert [line for line in lines if line.startswith("error:")] == [
        line for line in lines if line.endswith(("(fit)", "(predict)"))
    ]
    assert len([line for line in lines if line.startswith("error:")]) == 2
    assert len([line for line in lines if line.startswith("warning:") and not line.endswith(")")]) == 1


def test_a_stage_and_all_stages_exclude_each_other(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config, "--stage", "fit", "--all-stages")
    assert done.returncode != 0
    assert "--stage" in done.stdout + done.stderr


def test_an_unknown_stage_is_refused_with_the_stages_that_there_are(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config, "--stage", "fitt")
    assert done.returncode != 0
    assert "predict" in done.stdout + done.stderr


def test_each_word_is_an_experiment_and_overrides_apply_to_all(
    in_process: Command, system_config: str, module_config: str
) -> None:
    done = in_process("check", "--each", system_config, "trainer::max_epochs=3", module_config)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "config.yaml: nothing wrong; targets: 9 known, 0 unknown",
        "module.yaml: nothing wrong; targets: 9 known, 0 unknown",
        "2 checked: nothing wrong; targets: 18 known, 0 unknown",
    ]
    done = in_process("check", "--each", system_config, "trainer::max_epoch=3", module_config)
    assert done.returncode == 1
    assert done.stdout.count("command line, word 2 trainer::max_epoch=3") == 2


def test_a_comma_list_is_one_experiment(in_process: Command, system_config: str, write: Write) -> None:
    write("more.yaml", "trainer: {max_epoch: 3}\n")
    done = in_process("check", "--each", f"{system_config},more.yaml", system_config)
    assert done.stdout.count("error:") == 1
    assert "more.yaml:1:11" in done.stdout
    assert "config.yaml,more.yaml: 1 error" in done.stdout
    assert "2 checked: 1 error" in done.stdout


def test_a_fragment_is_judged_by_what_it_holds_not_by_what_it_lacks(in_process: Command, write: Write) -> None:
    write("optimizer.yaml", FRAGMENT)
    assert in_process("check", "optimizer.yaml").returncode == 1
    done = in_process("check", "--each", "optimizer.yaml")
    assert done.returncode == 0
    assert done.stdout == "optimizer.yaml (a fragment): nothing wrong; targets: 1 known, 0 unknown\n"
    write("optimizer.yaml", FRAGMENT.replace("lr:", "lrr:"))
    done = in_process("check", "--each", "optimizer.yaml")
    assert done.returncode == 1
    assert "optimizer.yaml:4:5" in done.stdout


def test_a_fragment_may_name_code_whose_folder_another_file_names(in_process: Command, write: Write) -> None:
    write("part.yaml", "model: {_target_: project.models.Net}\n")
    done = in_process("check", "--each", "part.yaml", "--verbose")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:2] == [
        "part.yaml (a fragment): nothing wrong; targets: 0 known, 1 unknown",
        "  unknown: project.models.Net: another file names the folder of the project",
    ]


def test_fragment_that_deletes_elsewhere_warns_how_to_check_it(in_process: Command, write: Write) -> None:
    write("change.yaml", "trainer:\n  ~callbacks::1:\n")
    done = in_process("check", "--each", "change.yaml")
    assert done.returncode == 0
    assert "base.yaml,change.yaml" in done.stdout


def test_unreadable_word_does_not_keep_others_from_the_check(
    in_process: Command, system_config: str, write: Write
) -> None:
    write("broken.yaml", "a: [1, 2\n")
    done = in_process("check", "--each", "missing.yaml", "broken.yaml", system_config)
    assert done.returncode == 1
    assert "missing.yaml" in done.stdout
    assert "broken.yaml:1:4" in done.stdout
    assert "config.yaml: nothing wrong" in done.stdout
    assert "3 checked: 2 errors" in done.stdout


@pytest.mark.parametrize("words", [[], ["--each"], ["--each", "trainer::max_epochs=3"]])
def test_nothing_to_check_is_an_error(in_process: Command, words: list[str]) -> None:
    done = in_process("check", *words)
    assert done.returncode == 1
    assert "no config given" in done.stdout
    assert f"lighter check {'--each ' if words else ''}config.yaml" in done.stdout


def test_a_folder_and_an_empty_file_are_findings(in_process: Command, tmp_path: Path, write: Write) -> None:
    (tmp_path / "configs").mkdir()
    write("empty.yaml", "")
    done = in_process("check", "--each", "configs", "empty.yaml")
    assert done.returncode == 1
    assert done.stdout.count("error:") >= 1
    assert "configs" in done.stdout


def test_standard_input_is_checked(lighter: Command, torch_imported: Imported) -> None:
    done = lighter("check", "-", stdin="trainer: {_target_: pytorch_lightning.Trainer, max_epoch: 2}\n")
    assert done.returncode == 1
    assert "max_epochs" in done.stdout
    assert not torch_imported()


def test_a_seed_that_no_run_would_take_is_found(in_process: Command, system_config: str) -> None:
    done = in_process("check", system_config, "seed=-3")
    assert done.returncode == 1
    assert "command line, word 2 seed=-3" in done.stdout


def test_what_a_project_lacks_is_found_without_importing_it(
    in_process: Command, module_config: str, write: Write, tmp_path: Path
) -> None:
    write("code/models.py", (tmp_path / "code/models.py").read_text() + "\nopen('imported', 'w')\n")
    done = in_process("check", module_config, "model::_target_=project.models.Clasifier")
    assert done.returncode == 1
    assert "nearest            project.models.Classifier" in done.stdout
    assert not (tmp_path / "imported").exists()


def test_a_project_that_is_no_folder_is_a_finding(in_process: Command, module_config: str) -> None:
    done = in_process("check", module_config, "project=nowhere")
    assert done.returncode == 1
    assert "command line, word 2 project=nowhere" in done.stdout


def test_unknown_target_is_named_with_a_reason_and_settled_by_deep(
    in_process: Command, module_config: str, write: Write, tmp_path: Path
) -> None:
    generated = "\n\nglobals().update(Net=type('Net', (Classifier,), {'made': True}))\nprint('imported')\n"
    write("code/models.py", (tmp_path / "code/models.py").read_text() + generated)
    words = ("check", module_config, "model::_target_=project.models.Net")
    done = in_process(*words)
    assert done.stdout == "module.yaml model::_target_=project.models.Net: nothing wrong; targets: 8 known, 1 unknown\n"
    done = in_process(*words, "--verbose")
    assert done.returncode == 0
    assert "targets: 8 known, 1 unknown" in done.stdout
    assert "  unknown: project.models.Net: " in done.stdout
    assert done.stdout.endswith("--deep imports what is unknown\n")
    done = in_process(*words, "--deep")
    assert done.stdout == "module.yaml model::_target_=project.models.Net: nothing wrong; targets: 9 known, 0 unknown\n"
    assert done.stderr == "imported\n"


def test_deep_finds_missing_names_and_unknown_arguments(
    in_process: Command, module_config: str, write: Write, tmp_path: Path
) -> None:
    generated = "\n\nglobals().update(Net=type('Net', (Classifier,), {'made': True}))\n"
    write("code/models.py", (tmp_path / "code/models.py").read_text() + generated)
    done = in_process("check", module_config, "model::_target_=project.models.Nett", "--deep")
    assert done.returncode == 1
    assert "nearest            project.models.Net" in done.stdout
    (tmp_path / "code/functions.py").write_text("globals()['make'] = lambda a, *, b=1: None\n")
    done = in_process("check", module_config, "data={_target_: project.functions.make, a: 1, c: 2}", "--deep")
    assert done.returncode == 1
    assert "data::c is not an argument" in done.stdout


TYPED = """
import enum
from pathlib import Path
from typing import Literal, Optional
class Mode(enum.Enum):
    FAST = "fast"
def typed(a: int = 1, b: Optional[list[int]] = None, c: Literal["x", "y"] = "x", d: Path = Path(), e: Mode = Mode.FAST,
          f: "dict[str, float]" = {}): ...
globals()["make"] = typed
"""


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ("a: text", "data::a"),
        ("b: [1, x]", "data::b::1"),
        ("c: z", "data::c"),
        ("d: [1]", "data::d"),
        ("e: fats", "data::e"),
        ("f: {k: text}", "data::f::k"),
        ("a: 2, b: [1, 2], c: y, d: folder/file, e: fast, f: {k: 0.5}", ""),
        ("b: null", ""),
    ],
)
def test_deep_holds_values_against_annotations(
    in_process: Command, module_config: str, write: Write, arguments: str, where: str
) -> None:
    write("code/typed.py", TYPED)
    data = f"data={{_target_: project.typed.make, {arguments}}}"
    done = in_process("check", module_config, "~data", data, "--deep", "--verbose")
    assert f"as {where}\n" in done.stdout if where else "nothing wrong" in done.stdout, done.stdout + done.stderr
    assert "0 unknown" in done.stdout


def test_code_that_cannot_be_imported_is_an_error_of_deep(
    in_process: Command, module_config: str, write: Write
) -> None:
    write("code/broken.py", "import math\nglobals()['Net'] = math.nothing\n")
    done = in_process("check", module_config, "model::_target_=project.broken.Net", "--deep")
    assert done.returncode == 1
    assert "has no attribute 'nothing'" in done.stdout
    assert "broken.py:2" in done.stdout


def test_json_has_every_part_of_a_finding_as_a_field(in_process: Command, system_config: str) -> None:
    done = in_process(
        "check", system_config, "trainer::max_epoch=3", "system::model::_target_=torch.nn.Linaer", "--format", "json"
    )
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["version"], report["ok"]) == (1, False)
    assert (report["num_errors"], report["num_warnings"], report["num_notes"]) == (2, 0, 0)
    [experiment] = report["experiments"]
    assert experiment["words"] == [system_config, "trainer::max_epoch=3", "system::model::_target_=torch.nn.Linaer"]
    assert experiment["targets"] == {"num_known": 8, "missing": ["torch.nn.Linaer"], "unknown": []}
    assert not experiment["is_fragment"]
    finding = experiment["findings"][0]
    assert finding["severity"] == "error"
    assert finding["check"] == "arguments"
    assert finding["path"] == "trainer::max_epoch"
    assert (finding["place"]["word"], finding["place"]["line"]) == (2, None)
    assert finding["excerpt"] == "trainer::max_epoch=3"
    assert finding["nearest"][0] == "max_epochs"
    assert finding["stages"] == []


def test_github_annotations_name_the_line_and_escape_text(
    in_process: Command, system_config: str, write: Write
) -> None:
    write("a,b:100%.yaml", "trainer: {max_epoch: 3}\n")
    write("base.yaml", Path(system_config).read_text())
    done = in_process("check", "base.yaml", "./a,b:100%.yaml", "--format", "github")
    first = done.stdout.splitlines()[0]
    assert first.startswith(
        "::error file=a%2Cb%3A100%25.yaml,line=1,col=11,title=lighter check%3A trainer%3A%3Amax_epoch::"
    )
    assert "%0Anearest: max_epochs" in first
    properties, _, message = first.removeprefix("::error ").partition("::")
    assert properties.count(":") == 0
    assert message.startswith("trainer::max_epoch is not an argument of Trainer%0A")
    done = in_process("check", "base.yaml", "trainer::max_epoch=3", "--format", "github")
    assert done.stdout.startswith("::error title=lighter check%3A trainer%3A%3Amax_epoch::trainer::max_epoch is not")


def test_annotations_name_files_from_the_root_of_the_repository(
    in_process: Command, system_config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/more.yaml").write_text("trainer: {max_epoch: 3}\n")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "sub")
    done = in_process("check", f"../{system_config}", "more.yaml", "--format", "github")
    assert "file=sub/more.yaml,line=1" in done.stdout


def test_narrow_terminal_gets_whole_words_and_colours(system_config: str, tmp_path: Path) -> None:
    output = _in_terminal(tmp_path, 60, "check", system_config, "trainer::max_epoch=3")
    assert "\x1b[1;31merror:" in output
    plain = output.replace("\r", "")
    for code in ("\x1b[1;31m", "\x1b[36m", "\x1b[2m", "\x1b[32m", "\x1b[0m", "\x1b[1m"):
        plain = plain.replace(code, "")
    assert max(len(line) for line in plain.splitlines()) <= 60
    assert "max_epochs, min_epochs, max_steps" in plain


def _in_terminal(cwd: Path, columns: int, *words: str) -> str:
    master, terminal = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "lighter_cli", *words],
        cwd=cwd,
        stdout=terminal,
        stderr=terminal,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": str(columns)},
    )
    os.close(terminal)
    chunks = []
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    process.wait()
    os.close(master)
    return b"".join(chunks).decode()


def test_strict_check_fails_on_warnings(in_process: Command, system_config: str) -> None:
    words = ("check", system_config, "=vars::unused=1")
    assert in_process(*words).returncode == 0
    assert in_process(*words, "--strict").returncode == 1
    assert in_process("check", system_config, "--strict").returncode == 0


def test_several_optimizers_name_what_combines_them(in_process: Command, system_config: str) -> None:
    one = "{_target_: torch.optim.SGD, params: '$@system::model.parameters()'}"
    shown = in_process("check", system_config, f"=system::optimizer={{a: {one}, b: {one}}}").stdout
    assert "combine them in a lighter.optimizers.CombinedOptimizer; for several losses see examples/gan" in shown


def test_a_word_that_cannot_be_loaded_is_named_without_its_secret(in_process: Command, system_config: str) -> None:
    for options in ((), ("--each",)):
        done = in_process("check", system_config, "api_key=hush-hush", *options)
        assert done.returncode == 1
        assert "api_key=<secret not recorded>" in done.stdout
        assert "hush" not in done.stdout + done.stderr
