"""docs/reference/config-language.md, rules 1.1 to 1.9: what an input is."""

import io
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_config import Config, ConfigError, SourceError, YamlError, load, parse_sources


def kinds(*words):
    return [type(source).__name__ for source in parse_sources(words)]


@pytest.mark.parametrize(
    "name",
    ["runs/lr=0.1/config.yaml", "epoch=9-step=10.yaml", "a,b.yaml", "a b.yaml", "größe#1.yml", "=x.yaml", "~x.yaml"],
)
def test_existing_file_is_a_file_whatever_its_name(name):
    # rule 1.8: `runs/lr=0.1/config.yaml` is a file, not an override of `runs/lr`
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("a: 1\n", encoding="utf-8")
    assert kinds(name) == ["FileSource"]
    assert load(name).tree == {"a": 1}


def test_path_object_is_a_file():
    Path("x.yaml").write_text("a: 1\n")
    assert load(Path("x.yaml")).get("a") == 1


@pytest.mark.parametrize(
    "word", ["=a=1", "=a::b={}", "~a", "~a::0", "a=1", "a::b=1", "a=b=c", "a+=1", "a::0::b=x", "a=x/y"]
)
def test_word_with_a_path_is_an_override(word):
    assert kinds(word) == ["OverrideSource"]


def test_everything_after_the_first_equals_sign_is_the_value():
    assert load(["a=b=c"]).get("a") == "b=c"


def test_home_folder_is_not_a_deletion(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    Path("x.yaml").write_text("a: 1\n")
    assert load("~/x.yaml").get("a") == 1


def test_comma_list_of_existing_files_is_files():
    # rule 1.5: each missing name of a comma list, not the joined text
    for name, text in {"base.yaml": "a: 1\nb: 1\n", "exp.yaml": "b: 2\n"}.items():
        Path(name).write_text(text)
    assert load("base.yaml,exp.yaml").tree == {"a": 1, "b": 2}


def test_every_missing_file_of_a_comma_list_is_named():
    Path("base.yaml").write_text("a: 1\n")
    with pytest.raises(SourceError) as caught:
        parse_sources(["base.yaml,exq.yaml,basf.yaml"])
    assert [finding.message.split("'")[1] for finding in caught.value.findings] == ["exq.yaml", "basf.yaml"]
    assert caught.value.findings[1].nearest == ("base.yaml",)


@pytest.mark.parametrize("word", ["exp.yaml=1", "a,b=1", "x.ckpt", "nope", "a/b=1", "a::::b=1", "=", "", "bad\0name"])
def test_word_that_is_nothing_is_an_error_with_its_number(word):
    with pytest.raises(SourceError) as caught:
        parse_sources(["a=1", word], from_command_line=True)
    assert str(caught.value.findings[0].place) == "command line, word 2"


def test_all_wrong_words_are_reported():
    with pytest.raises(SourceError) as caught:
        parse_sources(["nope.yaml", "a=1", "nope2.yaml"])
    assert len(caught.value.findings) == 2


def test_folder_with_a_record_is_its_config():
    Path("runs/one").mkdir(parents=True)
    Path("runs/one/config.yaml").write_text("a: 1\n")
    Path("runs/one/record.json").touch()
    config = load(["runs/one", "a=2"])
    assert config.words == ("runs/one", "a=2")
    assert config.get("a") == 2
    assert str(config.chain("a")[1]) == "runs/one/config.yaml:1:4"


def test_folder_without_a_record_is_an_error_that_says_so():
    Path("empty").mkdir()
    with pytest.raises(SourceError, match="is not the folder of a run"):
        load("empty")
    Path("empty/record.json").touch()
    with pytest.raises(SourceError, match=r"it has no config\.yaml"):
        load("empty")
    Path("empty/record.json").unlink()
    Path("empty/config.yaml").write_text("a: 1\n")
    with pytest.raises(SourceError, match="name a config in it: empty/config") as error:
        load("empty")
    assert error.value.findings[0].nearest == ("empty/config.yaml",)


@pytest.mark.parametrize("word", ["epoch=9-step=10.ckpt", "models/epoch=9-step=10-v1.ckpt"])
def test_the_name_that_lightning_gives_a_checkpoint_is_no_override(word):
    with pytest.raises(SourceError, match="neither a file nor an override") as caught:
        parse_sources([word])
    assert "folder that holds it" in caught.value.findings[0].fix


def test_words_are_kept_as_they_were_given():
    Path("a.yaml").write_text("a: 1\n")
    Path("b.yaml").write_text("b: 1\n")
    assert load(["a.yaml,b.yaml", {"c": 2}, "c=3"]).words == ("a.yaml,b.yaml", "{'c': 2}", "c=3")


def test_checkpoint_gives_its_config_and_nothing_in_it_is_built():
    class Bomb:
        def __reduce__(self):
            return (os.system, ("touch exploded",))

    content = {"state_dict": Bomb(), "lighter_record": '{"config": "a: 1\\n"}', "epoch": 3}
    with zipfile.ZipFile("epoch=9-step=10.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content))
    assert load("epoch=9-step=10.ckpt").tree == {"a": 1}
    assert not Path("exploded").exists()


def test_sharded_checkpoint_folder_carries_its_config_as_a_file():
    Path("last.ckpt").mkdir()
    Path("last.ckpt/config.yaml").write_text("a: 1\n")
    assert load("last.ckpt").tree == {"a": 1}


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps({})])
def test_file_that_is_no_checkpoint_is_an_error(content):
    Path("x.ckpt").write_bytes(content)
    with pytest.raises(SourceError, match="not a complete checkpoint"):
        load("x.ckpt")


