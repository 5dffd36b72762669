"""``lighter sweep --dry-run``: what would run, and what is wrong with the space."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[[str, str], Path]

GOOD = """\
trainer: {_target_: pytorch_lightning.Trainer, max_epochs: 2, default_root_dir: "%vars::output"}
vars: {output: out, api_key: abcdefgh}
system:
  _target_: lighter.System
  model: {_target_: torch.nn.Linear, in_features: 4, out_features: 2}
  criterion: {_target_: torch.nn.CrossEntropyLoss}
  optimizer: {_target_: torch.optim.SGD, params: "$@system::model.parameters()", lr: 0.1}
  dataloaders:
    train: {_target_: torch.utils.data.DataLoader, dataset: [1, 2], batch_size: 4}
    val: "%::train"
"""
SEARCH = """\
sweep:
  over:
    system::dataloaders::train::batch_size: [4, 8]
    system::optimizer:
      - {lr: 1e-4..1e-1:log}
      - {_target_: torch.optim.Adam, lr: 1e-3..1:log, eps: 1e-9..1e-7:log}
    trainer::max_epochs: 1..9:2
  repeat: {seed: 0..2}
  where: $@trainer::max_epochs * @system::dataloaders::train::batch_size <= 40
  minimize: val/loss/epoch
  trials: 12
"""
BATCHES = "system::dataloaders::train::batch_size"


@pytest.fixture(autouse=True)
def _files(write: Write) -> None:
    write("exp.yaml", GOOD)
    write("search.yaml", SEARCH)


@pytest.fixture
def dry_run(in_process: Command) -> Command:
    return lambda *words: in_process("sweep", *words, "--dry-run")


def test_a_grid_is_printed_as_a_table(dry_run: Command) -> None:
    done = dry_run("exp.yaml", f"{BATCHES}:=4,8", "trainer::max_epochs:=1..3:2", "seed:=0..4", "--repeat", "seed")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"""\
dimensions
  {BATCHES}   4, 8     command line, word 2
  trainer::max_epochs                      1..3:2   command line, word 3

repeats, 5 runs of each trial
  seed   0..4   command line, word 4

a grid of 4 trials x 5 repeats = 20 runs
trial   {BATCHES}   trainer::max_epochs
    0   4                                                          1
    1   4                                                          3
    2   8                                                          1
    3   8                                                          3
