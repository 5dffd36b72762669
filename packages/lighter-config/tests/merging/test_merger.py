"""docs/reference/config-language.md, sections 3 and 4, rule by rule: files and overrides to a tree or an error."""

import pytest

from lighter_config import ConfigError, MergeError, Severity, load

TREES = {
    # rules 4.1 to 4.7
    "mapping over mapping": (["a: {b: 1, c: {d: 2}}", "a: {c: {e: 3}}"], [], {"a": {"b": 1, "c": {"d": 2, "e": 3}}}),
    "list of plain values over list": (["a: [1, 2]", "a: [3]"], [], {"a": [3]}),
    "list of references over list": (["a: ['@b', 1]", "a: ['$2', '%c']"], [], {"a": ["$2", "%c"]}),
    "list of lists of plain values over list": (["a: [[1, 2]]", "a: [[3]]"], [], {"a": [[3]]}),
    "list of mappings over list": (["a: [{b: 1}]", "a: [{c: 2}, '@d']"], [], {"a": [{"b": 1}, {"c": 2}, "@d"]}),
    "list of mappings over plain values": (["a: [1]", "a: [{c: 2}]"], [], {"a": [1, {"c": 2}]}),
    "list of lists of mappings over list": (["a: [[1]]", "a: [[{c: 2}]]"], [], {"a": [[1], [{"c": 2}]]}),
    "empty list over plain values": (["a: [1]", "a: []"], [], {"a": []}),
    "empty list over mappings": (["a: [{b: 1}]", "a: []"], [], {"a": [{"b": 1}]}),
    "+key": (["a: [1]\nb: [{c: 1}]", "+a: [2, 3]\n+b: 4"], [], {"a": [1, 2, 3], "b": [{"c": 1}, 4]}),
    "+key of a key that is not there": (["a: {}", "a: {+b: 1, +c: [2]}"], [], {"a": {"b": [1], "c": [2]}}),
    "+key by a path": (["a: {b: [1]}", "+a::b: [2]"], [], {"a": {"b": [1, 2]}}),
    "+key of a copy": (["a: [1]\nb: {c: '%a'}", "+b::c: [2]"], [], {"a": [1], "b": {"c": [1, 2]}}),
    "anything else": (["a: {b: 1}\nc: 1\nd: [1]", "a: 5\nc: {x: 1}\nd: x"], [], {"a": 5, "c": {"x": 1}, "d": "x"}),
    "null over mapping": (["a: {b: 1}", "a: null"], [], {"a": None}),
    "=key": (["a: {b: 1}\nc: [1]", "=a: {x: 1}\n=c: [2]"], [], {"a": {"x": 1}, "c": [2]}),
    "~key: null": (["a: {b: 1, c: 2}", "a: {~b: null}"], [], {"a": {"c": 2}}),
    "~key: indices": (["a: [x, y, z, w]", "~a: [1, 3]"], [], {"a": ["x", "z"]}),
    "~key: [-1]": (["a: [x, y, z]", "~a: [-1]"], [], {"a": ["x", "y"]}),
    "~key: the same item twice": (["a: [x, y, z]", "~a: [2, -1]"], [], {"a": ["x", "y"]}),
    "~key: names": (["a: {x: 1, y: 2, z: 3}", "~a: [x, z]"], [], {"a": {"y": 2}}),
    "~key::1": (["a: {b: [x, y, z]}", "a: {~b::1: null}"], [], {"a": {"b": ["x", "z"]}}),
    "~a::1 at the root": (["a: [x, y]", "~a::1: null"], [], {"a": ["x"]}),
    "~model::pretrained": (["m: {n: {p: 1, q: 2}}", "m: {~n::p: null}"], [], {"m": {"n": {"q": 2}}}),
    "several ~ by index": (["a: [x, y, z, w]", "~a::0: null\n~a::1: null"], [], {"a": ["z", "w"]}),
    # rules 4.8 to 4.13
    "operators in a new section": (["x: 1", "a: {=b: {=c: 1}}"], [], {"x": 1, "a": {"b": {"c": 1}}}),
    "operators inside a = value": (["a: {b: 1}", "=a: {=c: {=d: 1}}"], [], {"a": {"c": {"d": 1}}}),
    "operators in lists": (["a: [{=b: 1}]"], [], {"a": [{"b": 1}]}),
    "= in the first file": (["=a: {b: 1}"], [], {"a": {"b": 1}}),
    "~ of what << brought": (["b: &b {x: 1, y: 2}\na: {<<: *b, ~x: null}"], [], {"b": {"x": 1, "y": 2}, "a": {"y": 2}}),
    "~ of what % brought": (
        ["t: {x: 1, y: 2}\na: '%t'\n~a::x: null"],
        [],
        {"t": {"x": 1, "y": 2}, "a": "%t", "~a::x": None},
    ),
    "= of what << brought": (
        ["b: &b {y: {z: 1}}\na: {<<: *b, =y: {w: 1}}"],
        [],
        {"b": {"y": {"z": 1}}, "a": {"y": {"w": 1}}},
    ),
    "= of what an alias brought": (
        ["b: &b {y: {z: 1}}\na: *b\n=a::y: {w: 1}"],
        [],
        {"b": {"y": {"z": 1}}, "a": {"y": {"w": 1}}},
    ),
    "= of what % brought": (
        ["b: {y: {z: 1}}\na: '%b'\n=a::y: {w: 1}"],
        [],
        {"b": {"y": {"z": 1}}, "a": "%b", "=a::y": {"w": 1}},
    ),
    "delete and add is replace": (["a: {b: 1}", "~a: null\na: {c: 2}"], [], {"a": {"c": 2}}),
    "add and delete is the same": (["a: {b: 1}", "a: {c: 2}\n~a: null"], [], {"a": {"c": 2}}),
    "replace and merge": (["a: {b: 1}", "a: {d: 3}\n=a: {c: 2}"], [], {"a": {"c": 2, "d": 3}}),
    "an index counts before appends": (
        ["a: [{k: 0}, {k: 1}]", "a: [{k: 2}]\na::-1::k: 9"],
        [],
        {"a": [{"k": 0}, {"k": 9}, {"k": 2}]},
    ),
    "an index counts before nested appends": (
        ["t: {a: [{k: 0}]}", "t::a::-1::k: 9\nt: {a: [{k: 2}]}"],
        [],
        {"t": {"a": [{"k": 9}, {"k": 2}]}},
    ),
    "an index of a list in its own file": (["a: [{k: 0}]\na::-1::k: 1"], [], None),
    # rules 3.2 to 3.6
    "a path as key": (["model: {depth: 1}", "model::depth: 50"], [], {"model": {"depth": 50}}),
    "a nested path as key": (["s: {model: {depth: 1}}", "s: {model::depth: 50}"], [], {"s": {"model": {"depth": 50}}}),
    "a path beside its mapping": (["m: {a: 1}\nm::b: 2"], [], {"m": {"a": 1, "b": 2}}),
    "a path before its mapping": (["m::b: 2\nm: {a: 1}"], [], {"m": {"b": 2, "a": 1}}),
    "a path alone": (["m::b::c: 2"], [], {"m": {"b": {"c": 2}}}),
    "a path over what << brought": (["x: &x {a: 1}\nm: {<<: *x}\nm::a: 2"], [], {"x": {"a": 1}, "m": {"a": 2}}),
    "# as the old separator": (["system#model: {a: 1}", "system#model#a: 2"], [], {"system": {"model": {"a": 2}}}),
    "C# and #fff are plain": (["'C#': 1\n'#fff': 2\n'a.b#c': 3"], [], {"C#": 1, "#fff": 2, "a.b#c": 3}),
    r"\:: and \# are literal": ([r"a\::b: 1" + "\n" + r"a\#b: 2"], [], {r"a\::b": 1, r"a\#b": 2}),
    r"\~k and \=k are literal": (["\\~k: 1\n\\=k: 2"], [], {r"\~k": 1, r"\=k": 2}),
    "0 finds the key 0, then '0'": (["a: {0: x}\nb: {'0': x}"], ["a::0=y", "b::0=y"], {"a": {0: "y"}, "b": {"0": "y"}}),
    "true finds the key true": (["a: {true: x, null: z}"], ["a::true=y", "a::null=w"], {"a": {True: "y", None: "w"}}),
    # overrides: rules 4.14 to 4.18
    "a word sets a scalar": (["a: {b: 1}"], ["a::b=2"], {"a": {"b": 2}}),
    "a word replaces a list": (["devices: [0]"], ["devices=[1]"], {"devices": [1]}),
    "a word merges a mapping": (["a: {b: 1, l: [1]}"], ["a={c: 2, l: [2]}"], {"a": {"b": 1, "c": 2, "l": [2]}}),
    "=path= replaces all": (["a: {b: 1}"], ["=a={c: 2}"], {"a": {"c": 2}}),
    "~path deletes": (["a: {b: 1, c: 2}"], ["~a::b"], {"a": {"c": 2}}),
    "~path=null deletes": (["a: {b: 1, c: 2}"], ["~a::b=null"], {"a": {"c": 2}}),
    "~path=[...] deletes items": (["a: [x, y, z]"], ["~a=[0, 2]"], {"a": ["y"]}),
    "~list::1 of a word": (["t: {c: [x, y, z]}"], ["~t::c::1"], {"t": {"c": ["x", "z"]}}),
    "+= appends one": (["a: [1]"], ["a+=2"], {"a": [1, 2]}),
    "+= appends a list": (["a: [1]"], ["a+=[2, 3]"], {"a": [1, 2, 3]}),
    "+= appends a mapping": (["a: [1]"], ["a+={x: 1}"], {"a": [1, {"x": 1}]}),
    "+= on a missing key": (["b: 1"], ["a+=1"], {"b": 1, "a": [1]}),
    "+= on null": (["a: null"], ["a+=[1]"], {"a": [1]}),
    "an item of a list": (
        ["t: {c: [{p: 1, q: 2}, {r: 3}]}"],
        ["t::c::0::p=10"],
        {"t": {"c": [{"p": 10, "q": 2}, {"r": 3}]}},
    ),
    "the last item": (["a: [1, 2]"], ["a::-1=5"], {"a": [1, 5]}),
    "words from left to right": (["a: 1"], ["a=2", "a=3"], {"a": 3}),
    "args without the section": (["a: 1"], ["args::fit::ckpt_path=x"], {"a": 1, "args": {"fit": {"ckpt_path": "x"}}}),
    "vars without the section": (["a: '@vars::size'"], ["vars::size=8"], {"a": "@vars::size", "vars": {"size": 8}}),
    "args that is null": (["args:"], ["args::fit::ckpt_path=x"], {"args": {"fit": {"ckpt_path": "x"}}}),
    "a missing parent in a section": (
        ["trainer: {max_epochs: 1}"],
        ["trainer::logger::name=x"],
        {"trainer": {"max_epochs": 1, "logger": {"name": "x"}}},
    ),
    "the same file twice appends": (["a: [{x: 1}]", "a: [{x: 1}]"], [], {"a": [{"x": 1}, {"x": 1}]}),
    # patches
    "a patch over %": (["t: {x: 1}\nv: '%t'", "v: {x: 2}"], [], {"t": {"x": 1}, "v": "%t", "v::x": 2}),
    "a word over %": (["t: {x: 1}\nv: '%t'"], ["v::x=2"], {"t": {"x": 1}, "v": "%t", "v::x": 2}),
    "_requires_ add up": (
        ["_requires_: $import a", "_requires_: [$import b]", "_requires_: $import c"],
        [],
        {"_requires_": ["$import a", "$import b", "$import c"]},
    ),
}


