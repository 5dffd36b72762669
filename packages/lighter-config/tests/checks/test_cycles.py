"""A cycle of references is one finding, and building what is in it raises the same one."""

import pytest

from lighter_config import CircularReferenceError, check, load, prune

CYCLES = {
    "of copies": {"vars": {"a": "%vars::b", "b": "%vars::a", "c": "%vars::a"}},
    "of references": {"vars": {"a": "@vars::b", "b": "@vars::a", "c": "@vars::a"}},
    "of expressions": {"vars": {"a": "$@vars::b + 1", "b": "$@vars::c", "c": "$@vars::a"}},
    "of a reference to what holds it": {"vars": {"a": {"x": ["@vars::a"]}}},
    "of a copy of what holds it": {"vars": {"a": {"x": ["%vars::a"]}}},
    "of a reference below itself": {"vars": {"a": "@vars::a::x"}},
    "of two references below each other": {"vars": {"a": "@vars::b::x", "b": "@vars::a::x"}},
    "of a reference below one into itself": {"vars": {"a": "@vars::b::x", "b": {"x": "@vars::a::y"}}},
    "of three references below each other": {"a": "@b::x", "b": "@c", "c": "@a::x", "vars": "@a"},
}


@pytest.mark.parametrize("config", CYCLES.values(), ids=CYCLES)
def test_one_cycle_is_one_message_in_check_and_resolve(config: dict[str, object]) -> None:
    loaded = load({"trainer": {"x": "@vars"}, **config})
    found = [finding for finding in check(loaded) if "circular" in finding.message]
    assert len(found) == 1
    with pytest.raises(CircularReferenceError) as caught:
        loaded.resolve("trainer")
    assert [finding.message for finding in caught.value.findings] == [found[0].message]
    assert caught.value.findings[0].path == found[0].path


def test_a_cycle_reads_the_same_from_wherever_it_is_entered() -> None:
    messages = set()
    for path in ("a", "b", "c"):
        with pytest.raises(CircularReferenceError) as caught:
            load({"a": "@b", "b": {"x": "@c"}, "c": "@a"}).resolve(path)
        messages.add(str(caught.value))
    assert len(messages) == 1
    assert messages.pop().startswith("circular reference: a -> b::x -> c -> a\n")


@pytest.mark.parametrize("path", ["x", "y"])
def test_two_references_below_each_other_are_a_cycle(path: str) -> None:
    config = load({"x": "@y::k", "y": "@x::k"})
    with pytest.raises(CircularReferenceError) as caught:
        config.resolve(path)
    found = [finding.message for finding in check(config) if finding.check == "references"]
    assert found == [finding.message for finding in caught.value.findings] == ["circular reference: x -> y -> x"]


def test_a_reference_that_is_passed_twice_is_not_a_cycle() -> None:
    config = load({"x": "@p::k::z", "m": {"k": "@p::j", "j": {"z": 1}}, "p": "@m"})
    assert config.resolve("x") == 1
    assert not [finding for finding in check(config) if "circular" in finding.message]


def test_pruning_ends_where_a_reference_leads_below_itself() -> None:
    config = load({"x": "@x::k", "args": {"test": {"a": "@x"}}, "system": {"optimizer": 1}})
    assert prune(config, "test").tree == {"x": "@x::k", "args": {"test": {"a": "@x"}}, "system": {}}
