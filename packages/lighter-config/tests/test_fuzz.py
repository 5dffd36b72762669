"""Whatever comes in, only kinds of ConfigError come out. `HYPOTHESIS_MAX_EXAMPLES` makes the run longer, and random."""

import contextlib
import os
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from lighter_config import CircularReferenceError, ConfigError, diff, load, prune, to_yaml
from lighter_config.sources.decoding import decode
from lighter_config.sources.yaml_reader import read_mapping
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.origins import Document
from lighter_config.tree.references import find_references

LONG = "HYPOTHESIS_MAX_EXAMPLES" in os.environ
SETTINGS = settings(
    max_examples=int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "300")),
    derandomize=not LONG,  # an ordinary run fails for what was changed, not by chance
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SIGNS = ": :: = ~ += - -1 [ ] { } , ' \" | > & * &a *a << @ % $ # ! !! ? ... --- @a %a $@a %::b @::a ${a} \\"
SPACES = (" ", "\n", "\n  ", ": ", "- ", "\t", "é", "\0", "\ud800", "\u2028")
PIECES = st.sampled_from([*["a", "b", "0", "_target_", "null", "1e3"], *SIGNS.split(), *SPACES])
TEXTS = st.lists(PIECES, max_size=25).map("".join)


def used(config):
    """Do everything with a config that does not build."""
    for action in (to_yaml, lambda c: c.notes, lambda c: c.expanded().notes, lambda c: prune(c, "fit").tree):
        with contextlib.suppress(ConfigError):
            action(config)
    for path, _ in list(config.walk())[:20]:
        config.place("::".join(map(str, path))) if all(map(str, path)) else None
    diff(config, config)


@SETTINGS
@given(st.binary(max_size=200))
def test_random_bytes(content):
    try:
        text = decode(content, "x.yaml")
        read_mapping(text, Document("x.yaml", text))
    except ConfigError:
        pass


@SETTINGS
@given(TEXTS)
def test_random_yaml(text):
    Path("x.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config = load("x.yaml")
    except ConfigError:
        return
    with contextlib.suppress(ConfigError):
        used(config)


@SETTINGS
@given(st.lists(TEXTS, max_size=4))
def test_random_words(words):
    base = {"a": {"b": [1, {"0": "%a::c"}], "c": {"d": "@a"}}, "b": "%a"}
    with contextlib.suppress(ConfigError):
        used(load([base, *(word for word in words if word != "-")]))


KEYS = st.lists(st.sampled_from(["a", "b", "0", "1", "-1", "~a", "=a", "x y"]), min_size=1, max_size=3).map("::".join)
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(0, 2), st.sampled_from(["%a", "%b::a", "@b", "%::a", "$@a", "x"])),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(KEYS | st.integers(0, 1), child, max_size=3),
    max_leaves=8,
)


@SETTINGS
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=3))
def test_random_mappings_with_operators(mappings):
    try:
        config = load(mappings)
    except ConfigError:
        return
    used(config)
    if any(note.severity == "error" for note in config.expanded().notes):
        return  # changes to a copy that cannot be made cannot be written in another order either
    Path("dump.yaml").write_text(to_yaml(config), encoding="utf-8")
    again = load("dump.yaml")
    assert again.tree == config.tree
    assert again.expanded().tree == config.expanded().tree


@SETTINGS
@given(st.lists(VALUES, max_size=3))
def test_building_random_values(values):
    with contextlib.suppress(ConfigError, TypeError, AttributeError, KeyError, ZeroDivisionError):
        load({"a": values[:1], "b": values[1:]}).resolve()


def test_list_that_holds_copy_of_itself_is_circle_in_python_too():
    """The copies of a reference in a mapping were not known to be copies, and their ancestry doubled with each."""
    for tree in ({"a": ["%a"], "b": [{"0": "%a"}]}, {"a": [{"x": "%b"}], "b": ["%a", "%a"]}):
        with pytest.raises(CircularReferenceError):
            load(tree).resolve()


@SETTINGS
@given(TEXTS)
def test_random_expressions(text):
    for value in ("$" + text, "@" + text, "%" + text):
        try:
            find_references(value)
            parse_expression("$" + text)
        except ConfigError:
            pass


def test_deeply_nested_expressions_end_in_an_answer_or_an_error():
    for text in (
        "$" + "(" * 4_000 + "1" + ")" * 4_000,
        "$" + "-" * 9_000 + "1",
        "$" + "f'{" * 100 + "1" + "}'" * 100,
        "$" + "+1" * 4_500,
    ):
        with contextlib.suppress(ConfigError):
            load({"a": text}).resolve("a")


def test_deep_words_and_mappings_end_in_an_error():
    for source in (
        "a=" + "[" * 3_000 + "]" * 3_000,
        "::".join("a" * 3_000) + "=1",
        "a=" + "{a: " * 1_000 + "}" * 1_000,
    ):
        try:
            load([source])
        except ConfigError:
            continue
        raise AssertionError(source[:20])
