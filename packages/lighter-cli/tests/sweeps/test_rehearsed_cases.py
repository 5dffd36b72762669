"""Few rehearsals have every choice and both ends of every range; nothing is rehearsed twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lighter_cli.sweeps.layout import REHEARSED_FILE
from lighter_cli.sweeps.rehearsed_cases import RehearsedCases, needed_in
from lighter_config import load, parse_sources
from lighter_config.space import Space, SpaceOptions, read_space

SEARCH = """
sweep:
  over:
    system::dataloaders::train::batch_size: [2, 5, 4, 12]
    system::model::in_features: 4..4
    system::optimizer:
      - {lr: 1e-4..1e-1:log}
      - {_target_: torch.optim.Adam, lr: 1e-3..1:log, eps: 1e-9..1e-7:log}
  trials: 9
  minimize: val/loss/epoch
"""
BATCHES = "system::dataloaders::train::batch_size"
OPTIMIZER, LR = "system::optimizer", "system::optimizer::lr"
ADAM = f"{OPTIMIZER}:={{lr: 0.1}},{{_target_: torch.optim.Adam}}"

Read = Callable[..., Space]


@pytest.fixture
def space(system_config: str) -> Read:
    """Read the space of the tiny experiment and more words."""

    def read(*words: str, **options: Any) -> Space:
        config = load(parse_sources([system_config, *words], from_command_line=True, sweeping=True))
        return read_space(config, SpaceOptions(**options))

    return read


def values(space: Space, covered: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    return [one.values for one in RehearsedCases(space).needed(covered)]


def test_every_case_is_in_one_of_few_rehearsals(space: Read, write: Callable[[str, str], Path]) -> None:
    write("search.yaml", SEARCH.replace("    system::model::in_features: 4..4\n", ""))
    lr, adam = f"{OPTIMIZER}[lr]::lr", f"{OPTIMIZER}[Adam]"
    assert values(space("search.yaml")) == [
        {BATCHES: "5", OPTIMIZER: "lr", lr: 0.1},  # as the config is
        {BATCHES: "2", OPTIMIZER: "lr", lr: 0.0001},
        {BATCHES: "12", OPTIMIZER: "Adam", f"{adam}::lr": 0.001, f"{adam}::eps": 1e-9},
        {BATCHES: "5", OPTIMIZER: "Adam", f"{adam}::lr": 1, f"{adam}::eps": 1e-7},
    ]


def test_numbers_are_rehearsed_at_both_ends(space: Read) -> None:
    found = values(space(f"{BATCHES}:=3,9,5,7", "vars::num_samples:=8..16:4"))
    assert [(one[BATCHES], one["vars::num_samples"]) for one in found] == [("5", 12), ("3", 8), ("9", 16)]


def test_choices_that_are_no_numbers_are_each_rehearsed(space: Read) -> None:
    found = values(space("trainer::precision:=32-true,bf16-true,64-true", "trainer::enable_progress_bar:=false,true"))
    assert [one["trainer::precision"] for one in found] == ["32-true", "bf16-true", "64-true"]


def test_files_are_each_rehearsed(space: Read, write: Callable[[str, str], Path]) -> None:
    write("a.yaml", "system: {optimizer: {lr: 0.2}}")
    write("b.yaml", "system: {optimizer: {lr: 0.3}}")
    assert values(space(":=a.yaml,b.yaml", f"{BATCHES}:=3,4")) == [
        {"files": "a.yaml", BATCHES: "3"},
        {"files": "b.yaml", BATCHES: "4"},
    ]


def test_repeats_are_rehearsed_too(space: Read) -> None:
    found = values(space("seed:=0..4", f"{LR}:=0.1,0.2", repeat=("seed",)))
    assert found == [{LR: "0.1", "seed": 0}, {LR: "0.2", "seed": 4}]


def test_what_where_leaves_out_is_not_rehearsed(space: Read, write: Callable[[str, str], Path]) -> None:
    write("where.yaml", f"sweep: {{where: $@{BATCHES} * @trainer::max_epochs <= 12}}")
    found = values(space("where.yaml", f"{BATCHES}:=4..6", "trainer::max_epochs:=2..4"))
    assert [(one[BATCHES], one["trainer::max_epochs"]) for one in found] == [(5, 2), (4, 2), (6, 2)]  # not 4 x 4
    found = values(space("where.yaml", f"{BATCHES}:=8..12", "trainer::max_epochs:=1..4"))  # 5 x 2 is not in the space
    assert all(one[BATCHES] * one["trainer::max_epochs"] <= 12 for one in found)
    assert {8, 12} <= {one[BATCHES] for one in found}


def test_only_what_is_new_is_rehearsed_in_a_wider_space(space: Read) -> None:
    before = RehearsedCases(space("vars::num_samples:=8..16", ADAM)).needed(frozenset())
    covered = frozenset().union(*(one.covers for one in before))
    wider = space("vars::num_samples:=8..32", ADAM, f"{BATCHES}:=4,5,6")
    assert [(one["vars::num_samples"], one[BATCHES]) for one in values(wider, covered)] == [(32, "4"), (12, "6")]


@pytest.mark.parametrize(
    ("words", "options", "is_default"),
    [
        ((ADAM, "vars::num_samples:=8..16"), {"trials": 5}, True),
        ((ADAM, "vars::num_samples:=8..16"), {"hours": 1.0}, True),
        ((ADAM, "vars::num_samples:=8..16"), {"trials": 4}, False),
        ((f"{LR}:=0.01..0.2", f"{BATCHES}:=3,4,5"), {"trials": 100}, False),
        ((ADAM, f"{BATCHES}:=3,4,5"), {}, True),
        ((ADAM,), {}, False),
    ],
)
def test_many_trials_with_choices_of_structure_are_rehearsed_by_default(
    space: Read, words: tuple[str, ...], options: dict[str, Any], is_default: bool, tmp_path: Path
) -> None:
    judged = {"minimize": ("val/loss/epoch",)} if options else {}
    read = space(*words, **options, **judged)
    assert bool(needed_in(tmp_path / "new", read, None)) is is_default
    assert needed_in(tmp_path / "new", read, asked=False) == []
    assert needed_in(tmp_path / "new", read, asked=True) != []


def test_a_sweep_that_began_without_is_rehearsed_only_if_asked(space: Read, tmp_path: Path) -> None:
    read = space(ADAM, f"{BATCHES}:=3,4,5")
    (tmp_path / "trials/0000").mkdir(parents=True)
    assert needed_in(tmp_path, read, None) == []
    assert len(needed_in(tmp_path, read, asked=True)) == 2
    (tmp_path / REHEARSED_FILE).write_text('{"covered": ["the first trial"]}')
    assert needed_in(tmp_path, read, None) != []
