"""``_name_``: items of a list that a path names."""

import pytest

from lighter_config import Config, MergeError, load, to_yaml

CALLBACKS = """\
callbacks:
  - {_target_: collections.Counter, a: 1}
  - {_target_: collections.Counter, _name_: ema, decay: 0.9}
"""


def test_name_reaches_an_item_from_the_command_line(load_texts):
    config: Config = load_texts(CALLBACKS, words=("callbacks::ema::decay=0.5",))
    assert config.get("callbacks::1::decay") == config.get("callbacks::ema::decay") == 0.5
    assert config.get("callbacks::0") == {"_target_": "collections.Counter", "a": 1}


def test_name_reaches_an_item_from_a_later_file(load_texts):
    later = "callbacks::ema: {decay: 0.5}\ncallbacks: [{_target_: collections.Counter, _name_: late}]\n"
    config = load_texts(CALLBACKS, later, words=("callbacks::late::x=1",))
    assert config.get("callbacks::ema::decay") == 0.5
    assert config.get("callbacks::2::x") == 1


@pytest.mark.parametrize("word", ["~callbacks::ema", "~callbacks=[ema]", "~callbacks::1"])
def test_name_or_index_deletes_an_item(load_texts, word):
    assert load_texts(CALLBACKS, words=(word,)).tree == {"callbacks": [{"_target_": "collections.Counter", "a": 1}]}


def test_name_in_a_file_deletes_an_item(load_texts):
    assert len(load_texts(CALLBACKS, "~callbacks::ema: null").tree["callbacks"]) == 1
    assert len(load_texts(CALLBACKS, "~callbacks: [ema]").tree["callbacks"]) == 1


def test_what_replaces_an_item_keeps_its_name(load_texts):
    config = load_texts(
        CALLBACKS, words=("=callbacks::ema={_target_: collections.Counter, x: 1}", "callbacks::ema::x=2")
    )
    assert config.get("callbacks::1") == {"_target_": "collections.Counter", "x": 2, "_name_": "ema"}


def test_name_is_not_an_argument_of_the_component(load_texts):
    config = load_texts(CALLBACKS)
    assert config.resolve("callbacks::ema") == {"decay": 0.9}
    assert load([{"groups": [{"_name_": "first", "lr": 1}]}]).resolve("groups") == [{"lr": 1}]


def test_reference_leads_to_an_item_by_name(load_texts):
    config = load_texts(CALLBACKS + "decay: '@callbacks::ema::decay'\ncopy: '%callbacks::ema'\ncopy::decay: 1\n")
    assert config.resolve("decay") == 0.9
    assert config.resolve("copy") == {"decay": 1}


def test_written_config_keeps_the_names(load_texts):
    assert "_name_: ema" in to_yaml(load_texts(CALLBACKS))


@pytest.mark.parametrize("name", ["''", "3", "'3'", "a::b", "null", "true"])
def test_name_that_a_path_cannot_have_is_an_error(load_texts, name):
    with pytest.raises(MergeError, match="must be a name") as caught:
        load_texts(f"a: [{{_name_: {name}}}]")
    assert str(caught.value.findings[0].place).startswith("a.yaml:1:")


def test_name_given_twice_is_an_error_with_both_places(load_texts):
    with pytest.raises(MergeError, match="two items of callbacks are named 'ema'") as caught:
        load_texts(CALLBACKS, "callbacks: [{_name_: ema}]")
    (finding,) = caught.value.findings
    assert str(finding.place) == "b.yaml:1:22"
    assert "a.yaml:3:" in finding.fix
    assert "callbacks::ema::" in finding.fix
    with pytest.raises(MergeError, match="are named"):
        load([{"a": [{"_name_": "x"}, {"_name_": "x"}]}])


def test_mistyped_name_of_an_item_names_the_nearest(load_texts):
    for word in ("callbacks::emma::decay=1", "~callbacks::emma", "callbacks::emma=1"):
        with pytest.raises(MergeError, match="'emma' is not an index or a name of the list callbacks") as caught:
            load_texts(CALLBACKS, words=(word,))
        assert caught.value.findings[0].nearest == ("ema",)
