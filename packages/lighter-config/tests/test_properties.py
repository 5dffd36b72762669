"""Properties that hold for every config, checked on random ones."""

import cProfile
import math
import pstats

import hypothesis.strategies as st
from hypothesis import HealthCheck, assume, given, settings

from lighter_config import diff, format_path, load, parse_path, prune, to_yaml
from lighter_config.sources.mapping_reader import node_of
from lighter_config.sources.yaml_reader import read_mapping
from lighter_config.tree.origins import Caller, Document
from lighter_config.tree.walking import holds_mappings

PROPERTY = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))

NAMES = st.sampled_from(["a", "b", "c", "lr", "x y", "0", "C#", "é"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8)
    .filter(lambda text: not text.startswith(("@", "%", "$")))
    .filter(lambda text: text.isprintable()),
    st.sampled_from(["1e-3", "yes", "null", "", "~", "...", "<<", "010", "\\@x", "50%", "a: b"]),
)
TREES = st.recursive(
    LEAVES, lambda child: st.lists(child, max_size=3) | st.dictionaries(NAMES, child, max_size=3), max_leaves=12
)
MAPPINGS = st.dictionaries(NAMES, TREES, min_size=1, max_size=4)
LITERAL = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.sampled_from(["text", "1e-3"]))


def paths_of(config):
    return [path for path, _ in config.walk()]


def as_word(value):
    return (
        "'" + value + "'"
        if isinstance(value, str)
        else {None: "null", True: "true", False: "false"}.get(value, str(value))
    )


