"""docs/reference/config-language.md, rules 5.1 to 5.12: references, copies, expressions."""

from pathlib import Path

import pytest

from lighter_config import (
    CircularReferenceError,
    ConfigError,
    ExpressionError,
    ReferenceNotFoundError,
    Severity,
    check,
    load,
)
from lighter_config.regular_files import read_regular

BUILT = {
    # row: `@path`
    "@path": ("a: 1\nx: '@a'", 1),
    "@ of an item": ("a: [1, {b: 2}]\nx: '@a::1::b'", 2),
    "@ of the last item": ("a: [1, 2]\nx: '@a::-1'", 2),
    "@ of a name with other characters": ("my-key: {a b: 1}\nx: '@my-key::a b'", 1),
    "@ with #": ("a: {b: 1}\nx: '@a#b'", 1),
    "@ through @": ("a: {c: 1}\nb: '@a'\nx: '@b::c'", 1),
    "@ of null": ("a: null\nx: '@a'", None),
    # row: `%path`
    "%path": ("a: {b: [1]}\nx: '%a'", {"b": [1]}),
    "% of %": ("a: 1\nb: '%a'\nx: '%b'", 1),
    "% inside a copy": ("a: {b: '%c'}\nc: {d: 1}\nx: '%a::b::d'", 1),
    # row: relative
    "@::sibling": ("a: {b: 1, c: '@::b'}\nx: '@a::c'", 1),
    "@::::up": ("b: 1\na: {c: '@::::b'}\nx: '@a::c'", 1),
    "@# and @##": ("b: 1\na: {c: '@##b', d: '@#c'}\nx: '@a::d'", 1),
    "@:: in a list": ("x: [1, '@::0']", [1, 1]),
    "a relative reference in a copy": ("a: {b: 1, c: '@::b'}\nx: '%a'\nx::b: 2", {"b": 2, "c": 2}),
    "an absolute reference into the copied part": ("a: {b: 1, c: '@a::b'}\nx: '%a'\nx::b: 2", {"b": 2, "c": 2}),
    "a relative reference out of the copied part": ("s: {a: {c: '@::::b'}, b: 1}\nx: '%s::a'\nb: 9", {"c": 1}),
    "an expression in a copy": ("a: {b: 1, c: $@a::b + 1}\nx: '%a'\nx::b: 5", {"b": 5, "c": 6}),
    "a % inside the copied part": ("a: {b: {k: 1}, c: '%::b'}\nx: '%a'\nx::b::k: 2", {"b": {"k": 2}, "c": {"k": 2}}),
    # row: `$expr`
    "$expr": ("x: $1 + 1", 2),
    "$ with a reference": ("a: [1, 2]\nx: $len(@a)", 2),
    "$ in an f-string": ("vars: {name: r}\nx: '$f\"run_{@vars::name}\"'", "run_r"),
    "$ in the format of an f-string": ("w: 4\nx: '$f\"{1:>{@w}}\"'", "   1"),
    "$ in an index": ("a: [5, 6]\nb: 1\nx: $@a[@b]", 6),
    "$ with a slice after ]": ("a: [[5, 6, 7]]\nx: $@a[0][::2]", [5, 7]),
    "$ with a braced name": ("my-key: {x: 1}\nx: '$@{my-key::x} + 1'", 2),
    "$ with # in a path": ("system: {model: {a: 3}}\nx: $@system#model['a']", 3),
    "$ with a percent sign": ("a: 7\nx: $@a % 4", 3),
    "$ that formats": ("a: 7\nx: '$\"%d\" % @a'", "7"),
    "$ with a copy": ("a: [1]\nx: $%a is @a", False),
    "$ with a word in a name": ("importance: [1]\nx: $len(@importance)", 1),
    "$ with math": ("x: $math.floor(2.5)", 2),
    "$ with os": ("x: $os.sep", "/"),
    "$ with _imports_": ("_imports_: {j: json}\nx: '$j.dumps([1])'", "[1]"),
    "$ with _requires_": ("_requires_: [$import json, '$from math import floor as f']\nx: '$json.dumps(f(1.5))'", "1"),
    "$ with its own names": ("x: '$[i * 2 for i in range(2)] + (lambda y: [y])(5)'", [0, 2, 5]),
    "a dict expression": ("x: '${\"a\": 1}'", {"a": 1}),
    # row: literal text
    r"\@": (r"x: \@x", "@x"),
    r"\%": (r"x: \%Y-%m", "%Y-%m"),
    r"\$": (r"x: \$5", "$5"),
    "not at the start": ("x: a@b 50%", "a@b 50%"),
    "a lone sign": ("x: '%'", "%"),
    "@ in a plain string": ("a: 1\nx: '$\"@a\"'", "@a"),
    # row: `${name}`
    "${name}": ("x: ${name}", "${name}"),
    "${name:...}": ("x: '${oc.env:HOME}'", "${oc.env:HOME}"),
    "${a.b}": ("x: ${a.b}/c", "${a.b}/c"),
}


