"""The newest run that used a config file."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli import Runner
from lighter_cli.runs.using import newest_words_using

pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")

Write = Callable[[str, str], Path]


@pytest.fixture
def variants(system_config: str, write: Write) -> str:
    """A base, and two files that change it."""
    assert system_config == "config.yaml"
    write("small.yaml", "trainer: {max_epochs: 1}\n")
    write("deep/child.yaml", "_base_: ../config.yaml\ntrainer: {max_epochs: 1}\n")
    return system_config


def fit(*inputs: str) -> None:
    Runner().run("fit", [*inputs, "trainer::limit_train_batches=1", "trainer::limit_val_batches=1"])


def test_the_newest_run_gives_its_files_and_overrides(variants: str) -> None:
    fit(variants, "trainer::max_epochs=2")
    fit(variants, "small.yaml", "seed=3")
    limits = ("trainer::limit_train_batches=1", "trainer::limit_val_batches=1")
    assert newest_words_using(Path("config.yaml")) == ("config.yaml", "small.yaml", "seed=3", *limits)
    assert newest_words_using(Path("small.yaml")) == ("config.yaml", "small.yaml", "seed=3", *limits)
    Path("small.yaml").unlink()  # a run with a file that is gone cannot be loaded again
    assert newest_words_using(Path("config.yaml")) == ("config.yaml", "trainer::max_epochs=2", *limits)


def test_a_base_file_was_used_by_the_run_of_its_child(variants: str) -> None:
    fit("deep/child.yaml")
    words = newest_words_using(Path(variants))
    assert words is not None
    assert words[0] == "deep/child.yaml"


def test_a_file_that_no_run_used_has_no_words(variants: str, write: Write) -> None:
    assert newest_words_using(Path(variants)) is None
    assert not Path(".lighter").exists()
    fit(variants)
    assert newest_words_using(write("other.yaml", "seed: 1\n")) is None
    assert newest_words_using(Path("gone.yaml")) is None


def test_damaged_records_are_passed_over(variants: str) -> None:
    fit(variants)
    fit(variants, "seed=9")
    lines = Path(".lighter/runs.jsonl").read_text().splitlines()
    newest = Path(json.loads(lines[-1])["folder"])
    (newest / "record.json").write_text("{")
    words = newest_words_using(Path(variants))
    assert words is not None
    assert "seed=9" not in words
    (newest / "record.json").unlink()
    os.mkfifo(newest / "record.json")
    assert newest_words_using(Path(variants)) == words
