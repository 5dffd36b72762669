"""``lighter diff``: two experiments, compared after merging."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]


@pytest.fixture
def files(write: Write) -> None:
    write("a.yaml", "trainer:\n  max_epochs: 20\n  callbacks:\n  - {_target_: a.B}\nold: 1\n")
    write("b.yaml", "trainer:\n  max_epochs: 10\n  callbacks:\n  - {_target_: a.B}\n  - {_target_: c.D, x: 1}\n")


def test_each_side_has_its_value_and_place(in_process: Command, files: None) -> None:
    done = in_process("diff", "b.yaml", "trainer::max_epochs=3", "--against", "a.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == """\
--- a.yaml
+++ b.yaml trainer::max_epochs=3

old
  - 1   a.yaml:5:6

trainer::callbacks::1
  + _target_: c.D   b.yaml:5:5
  + x: 1

trainer::max_epochs
  - 20   a.yaml:2:15
  + 3    command line, word 2
"""
    )


def test_both_sides_take_several_words(in_process: Command, files: None) -> None:
    done = in_process("diff", "--against", "a.yaml", "trainer::max_epochs=3", "--json", "--", "a.yaml", "old=2")
    assert json.loads(done.stdout) == [
        {
            "path": "old",
            "kind": "changed",
            "before": 1,
            "after": 2,
            "before_place": "a.yaml:5:6",
            "after_place": "command line, word 2",
        },
        {
            "path": "trainer::max_epochs",
            "kind": "changed",
            "before": 3,
            "after": 20,
            "before_place": "command line, word 2",
            "after_place": "a.yaml:2:15",
        },
    ]


def test_no_difference_is_said(in_process: Command, files: None) -> None:
    assert in_process("diff", "a.yaml", "--against", "a.yaml").stdout.endswith("\nno difference\n")
    assert json.loads(in_process("diff", "a.yaml", "--against", "a.yaml", "--json").stdout) == []


def test_a_difference_in_type_alone_is_one(in_process: Command, write: Write) -> None:
    write("a.yaml", "a: 1\n")
    done = in_process("diff", "a.yaml", "a='1'", "--against", "a.yaml")
    assert "  - 1     a.yaml:1:4\n  + '1'   command line, word 2\n" in done.stdout


def test_without_the_other_side_it_is_exit_code_2(in_process: Command, files: None) -> None:
    assert in_process("diff", "a.yaml", "b.yaml").returncode == 2


def test_without_this_side_it_is_an_error(in_process: Command, files: None) -> None:
    done = in_process("diff", "--against", "a.yaml", "b.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == """\
error: no config given before --against
  to fix             name two experiments: lighter diff exp.yaml trainer::max_epochs=3 --against exp.yaml
"""
    )