@pytest.mark.parametrize(("text", "value"), BUILT.values(), ids=BUILT)
def test_text_builds_the_value(load_texts, text, value):
    built = load_texts(text).resolve("x")
    assert built == value
    assert type(built) is type(value)


ERRORS = {
    "@ to nowhere": ("x: '@vars::lr'\nvars: {lrr: 1}", ReferenceNotFoundError, "@vars::lr does not exist"),
    "% to nowhere": ("x: '%b'\na: 1", ReferenceNotFoundError, "%b does not exist"),
    "% that is a date": ("x: '%Y-%m'", ReferenceNotFoundError, r"write '\%Y-%m'"),
    "@ into a scalar": ("x: '@a::b'\na: 1", ReferenceNotFoundError, "@a::b does not exist: a is 1, not a mapping"),
    "@ out of range": ("x: '@a::5'\na: [1]", ReferenceNotFoundError, "0, the only index"),
    "@ above the root": ("x: '@::::::y'", ReferenceNotFoundError, "above the root"),
    "@a.b": ("x: '@a.b'\na: {c: 1}", ReferenceNotFoundError, "write '$@a.b'"),
    "@a.b for @a::b": ("x: '@a.b'\na: {b: 1}", ReferenceNotFoundError, "write @a::b"),
    "@a/b for @a::b": ("x: '@a/b'\na: {b: 1}", ReferenceNotFoundError, "write @a::b"),
    "%a:b for %a::b": ("x: '%a:b'\na: {b: 1}", ReferenceNotFoundError, "write %a::b"),
    "@a.b()": ("x: '@a.parameters()'\na: {b: 1}", ReferenceNotFoundError, "write '$@a.parameters()'"),
    "@ to itself": ("x: '@x'", CircularReferenceError, "circular reference: x -> x"),
    "@ in a cycle": ("x: '@y'\ny: '@x'", CircularReferenceError, "circular reference: x -> y -> x"),
    "@ to its own holder": ("x: {a: '@x'}", CircularReferenceError, "circular reference: x::a -> x\n"),
    "$ in a cycle": ("x: $@y\ny: $@x", CircularReferenceError, "circular reference: x -> y -> x"),
    "% in a cycle": ("x: '%y'\ny: '%x'", CircularReferenceError, "circular reference: x -> y -> x"),
    "% to its own holder": ("x: {a: '%x'}", CircularReferenceError, "circular reference: x::a -> x\n"),
    "@ below itself": ("x: '@x::k'", CircularReferenceError, "circular reference: x -> x::k"),
    "% that unfolds for ever": ("x: '%b'\nb: {y: '%c'}\nc: {z: '%b'}", CircularReferenceError, "circular reference: "),
    "$ that is no Python": ("x: $1 +", ExpressionError, "is not a Python expression"),
    "$ that fails": ("x: $1 / 0", ExpressionError, "ZeroDivisionError"),
    "$ with an unknown name": ("x: $json.dumps(1)", ExpressionError, "_imports_: {json: json}"),
    "$ with an unknown name in a lambda": ("x: '$(lambda a: json)(1)'", ExpressionError, "'json'"),
    "$ without a path": ("x: $@", ExpressionError, "no path after @"),
    "a file that is not there": ("x: '%nope.yaml::a'", ReferenceNotFoundError, "'nope.yaml' does not exist"),
    "a _requires_ that is no import": ("_requires_: $1 + 1\nx: $1", ExpressionError, "must be an import statement"),
}