@pytest.mark.parametrize(("files", "words", "tree"), TREES.values(), ids=TREES)
def test_sources_give_the_tree(load_texts, files, words, tree):
    if tree is None:
        with pytest.raises(MergeError, match="given twice"):
            load_texts(*files, words=tuple(words))
        return
    assert load_texts(*files, words=tuple(words)).tree == tree


ERRORS = {
    "a leaf twice, nested and by path": (["m: {a: 1}\nm::a: 2"], [], "m::a is given twice", "a.yaml:2:1"),
    "a leaf twice, by two paths": (["m::a: 1\nm#a: 2"], [], "m::a is given twice", "a.yaml:2:1"),
    "a leaf and a path through it": (["m: 1\nm::a: 2"], [], "m::a is given twice", "a.yaml:2:1"),
    "= and plain of one leaf": (["=a: 1\na: 2"], [], "a is given twice", "a.yaml:1:1"),
    "deleting nothing in a file": (["a: {lr: 1}", "a: {~lrr: null}"], [], "a::lrr cannot be deleted", "b.yaml:1:5"),
    "deleting nothing in the first file": (["a: {~lr: null}"], [], "a::lr cannot be deleted", "a.yaml:1:5"),
    "deleting an item that is not there": (["a: [1]", "~a::3: null"], [], "a::3 does not exist", "b.yaml:1:1"),
    "deleting with a scalar": (["a: [1]", "~a: 1"], [], "must be null or a list", "b.yaml:1:1"),
    "a mapping over @": (["a: '@b'\nb: {}", "a: {x: 1}"], [], "cannot be merged", "b.yaml:1:1"),
    "a mapping over $": (["a: $dict()", "a: {x: 1}"], [], "cannot be merged", "b.yaml:1:1"),
    "a path into @": (
        ["a: '@b'\nb: {}"],
        ["a::x=1"],
        "a::x does not exist: a is '@b', not a mapping",
        "command line, word 2",
    ),
    "+= over a mapping": (["a: {b: 1}"], ["a+=1"], "+= adds to a list", "command line, word 2"),
    "+= over a scalar": (["a: 1"], ["a+=1"], "+= adds to a list", "command line, word 2"),
    "a mistyped root": (["trainer: {}"], ["trainr::max_epochs=3"], "trainr does not exist", "command line, word 2"),
    "a mistyped parent": (
        ["s: {optimizer: {lr: 1}}"],
        ["s::optimzer::lr=3"],
        "s::optimzer does not",
        "command line, word 2",
    ),
    "a mistyped parent in a section": (
        ["system: {optimizer: {lr: 1}}"],
        ["system::optimzer::lr=3"],
        "system::optimzer does not exist",
        "command line, word 2",
    ),
    "an index out of range": (["a: [1]"], ["a::1=2"], "a has 1 item", "command line, word 2"),
    "an item of no list": (
        ["t: {}"],
        ["t::c::0::p=1"],
        "a list with an item 0 must be made first",
        "command line, word 2",
    ),
    "an item of no list in a file": (["a::0::p: 1"], [], "a list with an item 0 must be made first", "a.yaml:1:1"),
    "a name in a list": (["a: [{x: 1}]"], ["a::x=2"], "is not an index", "command line, word 2"),
    "a name in a list in a file": (["a: [1]", "a::x::y: 2"], [], "is not an index", "b.yaml:1:1"),
    "a word through a scalar": (
        ["a: {b: 1}"],
        ["a::b::c=1"],
        "a::b::c does not exist: a::b is 1, not a mapping",
        "command line, word 2",
    ),
    "deleting nothing by a word": (["a: 1"], ["~b"], "b cannot be deleted", "command line, word 2"),
    "deleting an item of nothing": (
        ["a: {c: 1}"],
        ["~a::b::1"],
        "cannot be deleted: a has no `b`",
        "command line, word 2",
    ),
    "deleting items of nothing": (
        ["a: {c: 1}"],
        ["~a::b=[1]"],
        "cannot be deleted: a has no `b`",
        "command line, word 2",
    ),
    "deleting items of nothing in a file": (
        ["a: {c: 1}", "a: {~b: [1]}"],
        [],
        "a::b::1 cannot be deleted: a has no `b`",
        "b.yaml:1:5",
    ),
    "deleting below nothing in a file": (
        ["a: {c: 1}", "~b::c::x: null"],
        [],
        "b::c::x cannot be deleted: the config has no `b`",
        "b.yaml:1:1",
    ),
    "deleting below a scalar": (["a: 1"], ["~a::b"], "a::b cannot be deleted: a is 1", "command line, word 2"),
    "deleting with a value by a word": (["a: 1"], ["~a=2"], "~a deletes: it takes no value", "command line, word 2"),
    "too deep by paths": (["a: 1", "::".join("x" * 250) + ": 1"], [], "at most 200", "b.yaml:1:1"),
}


