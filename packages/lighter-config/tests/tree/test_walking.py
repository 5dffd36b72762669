"""Every way through a tree uses ``walk`` and ``follow``: their order, and where they stop."""

import pytest

from lighter_config.sources.mapping_reader import node_of
from lighter_config.tree.node import MAX_DEPTH, Node
from lighter_config.tree.origins import Caller
from lighter_config.tree.walking import follow, walk


def tree_of(value: object) -> Node:
    return node_of(value, Caller("experiment.py", 1))


def test_walk_yields_parents_first_and_in_order() -> None:
    root = tree_of({"b": {"x": [1, {"y": 2}], "e": {}}, "a": [], 0: None})
    assert [path for path, _ in walk(root)] == [
        (),
        ("b",),
        ("b", "x"),
        ("b", "x", 0),
        ("b", "x", 1),
        ("b", "x", 1, "y"),
        ("b", "e"),
        ("a",),
        (0,),
    ]
    assert all(follow(root, path) == (node, path, ()) for path, node in walk(root))


def test_walk_starts_at_the_path_it_is_given() -> None:
    assert [path for path, _ in walk(tree_of({"x": 1}), ("a", 0))] == [("a", 0), ("a", 0, "x")]


def test_walk_leaves_out_what_is_skipped_with_all_below_it() -> None:
    root = tree_of({"a": {"off": True, "b": {"c": 1}}, "d": 2})
    skipped = walk(root, skip=lambda _, node: node.is_mapping and "off" in node.value)
    assert [path for path, _ in skipped] == [(), ("d",)]


def test_walk_reaches_the_deepest_level_without_recursion() -> None:
    value: object = 1
    for _ in range(MAX_DEPTH):
        value = {"a": value}
    *_, (path, node) = walk(tree_of(value))
    assert (len(path), node.value) == (MAX_DEPTH, 1)


@pytest.mark.parametrize(
    ("path", "reached", "rest"),
    [
        ((), (), ()),
        (("a", -1, "b"), ("a", 1, "b"), ()),
        (("a", 2), ("a",), (2,)),
        (("a", "b"), ("a",), ("b",)),
        (("copy", "x", "y"), ("copy",), ("x", "y")),
        ((0,), ("0",), ()),
        (("true",), (True,), ()),
        (("none", "x"), ("none",), ("x",)),
        (("vars", "x"), (), ("vars", "x")),
    ],
)
def test_follow_stops_where_the_path_ends(path, reached, rest) -> None:
    root = tree_of({"a": [1, {"b": 2}], "copy": "%a", "0": "zero", True: "yes", "none": None})
    found = follow(root, path)
    assert (found.path, found.rest) == (reached, rest)
    assert found.node is dict(walk(root))[reached]


def test_a_node_is_a_mapping_a_list_or_a_leaf() -> None:
    root = tree_of({"mapping": {}, "list": [], "leaf": None})
    kinds = {key: (child.is_mapping, child.is_list, child.is_leaf) for key, child in root.children()}
    assert kinds == {"mapping": (True, False, False), "list": (False, True, False), "leaf": (False, False, True)}
    assert [list(child.children()) for _, child in root.children()] == [[], [], []]
