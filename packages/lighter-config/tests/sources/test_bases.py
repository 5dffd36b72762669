"""``_base_``: the files that a file builds on."""

from pathlib import Path

import pytest

from lighter_config import CircularReferenceError, ConfigError, SourceError, load


@pytest.fixture
def write(tmp_path: Path):
    def write_it(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    return write_it


def test_base_is_read_before_the_keys_of_the_file(write):
    write("base.yaml", "lr: 0.1\ncallbacks: [{a: 1}]\nold: 1\n")
    write("exp.yaml", "callbacks: [{b: 2}]\nlr: 0.2\n_base_: base.yaml\n~old: null\n")
    config = load(["exp.yaml", "lr=0.3"])
    assert config.tree == {"lr": 0.3, "callbacks": [{"a": 1}, {"b": 2}]}
    assert [str(place) for place in config.chain("lr")[1:]] == ["exp.yaml:2:5", "base.yaml:1:5"]


def test_bases_are_relative_to_the_file_and_may_have_bases(write):
    write("conf/root.yaml", "a: 1\nb: 1\nc: 1\n")
    write("conf/parts/middle.yaml", "_base_: ../root.yaml\nb: 2\n")
    write("conf/other.yaml", "c: 3\n")
    write("conf/exp.yaml", "_base_: [parts/middle.yaml, other.yaml]\n")
    assert load("conf/exp.yaml").tree == {"a": 1, "b": 2, "c": 3}


def test_file_that_two_bases_share_is_read_once(write):
    write("root.yaml", "a: 1\ncallbacks: [{a: 1}]\n")
    write("left.yaml", "_base_: root.yaml\na: 2\n")
    write("right.yaml", "_base_: root.yaml\nb: 3\n")
    write("exp.yaml", "_base_: [left.yaml, right.yaml]\n")
    assert load("exp.yaml").tree == {"a": 2, "callbacks": [{"a": 1}], "b": 3}
    assert load(["root.yaml", "a=5", "left.yaml"]).tree == {"a": 2, "callbacks": [{"a": 1}]}


def test_part_of_another_file_knows_its_base(write):
    write("base.yaml", "net: {width: 3}\n")
    write("other.yaml", "_base_: base.yaml\nnet: {depth: 2}\n")
    write("exp.yaml", "a: '%other.yaml::net'\n")
    assert load("exp.yaml").resolve("a") == {"width": 3, "depth": 2}


def test_mapping_from_python_may_name_a_base(write):
    write("base.yaml", "a: 1\n")
    assert load([{"_base_": "base.yaml", "b": 2}]).tree == {"a": 1, "b": 2}


def test_files_that_are_bases_of_each_other_are_an_error(write):
    write("a.yaml", "_base_: b.yaml\n")
    write("b.yaml", "x: 1\n_base_: a.yaml\n")
    with pytest.raises(CircularReferenceError, match=r"circular _base_: a.yaml -> b.yaml -> a.yaml") as caught:
        load("a.yaml")
    assert str(caught.value.findings[0].place) == "b.yaml:2:9"


@pytest.mark.parametrize("base", ["3", "{a: 1}", "[[x]]", "''", "null", "'@x'"])
def test_base_that_is_not_the_name_of_a_file_is_an_error(write, base: str):
    write("exp.yaml", f"_base_: {base}\n")
    with pytest.raises(SourceError, match="_base_ must name a file") as caught:
        load("exp.yaml")
    assert str(caught.value.findings[0].place).startswith("exp.yaml:1:")


def test_base_that_does_not_exist_names_the_nearest(write):
    write("conf/base.yaml", "a: 1\n")
    write("conf/exp.yaml", "_base_: bas.yaml\n")
    with pytest.raises(SourceError, match=r"the _base_ 'bas.yaml' does not exist") as caught:
        load("conf/exp.yaml")
    (finding,) = caught.value.findings
    assert finding.nearest[0] == "base.yaml"
    assert finding.expected == ("a file, relative to conf",)


def test_base_as_an_argument_says_to_give_the_file(write):
    write("exp.yaml", "a: 1\n")
    with pytest.raises(ConfigError, match="read from files only"):
        load(["exp.yaml", "_base_=base.yaml"])


def test_base_that_does_not_exist_is_never_the_file_that_names_it(write):
    write("exp.yaml", "_base_: exp2.yaml\n")
    write("exp3.yaml", "a: 1\n")
    with pytest.raises(SourceError, match=r"the _base_ 'exp2.yaml' does not exist") as caught:
        load("exp.yaml")
    assert caught.value.findings[0].nearest == ("exp3.yaml",)
