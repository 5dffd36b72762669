"""docs/reference/config-language.md, rules 9.1 and 9.2: the chain of places stays right through every operation."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config import Config, load, to_yaml

CHAINS = {
    "an override": (
        ["a: {b: 1}", "a: {b: 2}"],
        ["a::b=3"],
        "a::b",
        ["command line, word 3", "b.yaml:1:8", "a.yaml:1:8"],
    ),
    "an untouched neighbour": (["a: {b: 1, c: 2}"], ["a::b=3"], "a::c", ["a.yaml:1:14"]),
    "a mapping that was merged": (["a: {b: 1}", "a: {c: 1}"], [], "a", ["b.yaml:1:4", "a.yaml:1:4"]),
    "an appended item": (["a: [x]", "+a: [y]"], [], "a::1", ["b.yaml:1:6"]),
    "an item before an append": (["a: [x]", "+a: [y]"], [], "a::0", ["a.yaml:1:5"]),
    "an item after a deletion": (["a: [x, y, z]", "~a: [0]"], [], "a::0", ["a.yaml:1:8"]),
    "a replaced section": (["a: {b: 1}", "=a: {b: 2}"], [], "a::b", ["b.yaml:1:9", "a.yaml:1:8"]),
    "an item by index": (["a: [{b: 1}]"], ["a::0::b=2"], "a::0::b", ["command line, word 2", "a.yaml:1:9"]),
    "an appending word": (["a: [1]"], ["a+=2"], "a::1", ["command line, word 2"]),
    "an item of a word": (["b: 1"], ["=a=[1, {c: 2}]"], "a::1::c", ["command line, word 2"]),
    "a copy": (["a: {b: 1}\nc: '%a'"], [], "c::b", ["copied by % from a.yaml:1:8"]),
    "a copy of an override": (
        ["a: {b: 1}\nc: '%a'"],
        ["a::b=2"],
        "c::b",
        ["copied by % from command line, word 2", "a.yaml:1:8"],
    ),
    "a patched copy": (
        ["a: {b: 1}\nc: '%a'"],
        ["c::b=2"],
        "c::b",
        ["command line, word 2", "copied by % from a.yaml:1:8"],
    ),
    "the root of a copy": (["a: {b: 1}\nc: '%a'"], [], "c", ["a.yaml:2:4"]),
    "an alias": (["a: &a {b: 1}\nc: *a"], [], "c::b", ["via alias at a.yaml:2:4, from a.yaml:1:11"]),
    "a path as key": (["a: {b: 1}", "a::b: 2"], [], "a::b", ["b.yaml:1:7", "a.yaml:1:8"]),
}


@pytest.mark.parametrize(("files", "words", "path", "chain"), CHAINS.values(), ids=CHAINS)
def test_chain_names_every_place_newest_first(load_texts, files, words, path, chain):
    config = load_texts(*files, words=tuple(words))
    assert [str(place) for place in config.chain(path)] == chain


def test_excerpt_is_the_line_or_the_word(load_texts):
    config = load_texts("a:\n  b: 1  # why\n  c: 2\n", words=("a::c=5",))
    assert config.excerpt("a::b") == "b: 1  # why"
    assert config.excerpt("a::c") == "a::c=5"
    assert config.excerpt("nowhere") == ""


def test_excerpt_of_a_copy_is_the_text_that_was_copied(load_texts, tmp_path):
    (tmp_path / "other.yaml").write_text("first: 1\nsecond: 2\n")
    config = load_texts("\n\na: 5\nb: '%a'\nc: '%other.yaml::second'\nd: {e: '%c'}\n").expanded()
    for path, line, key_line, number in (
        ("b", "a: 5", "b: '%a'", 4),
        ("c", "second: 2", "c: '%other.yaml::second'", 5),
        ("d::e", "second: 2", "d: {e: '%c'}", 6),
    ):
        assert config.excerpt(path) == line
        assert config.key_excerpt(path) == key_line
        place = config.key_place(path)
        assert (place.source, place.line) == ("a.yaml", number)


def test_key_place_is_where_the_key_stands(load_texts):
    config = load_texts("a:\n  lr: 1\n  l:\n    - 5\n")
    assert str(config.key_place("a::lr")) == "a.yaml:2:3"
    assert str(config.place("a::lr")) == "a.yaml:2:7"
    assert str(config.key_place("a::l::0")) == "a.yaml:4:7"
    assert config.key_place("b") is config.place("b") is None
    assert config.chain("b") == ()


def test_saved_and_loaded_config_has_the_places_of_the_saved_file(load_texts):
    config = load_texts("a: {b: 1}\nv: '%a'\n", words=("v::b=2", "a::c=3"))
    Path("saved.yaml").write_text(to_yaml(config))
    again = load(["saved.yaml", "a::b=9"])
    lines = Path("saved.yaml").read_text().splitlines()
    for path, _ in again.walk():
        name = "::".join(map(str, path))
        assert again.chain(name)
    assert lines[again.place("a::c").line - 1].strip() == "c: 3"
    assert [str(place) for place in again.chain("a::b")][1:] == ["saved.yaml:2:6"]
    assert str(again.place("v::b")).startswith("saved.yaml:5")


def test_values_are_read_through_a_copy(load_texts):
    config = load_texts("a: {b: {c: 1}}\nv: '%a'\n", words=("v::b::d=2",))
    assert config.get("v::b") == {"c": 1, "d": 2}
    assert config.has("v::b::c")
    assert not config.has("v::x")
    assert config.get("v") == "%a"
    assert config.get("v::x", None) is None


def test_history_of_value_shows_what_user_wrote_at_each_place(load_texts: Callable[..., Config]) -> None:
    config = load_texts("trainer:\n  max_epochs: 20\n", "trainer: {max_epochs: 10}\n", words=("trainer::max_epochs=3",))
    assert [(str(place), text) for place, text, _ in config.history("trainer::max_epochs")] == [
        ("command line, word 3", "trainer::max_epochs=3"),
        ("b.yaml:1:23", "trainer: {max_epochs: 10}"),
        ("a.yaml:2:15", "max_epochs: 20"),
    ]
    assert config.history("trainer::max_epoch") == ()


def test_the_history_of_a_copy_shows_the_line_that_was_copied(load_texts: Callable[..., Config]) -> None:
    history = load_texts("a: 1\nb: '%a'\n").expanded().history("b")
    assert [(str(place), text) for place, text, _ in history] == [
        ("copied by % from a.yaml:1:4", "a: 1"),
        ("a.yaml:2:4", "b: '%a'"),
    ]