def edited(tree, path, value):
    """Return a copy of a plain tree with one value written in place."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = edited(tree[path[0]], path[1:], value)
    return copy


@PROPERTY
@given(MAPPINGS)
def test_dump_loads_back_equal(mapping):
    config = load(mapping)
    text = to_yaml(config)
    assert load({"x": 1}).tree == {"x": 1}
    again = read_mapping(text, Document("dump.yaml", text)).plain()
    assert again == config.tree
    assert diff(load(again), config) == []


@PROPERTY
@given(MAPPINGS, st.data())
def test_override_equals_an_edit_of_the_merged_config(mapping, data):
    config = load(mapping)
    paths = [path for path in paths_of(config) if "/" not in format_path(path) and "0" not in path]
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    value = data.draw(LITERAL)
    word = f"{format_path(path)}={as_word(value)}"
    assert load([mapping, word]).tree == edited(config.tree, path, value)


@PROPERTY
@given(MAPPINGS)
def test_every_leaf_and_every_container_has_a_place(mapping):
    config = load([mapping, {"a": {"b": [1, {"c": 2}]}, "copy": "%a"}])
    for path, _ in (*config.walk(), *config.expanded().walk()):
        assert config.place(format_path(path)) is not None
        assert config.chain(format_path(path))


@PROPERTY
@given(MAPPINGS, MAPPINGS, MAPPINGS)
def test_merging_is_associative(first, second, third):
    def merged(*sources):
        return load(list(sources)).tree

    assert merged(first, second, third) == merged(merged(first, second), third) == load([first, second, third]).tree
    # the other grouping, where no list is replaced, and no list or leaf meets a mapping
    assume(_shape_agrees(first, second) and _shape_agrees(second, third) and _shape_agrees(first, third))
    assert merged(first, second, third) == merged(first, merged(second, third))


def _shape_agrees(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_shape_agrees(one[key], other[key]) for key in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return holds_mappings(node_of({"list": other}, Caller("test", 1)).value["list"])  # another list replaces
    return not isinstance(one, dict | list) and not isinstance(other, dict | list)


@PROPERTY
@given(MAPPINGS, NAMES, TREES)
def test_deleting_and_adding_is_replacing(mapping, name, value):
    assume(name in mapping)
    deleted = load([mapping, {f"~{name}": None, name: value}])
    replaced = load([mapping, {f"={name}": value}])
    assert deleted.tree == replaced.tree
    assert load([mapping, {name: value, f"~{name}": None}]).tree == deleted.tree


@PROPERTY
@given(MAPPINGS, st.permutations(["~a", "=b", "c", "lr::new"]))
def test_order_inside_one_mapping_does_not_matter(mapping, order):
    base = {"a": 1, "b": {"x": 1}, "c": {"y": 1}, "lr": {"old": 1}}
    change = {"~a": None, "=b": mapping, "c": mapping, "lr::new": 5}
    assert load([base, {key: change[key] for key in order}]).tree == load([base, change]).tree


@PROPERTY
@given(MAPPINGS, st.lists(st.sampled_from(["v::a=1", "t::b=2", "v::new={x: 1}", "t::new2=[1]"]), unique=True))
def test_result_of_patches_does_not_depend_on_order_of_sources(mapping, words):
    sources = [{"t": {**mapping, "a": 0, "b": 0}, "v": "%t"}]
    assert load([*sources, *words]).expanded().tree == load([*sources, *reversed(words)]).expanded().tree


@PROPERTY
@given(
    MAPPINGS,
    st.lists(st.sampled_from(["v::a=1", "v::l+=5", "~v::b", "v::l::0=9", "=v::m={z: 1}", "~v::m::y"]), unique=True),
)
def test_dump_of_a_patched_copy_loads_back_equal(mapping, words):
    tree = {"t": {**mapping, "a": 0, "b": 0, "l": [1, 2], "m": {"y": 1, "w": 2}}, "v": "%t"}
    config = load([tree, *words])
    assume(not any(note.severity == "error" for note in config.expanded().notes))
    text = to_yaml(config)
    again = load(read_mapping(text, Document("dump.yaml", text)).plain())
    assert again.expanded().tree == config.expanded().tree
    assert again.tree == config.tree


PARTS = ["model", "optimizer", "scheduler", "criterion"]
MODES = ["train", "val", "test", "predict"]
REFERENCES = st.sampled_from(
    [f"@system::{part}" for part in PARTS]
    + [f"@system::dataloaders::{mode}" for mode in MODES]
    + [f"@system::dataloaders::{mode}::k" for mode in MODES]
    + [f"$[@system::metrics::{mode}]" for mode in MODES[:3]]
    + [1]
)


@PROPERTY
@given(
    st.fixed_dictionaries(
        {
            **dict.fromkeys(PARTS, st.fixed_dictionaries({"r": REFERENCES})),
            "dataloaders": st.fixed_dictionaries(
                dict.fromkeys(MODES, st.fixed_dictionaries({"k": st.just(1), "r": REFERENCES}))
            ),
            "metrics": st.fixed_dictionaries(dict.fromkeys(MODES[:3], REFERENCES)),
        }
    ),
    st.sampled_from(["fit", "validate", "test", "predict"]),
)
def test_pruning_never_removes_what_a_kept_part_refers_to(system, stage):
    from lighter_config.tree.references import find_references

    pruned = prune(load({"system": system}), stage)
    for _, value in pruned.walk():
        if isinstance(value, str):
            for reference in find_references(value):
                assert pruned.has(format_path(reference.path))


@PROPERTY
@given(st.lists(st.one_of(st.integers(-9, 9), st.text("ab:#\\~=0 ", min_size=1, max_size=5)), min_size=1, max_size=4))
def test_path_is_read_back_as_it_was_written(segments):
    assume(all(not isinstance(segment, str) or _is_writable(segment) for segment in segments))
    assert parse_path(format_path(tuple(segments))) == tuple(segments)


def _is_writable(segment):
    """What a path cannot say: text that begins or ends with ``:``, backslashes of its own, text that is an index."""
    is_index = segment.lstrip("-").isdigit()
    return "\\" not in segment and not segment.startswith(":") and not segment.endswith(":") and not is_index


def test_nan_survives_a_dump():
    assert math.isnan(read_mapping(to_yaml(load({"a": math.nan})), Document("d", "")).plain()["a"])


def test_work_grows_with_the_size_of_the_config_and_not_faster():
    # rule 11.1: each of these was quadratic before this test
    def calls(count):
        profile = cProfile.Profile()
        paths = {f"a::k{number}::x": number for number in range(count)}
        copies = {f"c{number}": "%t" for number in range(count)}
        inside = {f"k{number}": f"@system::dataloaders::train::d{number}" for number in range(count)}
        loaders = {"train": {f"d{number}": number for number in range(count)}}
        profile.enable()
        load(paths)
        to_yaml(load([{"t": {"x": 1, "y": 1}, **copies}, *[f"c{number}::x=5" for number in range(count)]]))
        prune(load({"system": {"model": inside, "dataloaders": loaders}}), "test").resolve("system")
        profile.disable()
        return pstats.Stats(profile).total_calls

    calls(10)
    assert calls(1_000) < 11 * calls(100)