@pytest.mark.parametrize(("files", "words", "message", "place"), ERRORS.values(), ids=ERRORS)
def test_sources_that_do_not_fit_are_an_error_with_a_place(load_texts, files, words, message, place):
    with pytest.raises(ConfigError) as caught:
        load_texts(*files, words=tuple(words))
    (finding,) = caught.value.findings
    assert message in finding.message
    assert str(finding.place).startswith(place)


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["trainr::max_epochs=3"], "trainer"),
        (["trainer::callbaks::0=3"], "callbacks"),
        (["~trainer::callback"], "trainer::callbacks"),
        (["~trainer::callback::1"], "trainer::callbacks"),
        (["~trainer::callback::ema"], "trainer::callbacks"),
        (["~trainer::callback=[1]"], "trainer::callbacks"),
        (["~trainr::callbacks::0::x"], "trainer"),
    ],
)
def test_mistyped_path_names_the_nearest(load_texts, words, nearest):
    with pytest.raises(MergeError) as caught:
        load_texts("trainer: {callbacks: [1]}", words=tuple(words))
    assert caught.value.findings[0].nearest[0] == nearest


DOUBTS = {
    "an empty list over components": ("a: [{_target_: x}]", "a: []", "=a: []"),
    "an empty mapping over a mapping": ("a: {b: 1}", "a: {}", "=a: {}"),
    "an empty mapping over a copy": ("b: {c: 1}\na: '%b'", "a: {}", "=a: {}"),
    "plain values over components": ("a: [{_target_: x}]", "a: ['@b']", "+a:"),
}


