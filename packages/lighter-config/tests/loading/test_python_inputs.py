"""Inputs from Python: their places name the call, and a config can be loaded with more inputs."""

import inspect
from pathlib import Path

import pytest

from lighter_config import Config, MergeError, SourceError, load, parse_sources


def here() -> str:
    """The file and the line of the caller, as places write them."""
    caller = inspect.stack()[1]
    return f"{caller.filename}:{caller.lineno}"


@pytest.fixture
def config() -> Config:
    Path("base.yaml").write_text("trainer: {max_epochs: 1, callbacks: [{a: 1}]}\nvars: {lr: 0.1}\nlr: '%vars'\n")
    return load(["base.yaml", "vars::lr=0.2"])


def test_place_of_an_override_names_the_call_and_the_argument() -> None:
    config, line = load([{"a": 1}, "a=2"]), here()
    assert str(config.place("a")) == f"{line}, argument 2"
    assert [str(place) for place in config.chain("a")] == [f"{line}, argument 2", line]


def test_messages_about_inputs_name_the_argument() -> None:
    with pytest.raises(SourceError) as caught:
        load(["nope.yaml", "a::::b=1", 5])  # type: ignore[list-item]
    places = [str(finding.place).rpartition(", ")[2] for finding in caught.value.findings]
    assert places == ["argument 1", "argument 2", "argument 3"]
    assert "command line" not in str(caught.value)
    with pytest.raises(MergeError) as merge_error:
        load([{"a": 1}, "b::c=2"])
    assert str(merge_error.value.findings[0].place).endswith(", argument 2")
    assert __file__ in str(merge_error.value)


def test_sources_of_the_command_line_say_so() -> None:
    config = load(parse_sources(["=a={b: 1}", "a::b=2"], from_command_line=True))
    assert [str(place) for place in config.chain("a::b")] == ["command line, word 2", "command line, word 1"]


def test_config_is_loaded_with_more_inputs_and_stays_as_it_is(config: Config) -> None:
    before = (config.expanded().tree, config.chain("vars::lr"), config.words)
    Path("more.yaml").write_text("trainer: {callbacks: [{b: 2}]}\n")
    mapping = {"trainer": {"max_epochs": 3}}
    changed = load([config, "vars::lr=0.3", "more.yaml", mapping])
    assert changed.expanded().tree == {
        "trainer": {"max_epochs": 3, "callbacks": [{"a": 1}, {"b": 2}]},
        "vars": {"lr": 0.3},
        "lr": {"lr": 0.3},
    }
    assert [str(place).rpartition(", ")[2] for place in changed.chain("vars::lr")][:2] == ["argument 2", "argument 2"]
    assert str(changed.chain("vars::lr")[2]) == "base.yaml:2:12"
    assert str(changed.place("trainer::callbacks::1::b")) == "more.yaml:1:27"
    assert changed.words == (
        "base.yaml",
        "vars::lr=0.2",
        "vars::lr=0.3",
        "more.yaml",
        str(mapping),
    )
    assert (config.expanded().tree, config.chain("vars::lr"), config.words) == before


def test_config_is_not_read_again(config: Config) -> None:
    Path("base.yaml").unlink()
    assert load(config).tree == config.tree
    assert load([config, "lr::x=1"]).expanded().get("lr") == {"lr": 0.2, "x": 1}


def test_notes_about_a_config_stay_when_more_is_loaded() -> None:
    Path("a.yaml").write_text("a: {b: 1}\n")
    config = load(["a.yaml", {"a": {}}])
    assert "merging the empty {} changes nothing" in config.notes[0].message
    assert load([config, "a::b=2"]).notes == config.notes


def test_override_that_nothing_reads_is_an_error_for_a_config_too() -> None:
    config = load({"vars": {"lr": 0.1}, "lr": "@vars::lr"})
    with pytest.raises(MergeError) as caught:
        load([config, "vars::lrr=1"])
    assert caught.value.findings[0].nearest[0] == "vars::lr"


def test_config_can_only_be_the_first_input(config: Config) -> None:
    with pytest.raises(SourceError, match="a Config can only be the first input") as caught:
        load(["base.yaml", config])
    assert str(caught.value.findings[0].place).endswith(", argument 2")


def test_name_of_a_run_is_looked_up_where_nothing_else_fits() -> None:
    asked: list[str] = []

    def look_up(word: str) -> Path | list[str]:
        asked.append(word)
        return Path("runs/one").absolute() if word == "one" else ["one"]

    Path("exp.yaml").write_text("a: 1\n")
    Path("folder").mkdir()
    sources = parse_sources(["exp.yaml", "a=2", "~b", {"c": 1}, "one"], look_up_run=look_up)
    assert (str(sources[-1]), sources[-1].word) == ("runs/one", 5)
    assert asked == ["one"]
    for word in ("nope.yaml", "x.ckpt", "folder", "runs/none", "a::b", ""):
        with pytest.raises(SourceError):
            parse_sources([word], look_up_run=look_up)
    assert asked == ["one"]
    with pytest.raises(SourceError, match="'onee' is neither a file, a run nor an override") as caught:
        parse_sources(["onee"], look_up_run=look_up)
    assert caught.value.findings[0].nearest == ("one",)
