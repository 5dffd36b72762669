"""``lighter explain``: who set a value, who takes it, who refers to it."""

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lighter_config import Config, load, parse_sources, to_yaml
from lighter_config.space import Space, SpaceOptions, read_space, trial_config

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]

BASE = """\
trainer:
  _target_: pytorch_lightning.Trainer
  max_epochs: 20
  callbacks:
    - {_target_: own.Stopper, patience: 3}
args:
  fit: {ckpt_path: null}
copy: "%trainer::max_epochs"
sum: "$@trainer::max_epochs + 1"
"""


@pytest.fixture
def experiment(write: Write) -> list[str]:
    write("base.yaml", BASE)
    write("exp.yaml", "trainer:\n  max_epochs: 10\n")
    write("own.py", "class Stopper:\n    def __init__(self, monitor: str, /, patience: int = 5): ...\n")
    return ["base.yaml", "exp.yaml", "trainer::max_epochs=3"]


def _without_files(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("  defined "))


def test_the_chain_then_the_argument_then_the_references(in_process: Command, experiment: list[str]) -> None:
    done = in_process("explain", "trainer::max_epochs", *experiment)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        _without_files(done.stdout)
        == """\
trainer::max_epochs: 3

set by, newest first
  command line, word 3   trainer::max_epochs=3
  exp.yaml:2:15          max_epochs: 10
  base.yaml:3:15         max_epochs: 20

argument max_epochs of pytorch_lightning.Trainer
  type      Optional[int]
  default   None

referred to by
  copy   %trainer::max_epochs        base.yaml:8:7
  sum    $@trainer::max_epochs + 1   base.yaml:9:6"""
    )


def test_a_copy_shows_what_it_copies_and_from_where(in_process: Command, experiment: list[str]) -> None:
    assert (
        in_process("explain", "copy", *experiment).stdout
        == """\
copy: '%trainer::max_epochs'
which copies
  3

set by, newest first
  copied by % from command line, word 3   trainer::max_epochs=3
  base.yaml:8:7                           copy: "%trainer::max_epochs"

referred to by
  nothing
"""
    )


def test_path_may_count_from_end_and_lead_into_users_own_class(in_process: Command, experiment: list[str]) -> None:
    out = in_process("explain", "trainer::callbacks::-1::patience", *experiment).stdout
    assert (
        _without_files(out)
        == """\
trainer::callbacks::0::patience: 3

set by
  base.yaml:5:41   - {_target_: own.Stopper, patience: 3}

argument patience of own.Stopper
  type      int
  default   5

referred to by
  nothing"""
    )


def test_a_section_is_shown_as_yaml_below_its_path(in_process: Command, write: Write) -> None:
    write("a.yaml", "a: {b: 1}\nbad: $1 +\n")
    assert in_process("explain", "a", "a.yaml").stdout.startswith("a:\n  b: 1\n\nset by\n  a.yaml:1:4   a: {b: 1}\n")


def test_a_positional_argument_is_the_parameter_that_gets_it(in_process: Command, write: Write) -> None:
    write("own.py", "def make(first: int, *rest: str, key=None): ...\n")
    write("a.yaml", "made: {_target_: own.make, _args_: [1, a, b]}\n")
    assert "argument first of own.make\n  type      int\n" in in_process("explain", "made::_args_::0", "a.yaml").stdout
    assert "argument rest of own.make\n  type      str\n" in in_process("explain", "made::_args_::2", "a.yaml").stdout


def test_what_a_target_takes_beyond_its_named_arguments_is_said(in_process: Command, write: Write) -> None:
    write("own.py", "def every(first, *rest, **options): ...\ndef none(): ...\n")
    write(
        "exp.yaml",
        """
        a: {_target_: own.every, _args_: [1, {deep: 2}], more: {deep: 3}}
        b: {_target_: own.none, more: 1}
        c: {_target_: math.floor, _args_: [1.5]}
        broken: "$@a +"
        """,
    )
    assert "inside the argument rest of own.every" in in_process("explain", "a::_args_::1::deep", "exp.yaml").stdout
    deep = in_process("explain", "a::more::deep", "exp.yaml").stdout
    assert "inside the argument more of own.every\n  taken by **kwargs" in deep
    none = in_process("explain", "b::more", "exp.yaml").stdout
    assert "argument more of own.none\n  it takes no such argument" in none
    compiled = in_process("explain", "c::_args_::0", "exp.yaml").stdout
    assert "argument number 0 of math.floor\n  what it takes is not known without importing it" in compiled


def test_an_argument_of_the_stage_is_one_of_the_trainers_method(in_process: Command, experiment: list[str]) -> None:
    out = in_process("explain", "args::fit::ckpt_path", *experiment).stdout
    assert "argument ckpt_path of pytorch_lightning.Trainer.fit\n" in out


def test_argument_that_is_not_set_is_explained_by_its_default(in_process: Command, experiment: list[str]) -> None:
    done = in_process("explain", "trainer::gradient_clip_val", *experiment)
    assert done.returncode == 0
    assert done.stdout.startswith("trainer::gradient_clip_val is not set\n\nargument gradient_clip_val of")
    assert "  default   None\n" in done.stdout