_NUMBERED = b"]r\xff\xff\xff\x7f"  # a list with a number that would take 16 GB in a table of all numbers
_EQUAL_HASHES = b"".join(b"\x8a\x0c" + (i * (2**61 - 1)).to_bytes(12, "little") + b"N" for i in range(30_000))
_RECORD = b'S"lighter_record"\nS\'{"config": "a: 1"}\'\n'


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "value",
    [_NUMBERED, b"}(" + _EQUAL_HASHES + b"u", b"(" + _EQUAL_HASHES + b"d", b"(" + _EQUAL_HASHES + b"\x91"],
    ids=["a large number", "a mapping", "a mapping in one piece", "a frozen set"],
)
def test_checkpoint_that_is_made_to_take_memory_or_time_is_read(value):
    with zipfile.ZipFile("x.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}(" + _RECORD + b"S'other'\n" + value + b"u.")
    assert load("x.ckpt").tree == {"a": 1}


@pytest.mark.parametrize("pickled", [b"]p9\n.", b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b"."])
def test_checkpoint_with_what_torch_never_writes_is_an_error(pickled):
    with zipfile.ZipFile("x.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    with pytest.raises(SourceError, match="damaged"):
        load("x.ckpt")


def test_checkpoint_whose_entries_are_larger_than_its_file_is_an_error():
    content = pickle.dumps({"lighter_record": '{"config": "a: 1\n"}', "zeros": "0" * 1_000_000})
    with zipfile.ZipFile("x.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", content)
    with pytest.raises(SourceError, match="not a complete checkpoint"):
        load("x.ckpt")


def test_checkpoint_without_a_config_says_how_to_use_it():
    with zipfile.ZipFile("x.ckpt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": {}}))
    with pytest.raises(SourceError, match="holds no config"):
        load("x.ckpt")