@pytest.mark.parametrize(("before", "given", "fix"), DOUBTS.values(), ids=DOUBTS)
def test_merge_that_may_not_be_meant_is_a_warning(load_texts, before, given, fix):
    (note,) = load_texts(before, given).notes
    assert note.severity is Severity.WARNING
    assert "a.yaml" in note.message
    assert str(note.place).startswith("b.yaml:1:")
    assert fix in note.fix


@pytest.mark.parametrize(
    "texts",
    [
        ("a: [{_target_: x}]", "a: [{_target_: y}]"),
        ("a: [1]", "a: [2]"),
        ("a: [1]", "a: []"),
        ("a: {}", "a: {}"),
        ("a: []", "a: []"),
        ("a: [{_target_: x}]", "=a: []"),
        ("a: [{_target_: x}]", "+a: ['@b']"),
        ("a: {b: 1}", "=a: {}"),
    ],
)
def test_merge_that_says_what_it_does_is_no_warning(load_texts, texts):
    assert load_texts(*texts).notes == ()


def test_appending_to_what_is_not_a_list_is_an_error_at_its_place(load_texts):
    with pytest.raises(MergeError) as caught:
        load_texts("a: 1", "+a: [2]")
    assert "a" in caught.value.findings[0].message
    assert str(caught.value.findings[0].place) == "b.yaml:1:1"