@pytest.mark.parametrize(("text", "kind", "message"), ERRORS.values(), ids=ERRORS)
def test_wrong_reference_is_an_error_and_disturbs_no_other_key(load_texts, text, kind, message):
    # rule 5.11: one bad `%`, or a name that begins like a keyword, leaves other keys alone
    config = load_texts(text + "\nother: 5\n")
    if "_requires_" not in text:
        assert config.resolve("other") == 5
    with pytest.raises(kind) as caught:
        config.resolve("x")
    finding = caught.value.findings[0]
    assert message in str(finding)
    assert finding.place is not None
    assert finding.place.source == "a.yaml"


def test_reference_is_the_same_object_everywhere(load_texts):
    config = load_texts(
        "a: {_target_: collections.Counter}\nb: ['@a', {c: '@a'}]\nd: {_target_: builtins.dict, x: '@a'}\ne: $@a\n"
    )
    first = config.resolve("a")
    assert config.resolve("b")[0] is config.resolve("b")[1]["c"] is first
    assert config.resolve("d")["x"] is config.resolve("e") is first
    assert config.resolve()["a"] is first


def test_copy_is_a_new_object(load_texts):
    config = load_texts("a: {_target_: collections.Counter}\nb: '%a'\nc: $%a\n")
    built = [config.resolve(key) for key in "abc"]
    assert len({id(value) for value in built}) == 3


def test_reference_into_a_component_is_the_argument_it_was_given(load_texts):
    config = load_texts(
        "a: {_target_: builtins.dict, lr: 0.1, t: {_target_: collections.Counter}}\nb: '@a::t'\nc: '@a::lr'\n"
    )
    assert config.resolve("c") == 0.1
    assert config.resolve("b") is config.resolve("a")["t"]


def test_copy_follows_later_overrides_of_what_it_copies(load_texts):
    # rule 5.2: a copy that is frozen when it is saved would keep the old value
    config = load_texts("vars: {bs: 64}\na: {bs: '%vars::bs'}\nb: '%a'\n", words=("vars::bs=128",))
    assert config.resolve("b") == {"bs": 128}


def test_expression_is_evaluated_once(load_texts):
    config = load_texts("a: $[]\nb: '@a'\n")
    assert config.resolve("a") is config.resolve("b")


def test_chain_of_ten_thousand_references_is_followed():
    values = {f"k{index}": f"@k{index + 1}" for index in range(10_000)}
    copies = {f"c{index}": f"%c{index + 1}" for index in range(10_000)}
    config = load({**values, "k10000": 5, **copies, "c10000": 6})
    assert config.resolve("k0") == 5
    assert config.resolve("c0") == 6


def test_copies_that_multiply_end_in_an_error():
    levels = {f"a{level}": dict.fromkeys("bcdefghij", f"%a{level - 1}") for level in range(1, 10)}
    config = load({"a0": "lol", **levels, "x": 1})
    assert config.resolve("x") == 1
    with pytest.raises(ConfigError):
        config.resolve("a9")