def test_stdin_is_read_once_and_left_for_other_ranks(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))
    monkeypatch.setenv("LIGHTER_STDIN_FILE", "")
    assert load("-").tree == {"a": 1}
    shared = Path(os.environ["LIGHTER_STDIN_FILE"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert load("-").tree == {"a": 1}
    shared.unlink()


def test_mapping_is_a_source_whose_place_is_the_callers_line():
    config = load([{"a": {"b": [1, 2]}}, "a::b::0=5"])
    assert config.get("a") == {"b": [5, 2]}
    place = config.place("a::b::1")
    assert place.source.endswith("test_words.py")
    assert place.line == sys._getframe().f_lineno - 4


def test_mapping_that_contains_itself_is_an_error():
    mapping = {}
    mapping["me"] = mapping
    with pytest.raises(SourceError, match="contains itself"):
        load(mapping)


def test_object_that_is_no_source_is_an_error():
    with pytest.raises(SourceError, match="is a int"):
        load([3])


def test_sources_can_be_loaded_twice():
    sources = parse_sources([{"a": {"b": 1}}, "a={c: 2}", "a::b=5"])
    assert load(sources).tree == load(sources).tree == {"a": {"b": 5, "c": 2}}


VALUES = {
    "": "",
    "null": None,
    "true": True,
    "1e-3": 1e-3,
    "a: b #1": "a: b #1",
    "@model": "@model",
    "%model": "%model",
    "$1+1": "$1+1",
    "\\@x": "\\@x",
    "[0, 1]": [0, 1],
    "{a: 1, b: [x]}": {"a": 1, "b": ["x"]},
    "'1'": "1",
    '"a b"': "a b",
    "yes": "yes",
    "a,b": "a,b",
    " 1": " 1",
    "- x": "- x",
    "!!python/name:os.system": "!!python/name:os.system",
    "&a": "&a",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_value_of_a_word(text, value):
    read = load([f"a={text}"]).get("a")
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "text", ["[0, 1", "{a", "'x", '"x', "[a]]", "{a: 1} b", "{a: 1, a: 2}", "[!!python/name:os x]"]
)
def test_value_that_starts_like_yaml_must_be_yaml(text):
    with pytest.raises(YamlError) as caught:
        parse_sources([f"a={text}"], from_command_line=True)
    assert str(caught.value.findings[0].place) == "command line, word 1"


@pytest.mark.parametrize(
    ("word", "message", "fix"),
    [("a.yaml,", "an empty name between commas", "extra comma"), ("", "an empty word", "variable of the shell")],
)
def test_an_empty_name_says_what_left_it_behind(
    load_texts: Callable[..., Config], word: str, message: str, fix: str
) -> None:
    with pytest.raises(SourceError) as caught:
        load_texts("a: 1", words=(word,))
    finding = caught.value.findings[-1]
    assert (finding.message, finding.nearest) == (message, ())
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("word", "path", "value"),
    [
        ("system::model::weights=runs/epoch=9-step=8.ckpt", "system::model::weights", "runs/epoch=9-step=8.ckpt"),
        ("args::test::ckpt_path=epoch=9-step=8.ckpt", "args::test::ckpt_path", "epoch=9-step=8.ckpt"),
        ("vars::weights=a/epoch=1-step=2-v1.ckpt", "vars::weights", "a/epoch=1-step=2-v1.ckpt"),
        ("vars::labels::val/acc=2", "vars::labels::val/acc", 2),
    ],
)
def test_checkpoint_name_or_slash_after_a_path_is_no_missing_file(word, path, value):
    assert load([word]).get(path) == value


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (["a", "=", "3"], "'=' stands alone", "without spaces"),
        (["trainer::a =3"], "'trainer::a =3' is neither a file nor an override", "write trainer::a=3,"),
        (["trainer::a= 3", "b = 4"], "'b = 4' is neither", "write b=4,"),
        (["a={epoch}"], "the value {epoch} is a mapping without values", """a='"{epoch}"'"""),
        (["a={epoch}-{step}"], "", """quote it: a='"{epoch}-{step}"'"""),
        (["a=[0-9]+"], "", """quote it: a='"[0-9]+"'"""),
    ],
)
def test_mistaken_word_says_what_to_write(words, message, fix):
    with pytest.raises(ConfigError) as caught:
        load([{"trainer": {}}, *words])
    assert message in str(caught.value)
    assert any(fix in finding.fix for finding in caught.value.findings)


def test_missing_file_whose_name_looks_like_override_is_told_apart():
    with pytest.raises(ConfigError, match=r"'best-epoch=9.ckpt' is neither a file nor an override"):
        load([{"trainer": {}}, "best-epoch=9.ckpt"])
