"""``lighter show``: the merged config, which runs again."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.terminal import output
from lighter_config import load

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]
Imported = Callable[[], bool]

EXPERIMENT = """\
vars: {lr: 1e-3, name: '1e-3'}
train:
  batch_size: 8
  items: [1, 2]
val: "%train"
"""


@pytest.mark.parametrize("blame", [[], ["--blame"]])
def test_the_output_loads_back_equal(in_process: Command, write: Write, blame: list[str]) -> None:
    write("a.yaml", EXPERIMENT)
    text = "a long text that no line holds: " + "word " * 60
    words = ["a.yaml", "val::batch_size=4", "train::items+=3", f"=vars::text={text}", "=vars::empty={}"]
    done = in_process("show", *words, *blame)
    write("b.yaml", done.stdout)
    assert load("b.yaml").tree == load(words).tree
    assert load("b.yaml").expanded().tree == load(words).expanded().tree


def test_blame_names_the_place_of_each_value_beside_it(in_process: Command, write: Write) -> None:
    write("a.yaml", EXPERIMENT)
    done = in_process("show", "a.yaml", "val::batch_size=4", "train::items+=3", "--blame")
    assert (
        done.stdout
        == """\
vars:
  lr: 0.001         # a.yaml:1:12
  name: '1e-3'      # a.yaml:1:24
train:
  batch_size: 8     # a.yaml:3:15
  items: [1, 2, 3]  # a.yaml:4:11, command line, word 3
val: '%train'       # a.yaml:5:6
val::batch_size: 4  # command line, word 2
"""
    )


def test_text_of_several_lines_has_its_place_behind_the_last(in_process: Command, write: Write) -> None:
    write("a.yaml", "text: |\n  first\n  second\nlast: 1\n")
    out = in_process("show", "a.yaml", "--blame").stdout
    write("b.yaml", out)
    assert load("b.yaml").tree == {"text": "first\nsecond\n", "last": 1}
    assert out.count("# a.yaml:1:7") == 1


def test_a_stage_leaves_out_what_it_does_not_use(in_process: Command, system_config: str) -> None:
    out = in_process("show", system_config, "--stage", "test").stdout
    assert "optimizer" not in out
    assert "batch_size: 5" in out
    assert "%::train" not in out


def test_json_is_the_config_for_tools(in_process: Command, write: Write) -> None:
    write("a.yaml", EXPERIMENT)
    shown = json.loads(in_process("show", "a.yaml", "vars::lr=.inf", "--json").stdout)
    assert shown["train"] == {"batch_size": 8, "items": [1, 2]}
    assert shown["vars"]["lr"] == ".inf"
    blamed = json.loads(in_process("show", "a.yaml", "val::batch_size=4", "--json", "--blame").stdout)
    assert blamed["places"]["val::batch_size"] == "command line, word 2"
    assert blamed["places"]["train::items::1"] == "a.yaml:4:14"


def test_reference_into_another_file_is_written_out(in_process: Command, write: Write) -> None:
    write("configs/common.yaml", "lr: 0.5\n")
    write("configs/a.yaml", "vars:\n  lr: '%common.yaml::lr'\n")
    write("b.yaml", in_process("show", "configs/a.yaml").stdout)
    assert load("b.yaml").expanded().get("vars::lr") == 0.5


def test_what_cannot_be_built_is_shown_as_it_is_written(in_process: Command, write: Write) -> None:
    text = "a: '%nowhere'\nb: $1 +\nc: '%a b::'\nd: '@'\n"
    write("a.yaml", text)
    assert in_process("show", "a.yaml").stdout == text
    assert in_process("show", "a.yaml", "--blame").stdout.count("# a.yaml:") == 4


def test_a_project_stays_as_it_is_written_where_that_is_found(in_process: Command, write: Write) -> None:
    write("code/models.py", "")
    write("configs/a.yaml", "project: code\n")
    assert in_process("show", "configs/a.yaml").stdout == "project: code\n"


def test_no_words_is_an_error_with_an_example(in_process: Command) -> None:
    done = in_process("show")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == """\
error: no config given
  to fix             name one: lighter show config.yaml
"""
    )


def test_a_mistyped_stage_is_exit_code_2(in_process: Command, system_config: str) -> None:
    assert in_process("show", system_config, "--stage", "tset").returncode == 2


COMMANDS = {
    "show": ["show", "config.yaml", "--stage", "fit", "--blame"],
    "explain": ["explain", "trainer::max_epochs", "config.yaml"],
    "diff": ["diff", "config.yaml", "trainer::max_epochs=3", "--against", "config.yaml"],
    "describe": ["describe", "AdamW"],
    "runs": ["runs", "list"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_torch_is_not_imported(lighter: Command, torch_imported: Imported, system_config: str, command: str) -> None:
    done = lighter(*COMMANDS[command])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    assert "\x1b" not in done.stdout
    assert not torch_imported()


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_has_colours_unless_they_are_refused(system_config: str, no_color: str, coloured: bool) -> None:
    controller, end = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm-256color", "COLUMNS": "80"}
    subprocess.run(
        [sys.executable, "-m", "lighter_cli", "show", system_config], stdout=end, env=environment, check=True
    )
    os.close(end)
    shown = b""
    try:
        while part := os.read(controller, 65536):
            shown += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(controller)
    assert b"max_epochs" in shown
    assert (b"\x1b[" in shown) is coloured


def test_comments_of_blame_fit_the_terminal(in_process: Command, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.yaml", f"trainer:\n  max_epochs: 3\n  default_root_dir: {'x' * 50}\n")
    for width, column in ((60, 45), (30, 0)):
        monkeypatch.setattr(output, "width", lambda width=width: width)
        lines = in_process("show", "a.yaml", "--blame").stdout.splitlines()
        assert lines[1] == f"{'  max_epochs: 3':<{column}}  # a.yaml:2:15"


def test_a_reader_that_stops_early_is_no_error(system_config: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "lighter_cli", "show", system_config],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_resolve_writes_out_what_is_known_without_torch(
    lighter: Command, write: Write, torch_imported: Imported
) -> None:
    write(
        "a.yaml",
        """\
        vars: {lr: 0.1, home: "$os.environ['SECRET_HOME']"}
        net:
          _target_: torch.nn.Linear
          in_features: "$2 ** @vars::bits"
          bias: "$torch.ones(1)"
          name: '$f"{@vars::lr:.2f}"'
        vars::bits: 3
        again: "%net::in_features"
        """,
    )
    done = lighter("show", "a.yaml", "--resolve", SECRET_HOME="must-not-be-read")
    assert done.returncode == 0, done.stderr
    assert not torch_imported()
    assert (
        done.stdout
        == """\
vars:
  lr: 0.1
  home: $os.environ['SECRET_HOME']
  bits: 3
net:
  _target_: torch.nn.Linear
  in_features: 8
  bias: $torch.ones(1)
  name: '0.10'
again: 8
"""
    )


def test_resolve_works_with_blame_json_and_stage(in_process: Command, write: Write) -> None:
    write("a.yaml", "args: {fit: {a: '$1 + 1'}, test: {}}\nvars: {b: '@args::fit::a'}\n")
    assert in_process("show", "a.yaml", "--resolve", "--blame").stdout.splitlines()[2] == "    a: 2    # a.yaml:1:17"
    shown = json.loads(in_process("show", "a.yaml", "--resolve", "--json", "--stage", "fit").stdout)
    assert shown == {"args": {"fit": {"a": 2}}, "vars": {"b": 2}}
