"""docs/reference/config-language.md, rules 10.1 to 10.3: a config as text, and back."""

from pathlib import Path

import pytest

from lighter_config import DumpError, load, to_yaml

TEXTS = {
    "references": "vars: {lr: 1e-3}\na: {x: '@vars::lr', y: '%vars', z: $@vars::lr * 2}\n",
    "strings that look like something else": (
        "a: ['1e-3', 'yes', 'null', '010', '~', '', '1_000', '...', '@x', 'off', ' x', 'a: b', '#c']"
    ),
    "a patched reference": "t: {x: 1, y: {z: 1}, l: [1, 2]}\nv: '%t'\nv::x: 2\nv::y::w: 3\n",
    "a deletion in a copy": "t: {x: 1, y: {z: 1}, l: [1, 2]}\nv: '%t'\n~v::y: null\n~v::l::0: null\n",
    "a replaced mapping in a copy": "t: {y: {z: 1}}\nv: '%t'\n=v::y: {w: 1}\n",
    "an appended list in a copy": "t: {l: [{a: 1}]}\nv: '%t'\nv::l: [{b: 1}]\nv::l::0::a: 5\n",
    "a copy in a list": "t: [{x: 1}, '%::0']\nt::1::x: 2\n",
    "a copy of a patched copy": "t: {x: 1}\nv: '%t'\nv::x: 2\nw: '%v'\nw::y: 3\n",
    "keys that look like operators": "\\~k: 1\n\\=k: 2\na\\::b: 3\na\\#b: 4\n'<<': 5\n'1': 6\n1: 7\nnull: 8\n",
    "numbers": "a: [.inf, -.inf, 1e300, 1e-9, -0.0, 123456789012345678901234567890, 0.1]",
    "long and odd text": 'a: "two\\nlines\\n"\nb: \' lead\'\nc: "\\x07\\u2028\\u00e9"\nd: ' + "word " * 60,
    "a deletion in a copied list": "t: [1, 2, 3]\nv: '%t'\n~v: [0]\n",
    "an item of a copied list": "t: [{x: 1}, 2]\nv: '%t'\nv::0::x: 3\n",
    "a copied leaf that became a mapping": "t: null\nv: '%t'\nv::x: 3\n",
    "empty": "",
    "empty parts": "a: {}\nb: []\nc: null\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_dump_loads_back_equal(load_texts, text):
    config = load_texts(text)
    Path("dump.yaml").write_text(to_yaml(config), encoding="utf-8")
    again = load("dump.yaml")
    assert again.tree == config.tree
    assert again.expanded().tree == config.expanded().tree
    assert to_yaml(again) == to_yaml(config)


def test_patched_reference_is_written_as_a_path_beside_it(load_texts):
    config = load_texts("train: {batch_size: 8, n: 1}\nval: '%::train'\n", "val: {batch_size: 1}\n")
    assert to_yaml(config).splitlines()[-2:] == ["val: '%::train'", "val::batch_size: 1"]


def test_copied_list_that_a_word_extended_is_written_whole(load_texts):
    text = "t: [{p: 1}]\nv: '%t'\nm: {l: '%t'}\nn: '%m'\n"
    config = load_texts(text, words=("v+={z: 1}", "v::0::p=3", "n::l+=5"))
    Path("dump.yaml").write_text(to_yaml(config))
    assert load("dump.yaml").expanded().tree == config.expanded().tree
    assert config.expanded().get("v") == [{"p": 3}, {"z": 1}]
    assert config.expanded().get("n") == {"l": [{"p": 1}, 5]}


def test_saved_config_still_reaches_everything_that_refers(load_texts):
    # a saved config that freezes its references trains with the old batch size
    config = load_texts("vars: {bs: 64}\na: '%vars::bs'\nb: '@vars::bs'\nc: $@vars::bs + 1\n")
    Path("saved.yaml").write_text(to_yaml(config))
    assert load(["saved.yaml", "vars::bs=128"]).resolve() == {"vars": {"bs": 128}, "a": 128, "b": 128, "c": 129}


def test_patch_that_cannot_be_applied_is_still_written(load_texts):
    config = load_texts("v: '%nowhere'\nv::x: 1\n")
    assert config.tree == {"v": "%nowhere", "v::x": 1}


def test_standalone_dump_needs_no_other_file_and_no_folder():
    Path("parts").mkdir()
    Path("parts/net.yaml").write_text("lr: 7\nnet: {depth: 18, lr: '@lr', own: '%::depth'}\n")
    Path("parts/exp.yaml").write_text("project: ./code\na: '%net.yaml::net'\na::depth: 50\nb: '%a'\n")
    Path("code").mkdir()
    config = load("parts/exp.yaml")
    text = to_yaml(config, standalone=True)
    folder = str(Path("code").absolute())
    before = config.resolve("a"), config.resolve("b")
    for path in Path("parts").iterdir():
        path.unlink()
    Path("saved.yaml").write_text(text)
    again = load("saved.yaml")
    assert "net.yaml::net" not in text
    assert again.get("project") == folder
    assert (again.resolve("a"), again.resolve("b")) == before == ({"depth": 50, "lr": 7, "own": 50},) * 2


def test_object_without_a_form_in_yaml_is_an_error_with_its_path():
    # no safe loader reads `!!python/object` back
    with pytest.raises(DumpError) as caught:
        to_yaml(load({"a": {"b": object()}}))
    assert caught.value.findings[0].path == "a::b"
    assert caught.value.findings[0].place is not None


def test_names_of_files_and_tuples_become_yaml():
    assert to_yaml(load({"a": Path("x/y"), "b": (1, 2)})) == "a: x/y\nb: [1, 2]\n"


DOUBTFUL = (
    "a: ...\nb: [..., yes, '...', 'yes']\nc: {d: None, e: nan, f: 'off', g: off}\nt: {x: 1}\nv: '%t'\nv::x: ...\n"
)


@pytest.mark.parametrize("standalone", [False, True])
def test_doubtful_text_without_quotes_is_dumped_without_them(load_texts, standalone):
    # a quoted `...` made `lighter show a.yaml > b.yaml` a config that every check accepts
    config = load_texts(DOUBTFUL, words=("=w=no", "=x='no'"))
    text = to_yaml(config, standalone=standalone)
    Path("dump.yaml").write_text(text)
    again = load("dump.yaml")
    assert text.splitlines()[1] == "b: [..., yes, '...', 'yes']"
    assert again.expanded().tree == config.expanded().tree
    assert [note.message for note in again.expanded().notes] == [note.message for note in config.expanded().notes]
    assert len(config.expanded().notes) == 8


def test_placeholder_is_dumped_beside_characters_for_private_use(load_texts):
    config = load_texts("a: ...\nb: \ue000\ue000\ue000\n")
    assert to_yaml(config) == "a: ...\nb: \ue000\ue000\ue000\n"


def test_recorded_project_is_that_beside_the_file():
    """The working directory exists too, and what the config names is not in it."""
    Path("parts").mkdir()
    Path("parts/networks.py").write_text("class Net:\n    pass\n")
    Path("parts/exp.yaml").write_text("project: .\nmodel: {_target_: project.networks.Net}\n")
    Path("recorded.yaml").write_text(to_yaml(load(["parts/exp.yaml"]), standalone=True))
    assert load(["recorded.yaml"]).get("project") == str(Path("parts").resolve())
