"""Reading a space: what its language means, and what is said of mistakes."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lighter_config import ConfigError, Finding, RunSource, Severity, Stage, check, load, parse_sources, prune, to_yaml
from lighter_config.space import Objective, Range, Space, SpaceOptions, read_space, trial_config, with_files_inside

BASE = """
trainer: {_target_: pytorch_lightning.Trainer, max_epochs: 20, callbacks: []}
vars:
  width: 64
  depth: 2
model:
  _target_: torch.nn.Sequential
  _args_:
    - {_target_: torch.nn.Dropout, p: 0.25}
optimizer: {_target_: torch.optim.AdamW, lr: 3e-3}
"""
SEARCH = """
sweep:
  over:
    vars::width: [32, 64, 128]
    trainer::max_epochs: 5..20
    model::_args_::0::p: 0.0..0.6
    optimizer:
      - {lr: 1e-4..1e-2:log}
      - {_target_: torch.optim.SGD, lr: 1e-3..1:log, momentum: 0.0..0.99}
    vars::depth: [1, null]
  repeat:
    seed: [0, 1, 2]
  maximize: val/acc
  minimize: [val/loss, size]
  take: last
  where: $@vars::width <= 64
  constraints: [test/latency <= 20, "size > 1e3"]
  sampler: {_target_: optuna.samplers.GPSampler, seed: 3}
  trials: 60
  hours: 1.5
  patience: 10