def test_reference_to_what_holds_value_counts_and_one_into_it_too(in_process: Command, write: Write) -> None:
    write("a.yaml", "a: {b: {c: 1}, z: 0}\nwhole: '%a'\ninside: '@a::b::c'\nother: '@a::z'\n")
    shown = json.loads(in_process("explain", "a::b", "a.yaml", "--json").stdout)
    assert [use["path"] for use in shown["referred_to_by"]] == ["whole", "inside"]


def test_a_reference_in_a_change_of_a_copy_counts(in_process: Command, write: Write) -> None:
    write("a.yaml", "lr: 1\na: {b: 1}\nc: '%a'\nc::b: '@lr'\n")
    shown = json.loads(in_process("explain", "lr", "a.yaml", "--json").stdout)
    assert shown["referred_to_by"] == [{"path": "c::b", "text": "@lr", "place": "a.yaml:4:7"}]


def test_json_has_the_same_for_tools(in_process: Command, experiment: list[str]) -> None:
    shown = json.loads(in_process("explain", "trainer::max_epochs", *experiment, "--json").stdout)
    assert shown["value"] == 3
    assert shown["is_set"] is True
    assert shown["set_by"][0] == {
        "place": "command line, word 3",
        "text": "trainer::max_epochs=3",
        "effect": None,
    }
    assert shown["argument"] == {
        "target": "pytorch_lightning.Trainer",
        "path": "trainer::max_epochs",
        "name": "max_epochs",
        "type": "Optional[int]",
        "default": "None",
        "required": False,
    }
    assert [use["path"] for use in shown["referred_to_by"]] == ["copy", "sum"]