def test_value_and_appended_item_in_one_mapping_are_an_error(load_texts):
    with pytest.raises(MergeError, match="twice"):
        load_texts("a: [1]", "a: [2]\n+a: [3]")
    with pytest.raises(MergeError, match="twice"):
        load_texts("a: [1]", "a: [2]\na::0: 3")


def test_mapping_from_python_merges_lists_as_a_file_does(load_texts):
    before = {"betas": [0.9, 0.99], "callbacks": [{"_target_": "x"}]}
    later = {"betas": [0.8, 0.9], "callbacks": [{"_target_": "y"}]}
    assert load([before, later]).tree == {"betas": [0.8, 0.9], "callbacks": [{"_target_": "x"}, {"_target_": "y"}]}


def test_list_that_a_word_extends_is_no_warning(load_texts):
    assert load_texts("a: [1]", words=("a+=2",)).notes == ()


def test_old_separator_is_reported_once_per_file(load_texts):
    config = load_texts("s#a: 1\ns#b: 2\nx: '@s#a'\n", "y: '@s#b'\nz: '@s#a'\n")
    assert [note.place.source for note in config.notes] == ["a.yaml", "b.yaml"]
    assert all("old separator" in note.message for note in config.notes)


def test_result_of_a_patch_does_not_depend_on_the_order_of_words(load_texts):
    text = "t: {x: 1, y: 2}\nv: '%t'\n"
    first = load_texts(text, words=("v::x=5", "t::y=7", "t::x=8"))
    second = load_texts(text, words=("t::x=8", "t::y=7", "v::x=5"))
    assert first.expanded().tree == second.expanded().tree == {"t": {"x": 8, "y": 7}, "v": {"x": 5, "y": 7}}


