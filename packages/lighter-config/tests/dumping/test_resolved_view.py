"""The values that are known without building anything."""

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from lighter_config import ConfigError, StdinSource, load, prune, resolved, to_yaml


def _tree(config: dict[Any, Any]) -> dict[Any, Any]:
    return resolved(load([config])).tree


def test_copies_references_and_expressions_are_written_out() -> None:
    tree = _tree(
        {
            "vars": {"lr": 0.1, "sizes": [1, 2], "name": "digits", "double": "$@vars::lr * 2", "same": "@vars::double"},
            "model": {"_target_": "torch.nn.Linear", "lr": "@vars::same", "again": "%::lr", "sizes": "@vars::sizes"},
            "text": '$f"{@vars::name}-{@vars::lr:.2f}"',
            "betas": "$(0.9, 1 - 0.001)",
        }
    )
    assert tree["vars"]["same"] == 0.2
    assert tree["model"] == {"_target_": "torch.nn.Linear", "lr": 0.2, "again": 0.2, "sizes": [1, 2]}
    assert (tree["text"], tree["betas"]) == ("digits-0.10", [0.9, 0.999])


@pytest.mark.parametrize(
    "written",
    [
        *("$os.environ['HOME']", "@vars::home", "$@vars::home + '/x'", "@net", "$@net.parameters()", "@nets"),
        *("$[x for x in [1]]", "$torch.tensor(1)", "@nowhere", "@value", "$@value + 1", "$1 +", "$mine * 2"),
        *("$math.pi", "${'_target_': 'torch.nn.ReLU'}", "@maybe", "$10 ** 10 ** 10", "${NAME}"),
    ],
)
def test_everything_else_stays_as_it_is_written(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "must-not-be-read")
    config = {
        "_imports_": {"mine": "no.such.module", "math": "no.such.module"},
        "vars": {"home": "$os.environ['HOME']"},
        "net": {"_target_": "no.such.Net"},
        "nets": [{"_target_": "no.such.Net"}],
        "maybe": {"_disabled_": True, "a": 1},
        "value": written,
    }
    assert _tree(config) == config


def test_text_that_looks_like_a_reference_keeps_its_backslash() -> None:
    tree = _tree({"a": r"\@b", "c": "@a", "d": "$'@' + 'b'", "e": "$@a + 'c'"})
    assert tree == {"a": r"\@b", "c": r"\@b", "d": r"\@b", "e": r"\@bc"}


def test_cycles_stay_as_they_are_written() -> None:
    config = {"a": "@b", "b": "$@c", "c": "@a", "d": "@d::e", "one": "$1 + 1"}
    assert _tree(config) == {**config, "one": 2}


def test_references_that_multiply_stop_at_a_limit() -> None:
    config: dict[str, Any] = {"v0": [1, 2]}
    for number in range(1, 40):
        config[f"v{number}"] = [f"@v{number - 1}", f"@v{number - 1}"]
    tree = _tree(config)
    assert tree["v2"] == [[[1, 2], [1, 2]], [[1, 2], [1, 2]]]
    assert tree["v39"] == ["@v38", "@v38"]


def test_a_long_chain_of_references_is_followed() -> None:
    config: dict[str, Any] = {"v0": 7}
    for number in range(1, 5_000):
        config[f"v{number}"] = f"@v{number - 1}"
    assert _tree(config)["v4999"] == 7


def test_the_result_runs_again_and_keeps_its_places(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("vars: {lr: 0.1}\nnet: {_target_: collections.Counter, lr: '$@vars::lr * 2', again: '@vars::lr'}\n")
    view = resolved(load([str(file)]))
    assert str(view.place("net::lr")).endswith("a.yaml:2:42")
    again = tmp_path / "b.yaml"
    again.write_text(to_yaml(view))
    assert load([str(again)]).resolve("net") == load([str(file)]).resolve("net")


def test_a_pruned_config_stays_pruned() -> None:
    config = prune(load([{"args": {"fit": {"a": "$1 + 1"}, "test": {"b": 1}}}]), "fit")
    view = resolved(config)
    assert view.tree == {"args": {"fit": {"a": 2}}}
    assert view.whole is config.whole


PIECES = st.one_of(
    st.sampled_from(["@a", "%b", "@c", "2", "0.5", "'x'", "[1]", "math.pi"]), st.integers(-3, 3).map(str)
)
CODE = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "//", "<", "==", "and"]), inner).map(
            lambda t: f"({' '.join(t)})"
        ),
        st.tuples(st.sampled_from(["len", "abs", "str", "int", "min", "round"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}]"),
        inner.map(lambda code: f"({code} if @a else None)"),
    ),
    max_leaves=6,
)
VALUES = st.one_of(st.integers(-3, 3), st.floats(-2, 2), st.text("ab\\@$", max_size=3), CODE.map("${}".format))


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries({"a": VALUES, "b": VALUES, "c": st.one_of(VALUES, st.lists(VALUES, max_size=2)), "d": VALUES})
)
def test_the_resolved_view_builds_the_same_values(mapping: dict[str, Any]) -> None:
    """What the view writes out is what building gives; what cannot be built is left as it is written."""
    config = load([mapping])
    view = resolved(config)
    again = load([StdinSource(to_yaml(view))])
    for name in mapping:
        try:
            expected = config.resolve(name)
        except ConfigError:
            continue
        assert repr(again.resolve(name)) == repr(expected)


def test_default_of_a_reference_is_a_value_that_is_known():
    config = resolved(
        load([{"vars": {"w": 2}, "a": "@vars::lr?0.1", "b": "$@{vars::n?3} * @vars::w", "c": "%vars::x?y"}])
    )
    assert config.tree == {"vars": {"w": 2}, "a": 0.1, "b": 6, "c": "y"}
