"""Walking a space: draws, grids, assignments as JSON, and the config of a trial."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lighter_config import Config, load, parse_sources
from lighter_config.space import Choice, Dimension, Range, Space, assignment_from, read_space, trial_config
from lighter_config.space.assignments import Assignment

BASE = {
    "trainer": {"_target_": "pytorch_lightning.Trainer", "max_epochs": 20},
    "vars": {"width": 64, "depth": 2, "fold": 0},
    "optimizer": {"_target_": "torch.optim.AdamW", "lr": 3e-3},
}
OPTIMIZERS = [{"lr": "1e-4..1e-2:log"}, {"_target_": "torch.optim.SGD", "lr": "1e-3..1:log", "momentum": "0.0..0.99"}]


def config_of(*words: str | Mapping[str, Any]) -> Config:
    return load(parse_sources([BASE, *words], sweeping=True))


def space_of(over: Mapping[str, Any], **section: Any) -> Space:
    return read_space(config_of({"sweep": {"over": over, "sampler": "random", "trials": 9, **section}}))


def by_chance(seed: int) -> Callable[[Dimension], int | float | Choice]:
    source = random.Random(seed)

    def choose(dimension: Dimension) -> int | float | Choice:
        domain = dimension.domain
        if not isinstance(domain, Range):
            return source.choice(domain)
        return source.randint(int(domain.low), int(domain.high)) if domain.is_integer else domain.low

    return choose


def test_a_range_inside_a_choice_is_asked_for_only_with_the_choice() -> None:
    space = space_of({"optimizer": OPTIMIZERS})
    (dimension,) = space.dimensions
    first, second = (space.draw(lambda one, label=label: label if one is dimension else one.domain.low) for label in
                     ("lr", "SGD"))  # fmt: skip
    assert first.values == {"optimizer": "lr", "optimizer[lr]::lr": 1e-4}
    assert second.values == {"optimizer": "SGD", "optimizer[SGD]::lr": 1e-3, "optimizer[SGD]::momentum": 0.0}
    assert second.overlay == {"optimizer": {"_target_": "torch.optim.SGD", "lr": 1e-3, "momentum": 0.0}}


@pytest.mark.parametrize("seed", range(10))
def test_an_assignment_comes_back_from_json(seed: int) -> None:
    space = space_of({"optimizer": OPTIMIZERS, "vars::width": [16, 64, None], "vars::depth": "1..4"})
    drawn = space.draw(by_chance(seed))
    assert assignment_from(space, json.loads(json.dumps(drawn.values))) == drawn


@pytest.mark.parametrize(
    "values", [{"vars::width": "17"}, {"vars::depth": 9}, {"vars::depth": True}, {"optimizer[SGD]::lr": 0.1}]
)
def test_an_assignment_outside_the_space_is_refused(values: dict[str, Any]) -> None:
    space = space_of({"optimizer": OPTIMIZERS, "vars::width": [16, 64], "vars::depth": "1..4"})
    with pytest.raises(ValueError, match=r"not a choice|not in|no dimension"):
        assignment_from(space, values)


def test_the_last_dimension_of_a_grid_changes_fastest() -> None:
    space = space_of({"vars::width": [16, 64], "vars::depth": "1..3:2"}, sampler="grid", trials=None)
    assert [list(one.values.values()) for one in space.grid()] == [["16", 1], ["16", 3], ["64", 1], ["64", 3]]
    assert space.size() == 4


def test_a_grid_goes_into_the_choices() -> None:
    over = {"optimizer": [{"lr": "0.1..0.3:0.1"}, {"_target_": "torch.optim.SGD"}], "vars::depth": [1, 2]}
    space = space_of(over, sampler="grid", trials=None)
    assert space.size() == 8 == len({str(one.values) for one in space.grid()})


def test_where_leaves_trials_out_of_the_grid() -> None:
    over = {"vars::width": [16, 64], "vars::depth": [1, 8]}
    space = space_of(over, sampler="grid", trials=None, where="$@vars::width * @vars::depth <= 128")
    assert [one.overlay for one in space.grid()] == [
        {"vars::width": 16, "vars::depth": 1},
        {"vars::width": 16, "vars::depth": 8},
        {"vars::width": 64, "vars::depth": 1},
    ]
    assert space.size() == 3


def test_each_repeat_is_one_run_of_a_trial() -> None:
    space = space_of({"vars::depth": [1, 2]}, repeat={"seed": "0..2", "vars::fold": [0, 1]})
    assert space.num_repeats == 6 == len(list(space.repeat_grid()))
    config = trial_config(config_of(), space, next(space.grid()), list(space.repeat_grid())[-1], number=3)
    assert (config.get("seed"), config.get("vars::fold"), config.get("vars::depth")) == (2, 1, 1)


def test_a_trial_knows_the_place_of_its_dimension_and_its_number() -> None:
    config = config_of("optimizer::lr:=1e-4..1e-1:log")
    words = [BASE, {"sweep": {"sampler": "random", "trials": 3}}, "optimizer::lr:=1e-4..1e-1:log"]
    space = read_space(load(parse_sources(words, sweeping=True, from_command_line=True)))
    trial = trial_config(config, space, space.draw(lambda _: 0.01), number=7)
    newest, base = trial.history("optimizer::lr")
    assert (str(newest.place), newest.text) == ("command line, word 3 (trial 7)", "optimizer::lr:=1e-4..1e-1:log")
    assert "trial" not in str(base.place)
    assert trial.get("optimizer::lr") == 0.01
    assert not trial.has("sweep")


def test_a_trial_leaves_the_config_of_the_sweep_alone() -> None:
    config = config_of({"sweep": {"over": {"optimizer": OPTIMIZERS}, "sampler": "random", "trials": 2}})
    before, space = str(config.tree), read_space(config)
    for seed in range(5):
        trial_config(config, space, space.draw(by_chance(seed)), number=seed)
    assert str(config.tree) == before
    assert [len(config.history(path)) for path in ("optimizer::lr", "vars::width")] == [1, 1]


def test_the_first_trial_is_the_config_as_it_stands() -> None:
    over = {"optimizer": OPTIMIZERS, "vars::width": [16, 64], "vars::depth": "4..8"}
    space = space_of(over, first=[{"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9}}])
    first, second = space.first
    assert first.values == {
        "optimizer": "lr",
        "optimizer[lr]::lr": 3e-3,
        "vars::width": "64",
    }
    assert second.values["optimizer"] == "SGD"
    assert (second.values["optimizer[SGD]::lr"], second.values["optimizer[SGD]::momentum"]) == (0.1, 0.9)


def test_a_choice_may_delete_and_replace_as_a_later_file_does() -> None:
    over = {
        "optimizer": [{"lr": 0.1}, {"_target_": "torch.optim.SGD", "~lr": None}],
        "vars": [{"=width": 1}, {"depth": 9}],
    }
    space = space_of(over, sampler="grid", trials=None)
    config = trial_config(space.config, space, list(space.grid())[-1])
    assert config.get("optimizer") == {"_target_": "torch.optim.SGD"}
    assert load([config.tree]).tree == config.tree


def test_words_of_an_assignment_give_the_same_config() -> None:
    space = space_of({"optimizer": OPTIMIZERS, "vars::width": [16, None], "vars::depth": "1..4"})
    for seed in range(10):
        drawn = space.draw(by_chance(seed))
        assert load([BASE, *drawn.words]).tree == trial_config(config_of(), space, drawn).tree


def test_an_assignment_without_values_is_the_config_itself() -> None:
    space = space_of({"vars::width": [16, 64]})
    assert trial_config(space.config, space, Assignment()).tree == config_of().tree