def test_delete_replace_and_index_name_what_the_copy_brings(load_texts):
    config = load_texts(
        "t: {x: 1, y: {z: 1}, l: [{k: 1}, {k: 2}]}\nv: '%t'\n",
        "v: {~x: null, =y: {w: 1}, l: [{k: 3}]}\nv::l::0::k: 9\n",
        words=("~v::l::1",),
    )
    assert config.expanded().get("v") == {"y": {"w": 1}, "l": [{"k": 9}, {"k": 3}]}
    assert config.expanded().get("t") == {"x": 1, "y": {"z": 1}, "l": [{"k": 1}, {"k": 2}]}


def test_patch_that_does_not_fit_is_an_error_of_its_own(load_texts):
    config = load_texts("t: {lr: 1}\nv: '%t'\nother: 5\n", words=("~v::lrr",))
    assert config.resolve("other") == 5
    (note,) = config.expanded().notes
    assert note.nearest == ("v::lr",)
    assert str(note.place) == "command line, word 2"
    with pytest.raises(ConfigError, match="lrr"):
        config.resolve("v")


def test_merging_three_files_is_merging_two_and_then_the_third(load_texts):
    texts = ("a: {b: 1}\nl: [1]", "a: {c: 2}\nl: [2]\n=m: {x: 1}", "a: {b: 3}\nl: [3]\nm: {y: 2}")
    assert load_texts(*texts).tree == {"a": {"b": 3, "c": 2}, "l": [3], "m": {"x": 1, "y": 2}}


def test_change_inside_a_copied_leaf_is_like_a_change_inside_a_leaf(load_texts):
    config = load_texts("a: null\nv: '%a'\nv::x: 1\n")
    assert config.expanded().get("v") == {"x": 1}
    by_word = load_texts("a: 5\nv: '%a'\n", words=("v::x=1",))
    assert by_word.expanded().notes[0].message == "v::x does not exist: v is 5, not a mapping"


def test_copy_given_by_a_path_may_be_changed_but_not_repeated(load_texts):
    config = load_texts("t: {x: 1}\ns::v: '%t'\ns::v::x: 2\n")
    assert config.expanded().get("s::v") == {"x": 2}
    with pytest.raises(MergeError, match="given twice"):
        load_texts("t: {x: 1}\ns::v::x: 2\ns::v: 1\n")


def test_what_a_replacement_holds_remembers_who_set_it_before(tmp_path):
    (tmp_path / "base.yaml").write_text("optimizer:\n  lr: 0.1\n  betas: [0.9, 0.99]\n")
    (tmp_path / "exp.yaml").write_text("=optimizer: {lr: 0.2, eps: 1}\n")
    config = load(["base.yaml", "exp.yaml", "=optimizer={lr: 0.3}"])
    assert config.tree == {"optimizer": {"lr": 0.3}}
    places = [str(place) for place in config.chain("optimizer::lr")]
    assert places[0].endswith(", argument 3")
    assert places[1:] == ["exp.yaml:1:18", "base.yaml:2:7"]


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("trainr::max_epochs=3", "write trainer::max_epochs=3"),
        ("=trainr::max_epochs=3", "write =trainer::max_epochs=3"),
        ("trainer::callbacks::erly::x=3", "write trainer::callbacks::early::x=3"),
    ],
)
def test_fix_of_a_mistyped_path_is_the_whole_argument(load_texts, word, fix):
    with pytest.raises(MergeError) as caught:
        load_texts("trainer: {callbacks: [{_name_: early}]}", words=(word,))
    assert caught.value.findings[0].fix == fix
