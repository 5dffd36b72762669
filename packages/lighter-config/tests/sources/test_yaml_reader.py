"""docs/reference/config-language.md, rules 2.1 to 2.12, rule by rule."""

import math
import sys
from collections.abc import Callable

import pytest

from lighter_config import Config, ConfigError, Severity, YamlError, load
from lighter_config.sources.yaml_reader import read_mapping
from lighter_config.tree.origins import Document

SCALARS = {
    # rule 2.2; in YAML 1.1 `1e-3` is a string
    "1e-3": 1e-3,
    "1E5": 1e5,
    ".5": 0.5,
    "5.": 5.0,
    "-1.5e+3": -1500.0,
    ".inf": math.inf,
    "-.inf": -math.inf,
    # rule 2.3
    "010": 10,
    "1_000_000": 1_000_000,
    "20_1": "20_1",
    "1_0000": "1_0000",
    "0x1F": 31,
    "0o17": 15,
    "-7": -7,
    "+7": 7,
    # rules 2.3, 2.5 and 2.6; in YAML 1.1 `010` is 8, `12:30` is 750 and `on` is true
    "yes": "yes",
    "no": "no",
    "on": "on",
    "off": "off",
    "None": "None",
    "nan": "nan",
    "12:30": "12:30",
    "2024-01-01": "2024-01-01",
    "1.2.3": "1.2.3",
    "true": True,
    "FALSE": False,
    "null": None,
    "~": None,
    "": None,
    "'1e-3'": "1e-3",
    '"yes"': "yes",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalar_is_read_as_yaml_1_2(load_texts, text, value):
    read = load_texts(f"key: {text}\n").get("key")
    assert read == value
    assert type(read) is type(value)


def test_nan_is_a_float(load_texts):
    assert math.isnan(load_texts("key: .nan").get("key"))


@pytest.mark.parametrize(
    ("text", "meant"),
    {"yes": "true", "no": "false", "on": "true", "off": "false", "None": "null", "nan": ".nan"}.items(),
)
def test_word_that_other_tools_convert_is_a_warning(load_texts, text, meant):
    (note,) = load_texts(f"a: 1\nkey: {text}\n").notes
    assert note.severity is Severity.WARNING
    assert note.path == "key"
    assert str(note.place) == "a.yaml:2:6"
    assert f"write {meant} " in note.fix


@pytest.mark.parametrize("text", ["'yes'", "12:30", "2024-01-01", "often", "'...'"])
def test_other_text_gets_no_warning(load_texts, text):
    assert load_texts(f"key: {text}\n").notes == ()


def test_warning_goes_when_the_value_is_replaced(load_texts):
    assert load_texts("key: yes\n", words=("key=true",)).notes == ()


def test_word_value_gets_the_same_warning(load_texts):
    (note,) = load_texts("key: 1\n", words=("key=off",)).notes
    assert str(note.place) == "command line, word 2"


def test_placeholder_is_an_error_of_the_check_not_of_loading(load_texts):
    (note,) = load_texts("system:\n  dataloaders:\n    train: ...\n").notes
    assert note.severity is Severity.ERROR
    assert note.path == "system::dataloaders::train"


def test_merge_key_is_shallow_and_own_keys_win(load_texts):
    config = load_texts("base: &base {a: 1, b: {c: 2}}\nval:\n  <<: *base\n  b: {d: 3}\n")
    assert config.get("val") == {"a": 1, "b": {"d": 3}}


def test_of_several_merged_mappings_the_first_wins(load_texts):
    config = load_texts("x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz: {<<: [*x, *y]}\n")
    assert config.get("z") == {"a": 1, "b": 2}


def test_alias_is_a_copy_and_its_place_is_the_anchors_line(load_texts):
    config = load_texts("base: &base\n  lr: 1\nval: *base\n", words=("val::lr=2",))
    assert config.get("base::lr") == 1
    assert config.get("val::lr") == 2
    assert str(config.chain("val::lr")[1]) == "via alias at a.yaml:3:6, from a.yaml:2:7"


ERRORS = {
    "a key twice": ("a:\n  x: 1\n  y: 2\n  x: 3\n", "a.yaml:4:3", "first at a.yaml:2:3"),
    "@ unquoted": ("a: 1\nb: @x\n", "a.yaml:2:4", "needs quotes"),
    "% unquoted": ("b: [1, %x]\n", "a.yaml:1:8", "needs quotes"),
    "% at a line's start": ("%x: 1\n", "a.yaml:1:", "needs quotes"),
    "a python tag": ("a: !!python/object:os.system {}\n", "a.yaml:1:4", "!!python"),
    "an unknown tag": ("a: !mine 1\n", "a.yaml:1:4", "!mine"),
    "several documents": ("a: 1\n---\nb: 2\n", "a.yaml:2:1", "one YAML document"),
    "a list as root": ("- 1\n", "a.yaml:1:1", "mapping"),
    "a scalar as root": ("text\n", "a.yaml:1:1", "mapping"),
    "an alias without anchor": ("a: *nowhere\n", "a.yaml:1:4", "nowhere"),
    "an alias inside its anchor": ("a: &a {b: *a}\n", "a.yaml:1:11", "inside its own anchor"),
    "a mapping as key": ("? {a: 1}\n: 2\n", "a.yaml:1:3", "key"),
    "<< of a scalar": ("a: {<<: 5}\n", "a.yaml:1:9", "mapping"),
    "a tab": ("a:\n\tb: 1\n", "a.yaml:2:1", "tab"),
    "an open bracket": ("a: [1, 2\n", "a.yaml:1:4", "not YAML"),
    "an integer too long": ("a: " + "9" * 5_000, "a.yaml:1:4", "5,000 digits"),
    "an empty segment": ("a::::b: 1\n", "a.yaml:1:1", "empty segment"),
}


@pytest.mark.parametrize(("text", "place", "message"), ERRORS.values(), ids=ERRORS)
def test_wrong_text_is_an_error_with_its_place(load_texts, text, place, message):
    with pytest.raises(YamlError) as caught:
        load_texts(text)
    (finding,) = caught.value.findings
    assert str(finding.place).startswith(place)
    assert message in str(finding)


def test_file_that_is_not_utf8_is_an_error_with_its_line(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nname: \xe9\n")
    with pytest.raises(YamlError, match="UTF-8") as caught:
        load("latin.yaml")
    assert str(caught.value.findings[0].place) == "latin.yaml:2"


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n"])
def test_empty_file_is_an_empty_mapping(load_texts, text):
    assert load_texts(text).tree == {}


def test_byte_order_mark_and_windows_lines_are_read(tmp_path):
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert load("bom.yaml").tree == {"a": 1, "b": 2}


def test_keys_keep_their_type(load_texts):
    assert set(map(type, load_texts("2: a\ntrue: b\nnull: c\n'2': d\n1.5: e\n").tree)) == {
        int,
        bool,
        type(None),
        str,
        float,
    }


def _calls(text: str) -> int:
    """Count the calls of Python functions until the error: what it costs, without a clock."""
    count = 0

    def counting(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(counting)
    try:
        with pytest.raises(YamlError):
            load_text(text)
    finally:
        sys.setprofile(None)
    return count


def load_text(text: str) -> object:
    from lighter_config.sources.yaml_reader import read_mapping
    from lighter_config.tree.origins import Document

    return read_mapping(text, Document("bomb.yaml", text))


def test_billion_laughs_end_in_an_error():
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert _calls("\n".join(lines)) < 600_000


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_a_thousand_levels_end_in_an_error(opening):
    assert _calls("a:\n  " + opening * 1_000) < 3_000


def test_ten_megabytes_of_values_end_in_an_error():
    text = "\n".join(f"key_{index}: {index}" for index in range(550_000))
    assert len(text) > 10_000_000
    assert _calls(text) < 1_500_000


def test_ten_megabytes_of_text_are_read():
    assert len(load_text("a: " + "x" * 10_000_000).value["a"].value) == 10_000_000


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: [1, 2\n\n", 2, "begins here"),
        ("a: 'x\nb: 1\n", 1, "begins here"),
        ("a: [1, 2\nb: 3\n", 2, "begins at a.yaml:1:4"),
    ],
)
def test_what_is_never_closed_is_reported_where_it_begins(
    load_texts: Callable[..., Config], text: str, line: int, said: str
) -> None:
    with pytest.raises(YamlError) as caught:
        load_texts(text)
    finding = caught.value.findings[0]
    assert finding.place is not None
    assert (finding.place.line, finding.excerpt) == (line, text.split("\n")[line - 1])
    assert said in finding.message


def test_a_colon_inside_a_value_says_to_quote_it(load_texts: Callable[..., Config]) -> None:
    with pytest.raises(YamlError) as caught:
        load_texts("a: b: c\n")
    assert "quote" in caught.value.findings[0].fix


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("a: {b: @c}", "write '@c'"),
        ("a: [@x, @y]", "write '@x'"),
        ("a: {b: [1, @c::d], e: 1}", "write '@c::d'"),
        ("a: [1,\n  @x,\n  2]", "write '@x'"),
        ("a: '[' # {\nb: @x, y", "write '@x, y'"),
        ("a: %x  # why", "write '%x'"),
        ("a: 1\nb:2\n", "write `b: 2`, with a space"),
        ("a: !env HOME", "write \"$os.environ['HOME']\""),
        ("a: !include other.yaml", 'write "%other.yaml"'),
        ("a: !new:torch.nn.Linear {in_features: 1}", "write `_target_: torch.nn.Linear` to build an object"),
        ("a: !ref <b>", 'write "@b"'),
        ("a: {'': background}", "give it a name, or remove it"),
    ],
)
def test_mistake_says_exactly_what_to_write(text, fix):
    with pytest.raises(ConfigError) as caught:
        read_mapping(text, Document("a.yaml", text))
    assert caught.value.findings[0].fix == fix


def test_empty_key_of_a_mapping_from_python_is_an_error():
    with pytest.raises(ConfigError, match="a key is empty"):
        load([{"names": {"": "background"}}])


@pytest.mark.timeout(60)
def test_integer_keys_that_could_have_equal_hashes_are_an_error(load_texts):
    keys = "".join(f"  {i * (2**61 - 1)}: 1\n" for i in range(45_000))
    with pytest.raises(YamlError, match="a key of 19 digits is too large for an integer"):
        load_texts("a:\n" + keys)
    assert load_texts(f"{2**60 - 2}: 1\n'{2**61}': 2\n").tree == {2**60 - 2: 1, str(2**61): 2}