"""
    )


def test_a_large_grid_is_cut(dry_run: Command) -> None:
    done = dry_run("exp.yaml", "trainer::max_epochs:=1..50", f"{BATCHES}:=1..10")
    assert "a grid of 500 trials\n" in done.stdout
    assert done.stdout.endswith("... and 480 more\n")


def test_a_search_prints_the_space_the_first_trials_and_draws(dry_run: Command) -> None:
    done = dry_run("exp.yaml", "search.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert "  system::optimizer[Adam]::eps" in text
    assert "1e-9..1e-7:log" in text
    assert "repeats, 3 runs of each trial\n  seed   0..2   search.yaml:8:18\n" in text
    assert "\nminimize   val/loss/epoch\n" in text
    assert "\nsampler    tpe\nuntil      12 trials\n" in text
    assert "\ntried first\ntrial   " in text
    assert "\n5 trials by chance, as examples\n" in text
    assert text.endswith("\n12 trials x 3 repeats = 36 runs would run\n")


def test_the_same_command_draws_the_same_examples(dry_run: Command) -> None:
    assert dry_run("exp.yaml", "search.yaml").stdout == dry_run("exp.yaml", "search.yaml").stdout


def test_draws_are_trials_that_may_run(dry_run: Command) -> None:
    content = json.loads(dry_run("exp.yaml", "search.yaml", "--json").stdout)
    assert len(content["draws"]) == 5
    for values in content["draws"]:
        assert int(values[BATCHES]) * values["trainer::max_epochs"] <= 40
        assert ("system::optimizer[Adam]::eps" in values) is (values["system::optimizer"] == "Adam")


def test_json_has_the_whole_space(dry_run: Command) -> None:
    content = json.loads(dry_run("exp.yaml", "search.yaml", "--json", "--prune", "--hours", "2").stdout)
    assert (content["version"], content["is_grid"], content["num_trials"], content["num_repeats"]) == (1, False, 12, 3)
    assert [one["name"] for one in content["dimensions"]] == [
        BATCHES,
        "system::optimizer",
        "system::optimizer[lr]::lr",
        "system::optimizer[Adam]::lr",
        "system::optimizer[Adam]::eps",
        "trainer::max_epochs",
        "seed",
    ]
    by_name = {one["name"]: one for one in content["dimensions"]}
    assert by_name["trainer::max_epochs"] == {
        "name": "trainer::max_epochs",
        "path": "trainer::max_epochs",
        "place": "search.yaml:7:26",
        "repeats": False,
        "low": 1,
        "high": 9,
        "step": 2,
        "log": False,
    }
    assert by_name["system::optimizer"]["choices"][1]["dimensions"] == [
        "system::optimizer[Adam]::lr",
        "system::optimizer[Adam]::eps",
    ]
    assert by_name["seed"]["repeats"] is True
    assert content["objectives"] == [{"name": "val/loss/epoch", "direction": "minimize"}]
    assert (content["sampler"], content["pruner"], content["hours"]) == ("tpe", "median", 2.0)
    assert content["first"][0] == {BATCHES: "4", "system::optimizer": "lr", "system::optimizer[lr]::lr": 0.1}


def test_json_of_a_grid_lists_every_trial(dry_run: Command) -> None:
    content = json.loads(dry_run("exp.yaml", "trainer::max_epochs:=1..50", "--json").stdout)
    assert content["is_grid"] is True
    assert content["trials"][-1] == {"number": 49, "values": {"trainer::max_epochs": 50}}


def test_nothing_is_written_and_nothing_heavy_imported(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['lighter', 'sweep', 'exp.yaml', 'search.yaml', '--dry-run']\n"
        "from lighter_cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(*sorted({'torch', 'optuna', 'pytorch_lightning', 'numpy', 'lighter'} & set(sys.modules)))"
    )
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before


def test_files_are_choices_by_their_names(dry_run: Command, write: Write) -> None:
    write("small.yaml", "system: {model: {in_features: 4}}\n")
    write("large.yaml", "system: {model: {in_features: 8}}\n")
    content = json.loads(dry_run("exp.yaml", ":=small.yaml,large.yaml", "--json").stdout)
    assert [one["values"] for one in content["trials"]] == [{"files": "small.yaml"}, {"files": "large.yaml"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([f"{BATCHES}:=4,8x"], "with               choice 2 of system::dataloaders::train::batch_size: 8x"),
        (["system::optimizer::lr:=1e-1..1e-4"], "to fix             write 1e-4..1e-1"),
        (["trainer::max_epochs:=1,2", "--max", "val/acc", "--trials", "2"], "nothing logs 'val/acc'"),
        ([], "nothing varies: the sweep has no dimension"),
    ],
)
def test_a_mistake_is_an_error_and_nothing_would_run(dry_run: Command, words: list[str], said: str) -> None:
    done = dry_run("exp.yaml", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_a_warning_does_not_keep_a_sweep_from_running(dry_run: Command, caplog: pytest.LogCaptureFixture) -> None:
    done = dry_run("exp.yaml", "trainer::max_epochs:=1..10:4")
    assert done.returncode == 0
    assert "10 is never tried" in caplog.text
    assert "a grid of 3 trials" in done.stdout


def test_safe_refuses_the_target_of_a_choice(dry_run: Command) -> None:
    words = ("exp.yaml", "system::model:={bias: true},{_target_: os.system}")
    done = dry_run(*words, "--safe")
    assert done.returncode == 1
    assert "--safe refuses os.system" in done.stderr
    assert "choice 2 of system::model: system" in done.stderr


@pytest.mark.parametrize("key", ["sampler", "pruner"])
def test_safe_refuses_the_target_of_a_sampler_or_pruner(dry_run: Command, key: str) -> None:
    component = f"sweep::{key}={{_target_: os.system, command: 'exit 3'}}"
    words = ("exp.yaml", "trainer::max_epochs:=1,2", component, "--min", "val/loss/epoch", "--trials", "2")
    done = dry_run(*words, "--safe")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--safe refuses os.system" in done.stderr
    assert dry_run(*words, "--safe", "--allow", "os.system").returncode == 0


def test_allow_without_safe_is_an_error(dry_run: Command) -> None:
    done = dry_run("exp.yaml", "trainer::max_epochs:=1,2", "--allow", "os")
    assert (done.returncode, "--allow needs --safe" in done.stderr) == (1, True)


def test_secrets_are_not_printed(dry_run: Command) -> None:
    for words in ([], ["--json"]):
        done = dry_run("exp.yaml", "vars::api_key:=abcdefgh,ijklmnop", *words)
        assert done.returncode == 0
        assert "abcdefgh" not in done.stdout


def test_a_sweep_without_inputs_names_an_example(dry_run: Command) -> None:
    done = dry_run()
    assert done.returncode == 1
    assert "lighter sweep config.yaml system::optimizer::lr:=" in done.stderr


def test_the_section_alone_is_a_sweep(dry_run: Command, write: Write) -> None:
    write("other.yaml", "_base_: exp.yaml\nsweep: {over: {trainer::max_epochs: [1, 2]}}\n")
    assert "a grid of 2 trials" in dry_run("other.yaml").stdout


@pytest.mark.parametrize("command", ["fit", "check", "show"])
def test_a_dimension_in_another_command_names_the_sweep(in_process: Command, command: str) -> None:
    done = in_process(command, "exp.yaml", "trainer::max_epochs:=1,2")
    assert done.returncode == 1
    assert "use it with `lighter sweep`, or write trainer::max_epochs=1" in done.stdout + done.stderr