"""
RANDOM = SpaceOptions(sampler="random", trials=5)


@pytest.fixture
def _files(tmp_path: Path) -> None:
    Path("base.yaml").write_text(BASE)
    Path("search.yaml").write_text(SEARCH)


def space_of(*words: Any, options: SpaceOptions | None = None) -> Space:
    return read_space(load(parse_sources(["base.yaml", *words], sweeping=True)), options)


def findings_of(*words: Any, options: SpaceOptions | None = RANDOM) -> tuple[Finding, ...]:
    try:
        return space_of(*words, options=options).notes
    except ConfigError as error:
        return error.findings


pytestmark = pytest.mark.usefixtures("_files")


def test_a_section_is_read_with_the_place_of_each_part() -> None:
    space = space_of("search.yaml")
    names = [one.name for one in space.all_dimensions()]
    assert names == [
        "vars::width",
        "trainer::max_epochs",
        "model::_args_::0::p",
        "optimizer",
        "optimizer[lr]::lr",
        "optimizer[SGD]::lr",
        "optimizer[SGD]::momentum",
        "vars::depth",
    ]
    places = {one.name: str(one.place) for one in space.all_dimensions()}
    assert places["trainer::max_epochs"] == "search.yaml:5:26"
    assert places["optimizer[SGD]::momentum"] == "search.yaml:9:64"
    assert [choice.value for choice in space.dimensions[-1].choices] == [1, None]
    assert space.objectives == (
        Objective("val/acc", "maximize"),
        Objective("val/loss", "minimize"),
        Objective("size", "minimize"),
    )
    assert [(one.name, one.operator, one.limit) for one in space.constraints] == [
        ("test/latency", "<=", 20),
        ("size", ">", 1e3),
    ]
    assert [one.path for one in space.repeats] == ["seed"]
    assert (space.take, space.trials, space.hours, space.patience) == ("last", 60, 1.5, 10)
    assert space.sampler == {"_target_": "optuna.samplers.GPSampler", "seed": 3}
    assert space.where[0].place is not None


def test_words_add_and_replace_dimensions_of_the_section() -> None:
    space = space_of("search.yaml", "vars::width:=8..16", "~sweep::over::optimizer", "optimizer::lr:=0.1,0.2",
                     "sweep::over::vars::depth=[3, 4]")  # fmt: skip
    domains = {one.name: one.domain for one in space.dimensions}
    assert domains["vars::width"] == Range(8, 16)
    assert [choice.label for choice in domains["optimizer::lr"]] == ["0.1", "0.2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["search.yaml", "optimizer::eps:=0.1,0.2"],
            "optimizer::eps is inside optimizer, which varies itself",
        ),
        (
            ["optimizer::lr:=1..2", "optimizer:=1,2"],
            "optimizer holds optimizer::lr, which varies itself",
        ),
    ],
)
def test_a_dimension_inside_another_one_is_an_error(words: list[str], message: str) -> None:
    (found,) = findings_of(*words)
    assert found.message == message
    assert "~sweep::over::optimizer" in found.fix


def test_a_later_file_takes_a_dimension_away() -> None:
    later = {"sweep": {"over": {"~optimizer": None, "vars::width": [1, 2]}}}
    space = space_of("search.yaml", later)
    names = [one.name for one in space.dimensions]
    assert sorted(names) == ["model::_args_::0::p", "trainer::max_epochs", "vars::depth", "vars::width"]
    assert [choice.value for one in space.dimensions if one.name == "vars::width" for choice in one.choices] == [1, 2]


def test_options_replace_the_section() -> None:
    options = SpaceOptions(maximize=("f1",), sampler="random", trials=3, hours=2, patience=4, repeat=("vars::width",))
    space = space_of("search.yaml", options=options)
    assert space.objectives == (Objective("f1", "maximize"),)
    assert (space.sampler, space.trials, space.hours, space.patience) == ("random", 3, 2, 4)
    assert [one.path for one in space.repeats] == ["seed", "vars::width"]
    assert all(one.repeats for one in space.repeats)


def test_files_merge_at_the_root_and_are_read_beside_the_file_that_names_them() -> None:
    Path("models").mkdir()
    Path("models/base.yaml").write_text("vars: {width: 8}\n")
    Path("models/small.yaml").write_text("_base_: base.yaml\nvars: {depth: 1}\n")
    Path("models/large.yaml").write_text("vars: {width: 512, '~depth': null}\n")
    Path("models/search.yaml").write_text("sweep: {files: [small.yaml, large.yaml]}\n")
    space = space_of("models/search.yaml", ":=models/small.yaml,models/base.yaml")
    assert [one.name for one in space.dimensions] == ["files", "files::1"]
    trials = [trial_config(space.config, space, one, number=4) for one in space.grid()]
    assert [trial.get("vars") for trial in trials] == [
        {"width": 8, "depth": 1},
        {"width": 8, "depth": 1},
        {"width": 8, "depth": 1},
        {"width": 8},
    ]
    assert str(trials[0].place("vars::depth")) == "models/small.yaml:2:15 (trial 4)"
    assert [one.overlay for one in space.grid()][-1] == {"files": "large.yaml", "files::1": "models/base.yaml"}


def test_the_section_is_not_part_of_any_stage() -> None:
    config = load(["base.yaml", "search.yaml"])
    assert not prune(config, "fit").has("sweep")
    Path("other.yaml").write_text(SEARCH.replace("where: $@vars::width <= 64", ""))
    with_section, without = (check(load(words)) for words in (["base.yaml", "other.yaml"], ["base.yaml"]))
    assert with_section == without


def test_a_section_reads_back_from_the_yaml_it_is_written_as() -> None:
    choices = "[{~lr: null}, {=lr: 1.0, 'a::b': 3..4}, null, '~']"
    Path("more.yaml").write_text(f"sweep: {{over: {{optimizer: {choices}}}, files: [a.yaml, b.yaml]}}\n")
    config = load(["base.yaml", "search.yaml", "more.yaml"])
    again = load([Path(_written(to_yaml(config)))])
    assert again.tree == config.tree
    assert again.get("sweep::over::optimizer")[-4:] == [{"~lr": None}, {"=lr": 1.0, "a::b": "3..4"}, None, "~"]


def _written(text: str) -> str:
    Path("again.yaml").write_text(text)
    return "again.yaml"


def test_paths_of_a_choice_are_nested_as_in_a_file() -> None:
    space = space_of({"sweep": {"over": {"vars": [{"a::b": "1..2"}, {"a": {"b": 7}}]}}}, options=RANDOM)
    assert [one.name for one in space.all_dimensions()] == ["vars", "vars[a={b: 1..2}]::a::b"]
    config = trial_config(space.config, space, space.draw(lambda one: 2 if one.path == "vars::a::b" else "a={b: 1..2}"))
    assert config.get("vars::a") == {"b": 2}


@pytest.mark.parametrize(
    ("words", "message", "nearest"),
    [
        (["optimzer::lr:=0.1..1"], "optimzer::lr does not exist", ("optimizer::lr",)),
        (["vars::widht:=1,2"], "vars::widht does not exist", ("vars::width",)),
        (["lr:=0.1..1"], "lr does not exist", ("optimizer::lr",)),
        (["trainer::callbacks::3::patience:=1,2"], "trainer::callbacks::3::patience does not exist",
         ("trainer::callbacks",)),
        (["sweep::trials:=1,2"], "sweep::trials is in the sweep section, which no trial has", ()),
        (["vars::width:=64"], "vars::width has only one choice: 64", ()),
        (["vars::width:=[]"], "vars::width has no choices", ()),
        (["vars::width:=1,2,1"], "choice 3 of vars::width repeats 1", ()),
        (["vars::width:=1..2,7"], "1..2 is a range among the choices of vars::width", ()),
        (["vars::width:=1e-1..1e-4"], "the range 1e-1..1e-4 goes down", ()),
        ([":=base.yaml"], "files has only one choice: base.yaml", ()),
        ([":=base.yaml,bsae.yaml"], "the file 'bsae.yaml' does not exist", ("base.yaml",)),
        ([":=base.yaml,search.yaml"], "the file 'search.yaml' has a sweep section, which a choice cannot have", ()),
        ([{"sweep": {"over": {"vars::width": "32,64"}}}], "vars::width has only one choice: 32,64", ()),
        ([{"sweep": {"over": [1]}}], "sweep::over must be a mapping, is [1]", ()),
        ([{"sweep": 3}], "the section sweep must be a mapping, is 3", ()),
        ([{"sweep": {"overr": {}}}], "sweep::overr is not a key of a sweep", ("over",)),
        ([{"sweep": {"sampler": "tpee"}}], "'tpee' is not the name of a sampler", ("tpe",)),
        ([{"sweep": {"take": "frist"}}], "sweep::take is 'frist'", ()),
        ([{"sweep": {"where": "width <= 3"}}], "sweep::where is 'width <= 3'", ()),
        ([{"sweep": {"constraints": ["latency = 3"]}}], "sweep::constraints is 'latency = 3'", ()),
        ([{"sweep": {"trials": 0}}], "sweep::trials is 0", ()),
        ([{"sweep": {"hours": "long"}}], "sweep::hours is 'long'", ()),
        ([{"sweep": {"maximize": 3}}], "sweep::maximize is 3", ()),
        ([{"sweep": {"first": [3]}}], "sweep::first must list mappings, has 3", ()),
        ([{"sweep": {"first": [{"vars::depth": 3}]}}], "vars::depth is not a dimension of the sweep", ()),
        ([{"sweep": {"first": [{"optimizer::lr": 3}]}}], "optimizer::lr cannot be 3 in this sweep", ()),
        ([{"sweep": {"repeat": {"seed": "0.1..2"}}}],
         "seed repeats a trial, so its values must be listed", ()),
        ([{"sweep": {"repeat": {"optimizer::lr": [1, 2]}}}], "optimizer::lr is both a dimension and a repeat", ()),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error_with_the_nearest_names(
    words: list[str | Mapping[str, Any]], message: str, nearest: tuple[str, ...]
) -> None:
    section = [word["sweep"] for word in words if isinstance(word, dict) and isinstance(word["sweep"], dict)]
    is_of_section = any(key in one for one in section for key in ("trials", "maximize"))
    options = SpaceOptions() if is_of_section else SpaceOptions(maximize=("a",), trials=2)
    found = findings_of("optimizer::lr:=1e-4..1e-2:log", *words, options=options)
    errors = [one for one in found if one.severity is Severity.ERROR]
    assert [one.message for one in errors] == [message]
    assert errors[0].nearest[:1] == nearest[:1]
    assert errors[0].place is not None


@pytest.mark.parametrize(
    ("words", "options", "message", "fix"),
    [
        ([], SpaceOptions(), "nothing varies: the sweep has no dimension", "add one"),
        (["optimizer::lr:=0.1..1"], SpaceOptions(trials=9), "nothing says which values are good",
         "add --max NAME or --min NAME, or"),
        (["optimizer::lr:=1e-4..1e-1:log"], SpaceOptions(sampler="grid"), "a grid needs choices or steps",
         "write the values: [1e-4, 1e-3, 1e-2, 1e-1]"),
        (["optimizer::lr:=0..1.5"], SpaceOptions(sampler="grid"), "a grid needs choices or steps",
         "write steps: 0..1.5:0.375"),
        (["vars::width:=1,2"], SpaceOptions(sampler="tpe", trials=2), "the sampler tpe needs an objective",
         "add --max"),
        (["vars::width:=1,2"], SpaceOptions(maximize=("a", "b"), pruner="median", trials=2),
         "pruning needs one objective",
         "keep"),
        (["vars::width:=1,2"], SpaceOptions(pruner="median"), "pruning needs an objective", "add --max"),
        (["vars::width:=1,2,3", "vars::depth:=1..4"], SpaceOptions(trials=10),
         "the grid has 12 trials, and 10 leave 2 out", "write --trials 12, or --sampler random"),
        (["vars::width:=1,2"], SpaceOptions(maximize=("a",)), "the search never ends",
         "add --trials N, --hours H or --patience N, or --sampler grid to run every combination once"),
        (["vars::width:=1,2"], SpaceOptions(repeat=("vars::widht",)), "--repeat names vars::widht",
         "add vars::widht:=0..4"),
        (["vars::width:=1,2"], SpaceOptions(pruner="medium"), "'medium' is not the name of a pruner", "write median"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_together_are_errors(
    words: list[str], options: SpaceOptions, message: str, fix: str
) -> None:
    (found,) = findings_of(*words, options=options)
    assert message in found.message
    assert found.fix.startswith(fix)


def test_repeats_alone_with_an_objective_are_one_trial() -> None:
    space = space_of("vars::depth:=1..4", options=SpaceOptions(maximize=("a",), repeat=("vars::depth",)))
    assert space.is_grid
    assert (space.num_trials, space.num_repeats) == (1, 4)


def test_a_repeat_of_the_command_takes_the_place_of_that_of_a_file() -> None:
    section = {"sweep": {"repeat": {"vars::depth": [1, 2, 3]}, "maximize": "a"}}
    by_word = space_of(section, "vars::depth:=1..2", options=SpaceOptions(repeat=("vars::depth",)))
    assert [(one.name, one.domain.high) for one in by_word.repeats] == [("vars::depth", 2)]  # type: ignore[union-attr]
    assert space_of(section, options=SpaceOptions(repeat=("vars::depth",))).num_repeats == 3
    (found,) = findings_of(section, "vars::depth:=1..2", options=SpaceOptions(maximize=("a",)))
    assert found.fix.endswith("--repeat vars::depth takes the one of `over`")


def test_a_word_that_changes_the_section_is_not_doubtful() -> None:
    assert findings_of("sweep::repeat::vars::depth=1..2", options=SpaceOptions(maximize=("a",))) == ()


def test_a_step_that_misses_the_end_is_a_warning() -> None:
    (found,) = findings_of("vars::depth:=1..10:4")
    assert (found.severity, found.fix) == (Severity.WARNING, "write 1..9:4")
    assert found.message == "10 is never tried: the steps of vars::depth are 1, 5, 9"


@pytest.mark.parametrize("value", ["32,64", "1..9", "1e-4..1e-1:log"])
def test_an_override_that_looks_like_a_dimension_is_a_warning(value: str) -> None:
    (found,) = findings_of("vars::depth:=1,2", f"vars::width={value}")
    assert (found.severity, found.fix) == (Severity.WARNING, f"to vary it, write vars::width:={value}")


@pytest.mark.parametrize("value", ["a, b", "[1, 2]", "..", "x"])
def test_other_overrides_of_a_sweep_are_not_doubted(value: str) -> None:
    assert findings_of("vars::depth:=1,2", f"vars::width={value}") == ()


def test_where_that_needs_an_object_is_an_error_with_its_place() -> None:
    space = space_of("vars::width:=1,2", {"sweep": {"where": "$@optimizer.lr > 1"}})
    with pytest.raises(ConfigError, match="cannot be decided before a trial runs") as caught:
        list(space.grid())
    assert caught.value.findings[0].place is not None


@pytest.mark.parametrize("word", ["optimizer::lr:=0.1..1", ":=a.yaml,b.yaml", "vars::width:=1,2"])
def test_a_dimension_outside_a_sweep_is_an_error_that_names_the_command(word: str) -> None:
    with pytest.raises(
        ConfigError, match="`:=` varies a value over several trials, which only `lighter sweep`"
    ) as caught:
        load(["base.yaml", word])
    plain = {
        "optimizer::lr:=0.1..1": "optimizer::lr=0.1",
        ":=a.yaml,b.yaml": "a.yaml",
        "vars::width:=1,2": "vars::width=1",
    }
    assert caught.value.findings[0].fix == f"use it with `lighter sweep`, or write {plain[word]}"


def test_a_word_without_a_value_is_an_error() -> None:
    with pytest.raises(ConfigError, match="has no value"):
        space_of("vars::width:=")


def test_a_space_with_its_files_inside_is_the_same_when_they_are_gone(tmp_path: Path) -> None:
    Path("models").mkdir()
    Path("models/base.yaml").write_text("vars: {width: 8}\n")
    Path("models/small.yaml").write_text("_base_: base.yaml\nvars: {~depth: null, height: 3}\n")
    Path("models/large.yaml").write_text("vars: {=width: 512, 'a::b': 1}\n")
    Path("models/search.yaml").write_text("sweep: {files: [small.yaml, large.yaml]}\n")
    before = space_of("models/search.yaml", ":=models/large.yaml,models/base.yaml")
    text = to_yaml(with_files_inside(before), standalone=True)
    expected = [(one.values, trial_config(before.config, before, one).tree) for one in before.grid()]
    for file in Path("models").iterdir():
        file.write_text("changed: since\n")
    after = read_space(load([Path(_written(text))]))
    assert [(one.values, trial_config(after.config, after, one).tree) for one in after.grid()] == expected
    assert expected[0][1]["vars"] == {"width": 512, "height": 3, "a": {"b": 1}}


def test_a_space_read_from_the_folder_of_its_sweep_keeps_the_places() -> None:
    space = space_of("search.yaml")
    folder = Path("lighter_sweeps/x")
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(to_yaml(space.config, standalone=True))
    places = {path: [str(place) for place in space.config.chain(path)] for path in space.config.leaf_paths()}
    (folder / "provenance.json").write_text(json.dumps(places))
    again = read_space(load([RunSource(folder, str(folder))]))
    drawn = again.draw(lambda one: one.domain[-1] if isinstance(one.domain, tuple) else one.domain.low)
    trial = trial_config(again.config, again, drawn, number=7)
    assert str(trial.place("trainer::max_epochs")) == "search.yaml:5:26 (trial 7)"
    assert str(trial.place("optimizer::momentum")) == "search.yaml:9:64 (trial 7)"
    assert [str(place) for place in trial.chain("vars::width")] == [
        "search.yaml:4:27 (trial 7)",
        "lighter_sweeps/x/config.yaml:6:10",
        "base.yaml:4:10",
    ]


def test_a_check_for_no_stage_reports_mistakes_of_the_section() -> None:
    config = load(["base.yaml", "search.yaml", "sweep::over::vars::width=1e-1..1e-4", "sweep::trails=3"])
    (wrong,) = (finding for finding in check(config) if finding.check == "space" and "goes down" in finding.message)
    assert wrong.place is not None
    assert "sweep::trails is not a key of a sweep" in {finding.message for finding in check(config)}
    assert not [finding for finding in check(config, Stage.FIT) if finding.check == "space"]


def test_a_check_does_not_ask_the_section_for_what_options_may_add() -> None:
    config = load(["base.yaml", {"sweep": {"over": {"optimizer::lr": "0.1..1"}}}])
    assert not [finding for finding in check(config) if finding.check == "space"]