MISTAKES = {
    "a mistyped argument": (
        ["trainer::max_epoch"],
        """\
error: trainer::max_epoch does not exist
  exp.yaml:1:1       trainer:
  expected           one of _target_, max_epochs, callbacks, accelerator, strategy, devices, num_nodes, precision, ...
  nearest            trainer::max_epochs, trainer::min_epochs, trainer::max_steps
  to fix             name trainer::max_epochs
""",
    ),
    "a name without its section": (
        ["patience"],
        """\
error: patience does not exist
  expected           one of trainer, args, copy, sum
  nearest            trainer::callbacks::0::patience
  to fix             name trainer::callbacks::0::patience
""",
    ),
    "below a value": (
        ["copy::x"],
        """\
error: copy::x does not exist: copy is 3, not a mapping
  base.yaml:8:1      copy: "%trainer::max_epochs"
""",
    ),
    "an index too far": (
        ["trainer::callbacks::4"],
        """\
error: trainer::callbacks::4 does not exist: trainer::callbacks has 1 item
  base.yaml:4:3      callbacks:
  expected           0
""",
    ),
    "an empty segment": (
        ["trainer::"],
        """\
error: the path 'trainer::' has an empty segment
  to fix             remove the extra '::'
""",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_path_that_leads_nowhere_is_an_error_with_the_nearest(
    in_process: Command, experiment: list[str], mistake: str
) -> None:
    path, expected = MISTAKES[mistake]
    done = in_process("explain", *path, *experiment)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_a_file_in_place_of_the_path_is_told_the_order(in_process: Command, experiment: list[str]) -> None:
    done = in_process("explain", "base.yaml", "trainer::max_epochs")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == """\
error: 'base.yaml' is a file, not a path in a config
  to fix             the path comes first, then its config: lighter explain trainer::max_epochs config.yaml
"""
    )


def test_a_path_without_a_config_is_an_error(in_process: Command) -> None:
    assert (
        in_process("explain", "trainer").stderr
        == """\
error: no config given
  to fix             the path comes first, then its config: lighter explain trainer::max_epochs config.yaml
"""
    )


def test_explain_says_whether_a_list_was_replaced_or_appended(in_process: Command, write: Write) -> None:
    write("base.yaml", "betas: [0.9, 0.99]\ncallbacks: [{a: 1}]\n")
    write("later.yaml", "betas: [0.8, 0.9]\ncallbacks: [{b: 1}, {c: 1}]\n")
    assert "betas: [0.8, 0.9]    replaced" in in_process("explain", "betas", "base.yaml", "later.yaml").stdout
    assert "appended 2 items" in in_process("explain", "callbacks", "base.yaml", "later.yaml").stdout
    assert "appended 1 item" in in_process("explain", "betas", "base.yaml", "betas+=1").stdout


def test_explain_finds_an_item_of_a_list_by_its_name(in_process: Command, write: Write) -> None:
    write("exp.yaml", "callbacks: [{a: 1}, {_name_: ema, decay: 0.9}]\nuse: '@callbacks::ema::decay'\n")
    done = in_process("explain", "callbacks::ema::decay", "exp.yaml")
    assert done.stdout.startswith("callbacks::1::decay: 0.9\n")
    assert "use   @callbacks::ema::decay" in done.stdout


def _write_sweep(config: Config, space: Space, drawn: Mapping[str, Any]) -> None:
    """Write the folders of a sweep and of its trial 7, whose values are drawn."""
    assignment = space.draw(lambda one: drawn[one.path])
    trial = trial_config(config, space, assignment, number=7)
    for folder, one, facts in (
        ("lighter_sweeps/exp-1", config, "sweep.json"),
        ("lighter_sweeps/exp-1/trials/0007", trial, "trial.json"),
    ):
        Path(folder).mkdir(parents=True)
        Path(folder, "config.yaml").write_text(to_yaml(one, standalone=True))
        places = {path: [str(place) for place in one.chain(path)] for path in one.leaf_paths()}
        Path(folder, "provenance.json").write_text(json.dumps(places))
        Path(folder, facts).write_text(json.dumps({"number": 7, "values": dict(assignment.values)}))


@pytest.fixture
def trial(experiment: list[str], write: Write) -> str:
    write(
        "search.yaml", "sweep:\n  over:\n    trainer::max_epochs: 1..9\n    trainer::callbacks::0::patience: [3, 4]\n"
    )
    config = load(parse_sources([*experiment, "search.yaml"], from_command_line=True))
    drawn = {"trainer::max_epochs": 7, "trainer::callbacks::0::patience": "4"}
    _write_sweep(config, read_space(config, SpaceOptions(sampler="random", trials=9)), drawn)
    return "lighter_sweeps/exp-1/trials/0007"


def test_a_value_of_a_trial_names_its_dimension(in_process: Command, trial: str) -> None:
    done = in_process("explain", "trainer::max_epochs", trial)
    assert (done.returncode, done.stderr) == (0, "")
    text = _without_files(done.stdout)
    assert (
        text[: text.index("\n\nargument")]
        == f"""\
trainer::max_epochs: 7

set by, newest first
  {trial}/config.yaml:3:15   max_epochs: 7
  search.yaml:3:26 (trial 7)
  command line, word 3
  exp.yaml:2:15
  base.yaml:3:15

varied by trial 7 of exp-1
  trainer::max_epochs   1..9   search.yaml:3:26"""
    )


def test_a_choice_of_a_trial_is_shown_among_the_others(in_process: Command, trial: str) -> None:
    done = in_process("explain", "trainer::callbacks::-1::patience", trial, "--json")
    assert json.loads(done.stdout)["varied"] == {
        "sweep": "exp-1",
        "trial": 7,
        "dimension": "trainer::callbacks::0::patience",
        "written": [3, 4],
        "place": "search.yaml:4:39",
    }


def test_a_range_inside_a_choice_is_named_with_the_choice(
    in_process: Command, experiment: list[str], write: Write
) -> None:
    choices = "[{min_delta: 0.0..0.5}, {patience: 1..5}]"
    write("search.yaml", f"sweep:\n  over:\n    trainer::callbacks::0: {choices}\n")
    config = load(parse_sources([*experiment, "search.yaml"], from_command_line=True))
    space = read_space(config, SpaceOptions(sampler="random", trials=9))
    _write_sweep(config, space, {"trainer::callbacks::0": "patience", "trainer::callbacks::0::patience": 4})
    trial = "lighter_sweeps/exp-1/trials/0007"
    found = json.loads(in_process("explain", "trainer::callbacks::0::patience", trial, "--json").stdout)["varied"]
    assert found == {
        "sweep": "exp-1",
        "trial": 7,
        "dimension": "trainer::callbacks::0[patience]::patience",
        "written": "1..5",
        "place": "search.yaml:3:63",
    }


def test_the_config_file_of_a_trial_keeps_the_places(in_process: Command, trial: str) -> None:
    content = json.loads(in_process("explain", "trainer::max_epochs", f"{trial}/config.yaml", "--json").stdout)
    assert [one["place"] for one in content["set_by"]][1] == "search.yaml:3:26 (trial 7)"
    assert content["varied"]["trial"] == 7


def test_a_run_of_a_trial_names_the_dimension(in_process: Command, trial: str) -> None:
    run = Path(trial, "lighter_runs/first")
    run.mkdir(parents=True)
    for name in ("config.yaml", "provenance.json"):
        (run / name).write_text(Path(trial, name).read_text())
    (run / "record.json").write_text('{"start": "2026-11-28T10:00:00+00:00", "trial": {"number": 7}}')
    content = json.loads(in_process("explain", "trainer::max_epochs", trial, "--json").stdout)
    assert content["set_by"][0]["place"] == f"{run}/config.yaml:3:15"
    assert content["varied"]["dimension"] == "trainer::max_epochs"


@pytest.mark.parametrize("path", ["sum", "trainer::callbacks::0::_target_"])
def test_other_values_of_a_trial_name_no_dimension(in_process: Command, trial: str, path: str) -> None:
    assert json.loads(in_process("explain", path, trial, "--json").stdout)["varied"] is None


def test_a_trial_whose_sweep_is_gone_is_explained_without_it(in_process: Command, trial: str) -> None:
    Path("lighter_sweeps/exp-1/sweep.json").unlink()
    done = in_process("explain", "trainer::max_epochs", trial)
    assert done.returncode == 0
    assert "search.yaml:3:26 (trial 7)" in done.stdout
    assert "varied by" not in done.stdout
