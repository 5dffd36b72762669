"""``@path?default``: the value of a reference that leads nowhere."""

import pytest

from lighter_config import ReferenceNotFoundError, Severity, check, load, to_yaml

VALUES = {"?1e-3": 0.001, "?": "", "?null": None, "?true": True, "?a b": "a b", "?1?2": "1?2"}


@pytest.mark.parametrize("kind", ["@", "%"])
@pytest.mark.parametrize(("default", "value"), VALUES.items(), ids=VALUES)
def test_default_is_the_value_where_the_path_leads_nowhere(load_texts, kind, default, value):
    config = load_texts(f"vars: {{}}\na: '{kind}vars::lr{default}'\n")
    assert config.resolve("a") == value
    assert check(config, checks=[]) == []


@pytest.mark.parametrize("kind", ["@", "%"])
def test_value_that_is_there_wins_over_the_default(load_texts, kind):
    text = f"vars: {{none: null}}\na: '{kind}vars::lr?1'\nb: '{kind}vars::none?1'\n"
    assert load_texts(text, words=("vars::lr=5",)).resolve() == {"vars": {"none": None, "lr": 5}, "a": 5, "b": None}


def test_default_in_an_expression_stands_in_braces(load_texts):
    config = load_texts("vars: {x: 1}\na: '$@{vars::lr?0.5} * 2 + @{vars::x?7}'\nb: '$f\"{@{vars::name?run}}_1\"'\n")
    assert config.resolve("a") == 2.0
    assert config.resolve("b") == "run_1"


def test_default_follows_a_copy(load_texts):
    text = "base: {net: {width: '@::size?4', other: '@base::net::size?2'}}\nbig: '%base::net'\nbig::size: 9\n"
    config = load_texts(text)
    assert config.resolve("base::net") == {"width": 4, "other": 2}
    assert config.resolve("big") == {"width": 9, "other": 9, "size": 9}


def test_default_of_another_file_holds_for_path_not_for_file(load_texts, tmp_path):
    (tmp_path / "other.yaml").write_text("lr: 3\n")
    assert load_texts("a: '%other.yaml::lr?1'\nb: '%other.yaml::size?1'\n").resolve() == {"a": 3, "b": 1}
    with pytest.raises(ReferenceNotFoundError, match=r"missing.yaml"):
        load_texts("a: '%missing.yaml::lr?1'\n").resolve("a")


def test_default_stays_in_what_is_written(load_texts):
    assert load_texts(to_yaml(load_texts("a: '@b?1'\nc: '%b?2'\n"))).tree == {"a": "@b?1", "c": "%b?2"}


def test_default_beside_a_similar_name_is_a_warning():
    config = load([{"vars": {"learning_rate": 1}, "a": "@vars::learning_rat?3"}])
    findings = [finding for finding in check(config) if finding.check == "references"]
    assert [(finding.severity, finding.nearest) for finding in findings] == [
        (Severity.WARNING, ("vars::learning_rate",))
    ]


def test_default_that_is_a_reference_is_an_error(load_texts):
    with pytest.raises(ReferenceNotFoundError, match="must be a plain value"):
        load_texts("a: '@b?@c'\n").resolve("a")