def test_other_file_is_relative_to_file_that_names_it_and_read_once(monkeypatch):
    # rule 5.4: relative to the file that names it, and read once
    Path("configs/parts").mkdir(parents=True)
    Path("configs/parts/model.yaml").write_text("net: {depth: 18, name: '@::depth'}\nshared: [1]\nuses: '@shared'\n")
    Path("configs/exp.yaml").write_text("a: '%parts/model.yaml::net'\nb: '%parts/model.yaml::net::depth'\n")
    config = load(["configs/exp.yaml", "a::depth=50"])
    opened = []

    def read(path):
        opened.append(path)
        return read_regular(path)

    monkeypatch.setattr("lighter_config.sources.texts.read_regular", read)
    assert config.resolve("a") == {"depth": 50, "name": 50}
    assert config.resolve("b") == 18
    assert len(opened) == 1


def test_other_file_in_a_word_is_relative_to_the_working_directory():
    Path("parts.yaml").write_text("a: {b: 1}\n")
    assert load(["x=%parts.yaml::a"]).resolve("x") == {"b": 1}
    assert load(["x=%parts.yaml"]).resolve("x") == {"a": {"b": 1}}


def test_reference_inside_another_file_points_where_it_pointed():
    Path("parts.yaml").write_text("lr: 1\nopt: {lr: '@lr', decay: '@vars::decay', twice: $@lr * 2}\n")
    config = load([{"vars": {"decay": 9}, "x": "%parts.yaml::opt"}])
    assert config.resolve("x") == {"lr": 1, "decay": 9, "twice": 2}


def test_note_says_that_a_reference_in_a_plain_string_is_text(load_texts):
    (note,) = load_texts("vars: {a: 1}\nx: '$\"run_@vars::a\"'").notes
    assert note.severity is Severity.NOTE
    assert note.path == "x"


@pytest.mark.parametrize(
    ("text", "python"), [("${name}", '"@name"'), ("${a.b}", '"@a::b"'), ("${oc.env:HOME}", "os.environ")]
)
def test_interpolation_of_other_tools_is_warning_with_python_form(load_texts, text, python):
    (note,) = load_texts(f"x: '{text}'").notes
    assert note.severity is Severity.WARNING
    assert python in note.fix


def test_missing_part_of_another_file_is_relative_to_the_referrer(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "exp" / "deep").mkdir(parents=True)
    (tmp_path / "conf" / "main.yaml").write_text("model: {a: 1}\n")
    (tmp_path / "exp" / "deep" / "x.yaml").write_text("m: '%../../conf/main.yaml::modell'\n")
    (note,) = load("exp/deep/x.yaml").expanded().notes
    assert note.nearest == ("../../conf/main.yaml::model",)
    assert note.fix == "write %../../conf/main.yaml::model"


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ('$"@a"', "@a"),
        ("$'see @a, please'", "@a"),
        ('$"%name"', "%name"),
        ('$"@vars::lr" + @a', "@vars::lr"),
        ('$"@vars::lrr"', "@vars::lrr"),
        ('$"@::a"', "@::a"),
    ],
)
def test_a_reference_in_a_plain_string_of_an_expression_has_a_note(text, reference):
    config = load([{"a": "1", "name": "n", "vars": {"lr": 1}, "t": text}])
    (note,) = config.notes
    assert note.severity is Severity.NOTE
    assert note.path == "t"
    assert note.message == f"t: {reference} is in a plain string, where it is only text"
    assert note in check(config)


@pytest.mark.parametrize(
    "text",
    [
        '$"me@a"',
        '$"me@example.org"',
        '$"@nobody"',
        '$"%d" % 3',
        '$"%Y-%m"',
        '$"100%name"',
        '$f"{@a}"',
        '$"@other::lr"',
        '$"a@b::c"',
        "me@a",
    ],
)
def test_text_that_only_looks_like_a_reference_has_no_note(text):
    assert load([{"a": "1", "name": "n", "d": 1, "vars": {"lr": 1}, "t": text}]).notes == ()
