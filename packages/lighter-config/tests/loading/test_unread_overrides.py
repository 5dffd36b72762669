"""Overrides that nothing reads are errors which name the path that is meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config import Config, ConfigError, MergeError, load

Load = Callable[..., Config]
EXPERIMENT = """\
vars: {batch_size: 8, lr: 0.1}
trainer: {_target_: collections.Counter}
system:
  optimizer: {lr: '@vars::lr'}
  size: '@vars::batch_size'
  seen: '@given'
"""


@pytest.mark.parametrize(
    ("word", "nearest"),
    [
        ("lr=0.1", ["vars::lr", "system::optimizer::lr"]),
        ("trainer:lr=3", ["trainer::lr", "vars::lr", "system::optimizer::lr"]),
        ("++trainer.max_epochs=3", ["trainer::max_epochs"]),
        ("vars::batc=8", ["vars::batch_size"]),
        ("vars.lr=3", ["vars::lr", "system::optimizer::lr"]),
        ("optimizer=adam", ["system::optimizer"]),
        ("trainr=3", ["trainer"]),
        ("lightning_module={}", ["model"]),
    ],
)
def test_argument_that_nothing_reads_names_paths_that_may_be_meant(load_texts: Load, word: str, nearest: list[str]):
    with pytest.raises(MergeError) as caught:
        load_texts(EXPERIMENT, words=(word,))
    (finding,) = caught.value.findings
    assert list(finding.nearest) == nearest
    assert str(finding.place) == "command line, word 2"
    assert finding.excerpt == word
    assert nearest[0] in finding.fix


@pytest.mark.parametrize(
    "word",
    ["given=3", "=other=3", "other+=3", "args::fit::ckpt_path=x", "seed=3", "trainer::max_epochs=3"],
)
def test_argument_that_is_read_or_asks_for_a_new_key_is_taken(load_texts: Load, word: str):
    load_texts(EXPERIMENT, words=(word,))


def test_argument_named_like_one_that_a_target_takes_names_its_path(load_texts: Load):
    with pytest.raises(MergeError) as caught:
        load_texts("trainer: {_target_: json.JSONEncoder}", words=("sort_keys=true",))
    assert caught.value.findings[0].nearest == ("trainer::sort_keys",)


def test_value_that_only_a_part_of_another_file_reads_is_taken(load_texts: Load, tmp_path: Path):
    (tmp_path / "part.yaml").write_text("net: {width: '@width'}\n")
    assert load_texts("a: '%part.yaml::net'", words=("width=3",)).resolve("a") == {"width": 3}


def test_several_arguments_that_nothing_reads_are_reported_together(load_texts: Load):
    with pytest.raises(MergeError) as caught:
        load_texts(EXPERIMENT, words=("lr=1", "batch_size=2"))
    assert [finding.path for finding in caught.value.findings] == ["lr", "batch_size"]


def test_load_takes_any_argument_when_it_is_not_strict():
    assert load([{"a": 1}, "b=2"], strict=False).tree == {"a": 1, "b": 2}


def test_arguments_alone_are_a_config(load_texts: Load):
    assert load_texts(words=("a=1",)).tree == {"a": 1}


def test_argument_that_a_later_file_overwrites_is_a_warning(tmp_path: Path):
    (tmp_path / "base.yaml").write_text("trainer:\n  max_epochs: 1\n")
    (note,) = load(["trainer::max_epochs=3", "base.yaml"]).notes
    assert "base.yaml:2:15" in note.message
    assert str(note.place).endswith(", argument 1")
    assert "after the files" in note.fix
    assert load(["base.yaml", "trainer::max_epochs=3"]).notes == ()
    assert load(["trainer::devices=3", "base.yaml"]).notes == ()


def test_name_that_only_a_reference_with_a_default_has_is_near(load_texts: Load):
    with pytest.raises(MergeError) as caught:
        load_texts("vars: {lr: 1}\na: '@vars::wd?0.1'", words=("vars::wdd=3",))
    assert caught.value.findings[0].fix == "write vars::wd=3"


@pytest.mark.parametrize(
    "word",
    [
        "api_key=hush-hush",
        "vars::password=hush-hush",
        "trainer.api_key='hush-hush'",
        "~trainer::api_key=hush-hush",
        "trainer/api_key=hush-hush",
        "=trainer::logger={api_key: hush-hush",
        "trainer::logger::x={token: [hush-hush, b}",
        "postgres=postgres://ann:hush-hush@host/runs",
    ],
)
def test_errors_of_loading_hide_secrets(load_texts: Load, word: str):
    with pytest.raises(ConfigError) as caught:
        load_texts(EXPERIMENT, words=(word,))
    assert "hush" not in f"{caught.value} {caught.value.args!r}"


def test_errors_of_loading_keep_references_to_secrets(load_texts: Load):
    word = "vars::api_key=$os.environ['KEY']"
    with pytest.raises(MergeError) as caught:
        load_texts(EXPERIMENT, words=(word,))
    assert caught.value.findings[0].excerpt == word
