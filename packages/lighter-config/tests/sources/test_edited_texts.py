"""Texts that somebody is editing: unsaved, broken for a moment, and read again only when they change."""

import os
import re
from pathlib import Path

import pytest

from lighter_config import SourceError, YamlError, load, parse_sources
from lighter_config.sources.edited_texts import EditedTexts
from lighter_config.sources.texts import Texts

GOOD = "trainer:\n  max_epochs: 3\n  callbacks:\n    - {a: 1}\n    - {b: 2}\nseed: 1\n"


@pytest.fixture
def texts() -> EditedTexts:
    return EditedTexts()


def read(texts: EditedTexts, text: str, name: str = "exp.yaml"):
    texts.edit(Path(name), text)
    return texts.tree(Path(name), name).plain()


def test_given_text_wins_over_the_file(tmp_path: Path):
    (tmp_path / "exp.yaml").write_text("seed: 1")
    assert load("exp.yaml", texts={"exp.yaml": "seed: 2"}).get("seed") == 2
    assert load("exp.yaml", texts={"other.yaml": "seed: 2"}).get("seed") == 1


def test_place_in_a_given_text_names_its_file():
    config = load("new.yaml", texts={"new.yaml": "vars:\n  rate: 0.1"})
    assert str(config.place("vars::rate")) == "new.yaml:2:9"


def test_files_that_a_given_text_names_may_be_given_too():
    given = {"exp.yaml": "_base_: base.yaml\ncopy: '%part.yaml::a'", "base.yaml": "seed: 3", "part.yaml": "a: 4"}
    config = load(["exp.yaml", "seed=5"], texts=given)
    assert config.expanded().tree == {"seed": 5, "copy": 4}


def test_file_that_is_neither_given_nor_there_is_missing():
    with pytest.raises(SourceError, match=r"'exq.yaml' is neither a file nor an override"):
        parse_sources(["exq.yaml"], texts=Texts({"exp.yaml": ""}))


def test_empty_given_text_is_an_empty_config(tmp_path: Path, texts: EditedTexts):
    (tmp_path / "exp.yaml").write_text("seed: 1")
    assert read(texts, "") == {}
    assert load("exp.yaml", texts={"exp.yaml": ""}).tree == {}


def test_unchanged_file_is_read_once(tmp_path: Path, texts: EditedTexts):
    (tmp_path / "exp.yaml").write_text(GOOD)
    first = texts.file(Path("exp.yaml"), "exp.yaml")
    assert texts.file(Path("exp.yaml"), "exp.yaml") is first
    (tmp_path / "exp.yaml").write_text("seed: 2")
    assert texts.tree(Path("exp.yaml"), "exp.yaml").plain() == {"seed": 2}


def test_tree_belongs_to_the_caller(texts: EditedTexts):
    texts.edit(Path("exp.yaml"), GOOD)
    texts.tree(Path("exp.yaml"), "exp.yaml").value.clear()
    assert "trainer" in texts.tree(Path("exp.yaml"), "exp.yaml").value


def test_closed_file_is_read_from_the_disk_again(tmp_path: Path, texts: EditedTexts):
    (tmp_path / "exp.yaml").write_text("seed: 1")
    assert read(texts, "seed: 2") == {"seed": 2}
    texts.close(Path("exp.yaml"))
    assert texts.tree(Path("exp.yaml"), "exp.yaml").plain() == {"seed": 1}


@pytest.mark.parametrize(
    "typed",
    [
        GOOD.replace("max_epochs: 3", "max_epochs: ["),
        GOOD.replace("max_epochs: 3", "max_epochs 3"),
        GOOD.replace("max_epochs: 3", 'max_epochs: "3'),
        GOOD.replace("max_epochs: 3", "max_epochs: @vars"),
        GOOD.replace("max_epochs: 3", "max_epochs: 3: 4"),
        GOOD.replace("{a: 1}", "{a: 1"),
    ],
)
def test_broken_line_is_read_as_it_was(texts: EditedTexts, typed: str):
    whole = read(texts, GOOD)
    assert read(texts, typed) == whole
    assert len(texts.findings(Path("exp.yaml"))) == 1


def test_lines_around_a_broken_one_are_read_as_they_are(texts: EditedTexts):
    read(texts, GOOD)
    tree = read(texts, GOOD.replace("3", "[").replace("b: 2", "b: 7").replace("seed: 1", "seed: 9"))
    assert tree == {"trainer": {"max_epochs": 3, "callbacks": [{"a": 1}, {"b": 7}]}, "seed": 9}


def test_new_line_that_is_broken_is_left_out(texts: EditedTexts):
    whole = read(texts, GOOD)
    assert read(texts, GOOD.replace("  callbacks", "  log_every\n  callbacks")) == whole
    tree = texts.file(Path("exp.yaml"), "exp.yaml").tree
    assert tree.value["seed"].key_mark.line == 6  # counted in the text as it is now


def test_file_that_was_never_whole_is_read_without_its_broken_line(texts: EditedTexts):
    assert read(texts, GOOD.replace("max_epochs: 3", "max_epochs 3")) == read(
        texts, GOOD.replace("  max_epochs: 3\n", "")
    )


def test_mended_text_has_no_findings_any_more(texts: EditedTexts):
    read(texts, GOOD)
    read(texts, GOOD.replace("3", "["))
    read(texts, GOOD)
    assert texts.findings(Path("exp.yaml")) == ()


def test_text_that_is_no_yaml_at_all_is_an_error(texts: EditedTexts):
    texts.edit(Path("exp.yaml"), "\n".join("{[" * 3 for _ in range(40)))
    with pytest.raises(YamlError):
        texts.tree(Path("exp.yaml"), "exp.yaml")


def test_text_of_which_nothing_can_be_read_has_its_own_findings(texts: EditedTexts):
    whole = "\n".join(f"a{number}: 1" for number in range(60))
    read(texts, whole)
    read(texts, whole.replace("a7: 1", "a7: ["))
    hopeless = re.sub(r"(\d*[02468]): 1", r"\1 1", whole)
    for _ in range(2):
        with pytest.raises(YamlError) as caught:
            read(texts, hopeless)
        assert texts.findings(Path("exp.yaml")) == caught.value.findings
    texts.close(Path("exp.yaml"))
    assert texts.findings(Path("exp.yaml")) == ()


def test_file_on_the_disk_that_is_broken_is_read_as_far_as_possible(tmp_path: Path, texts: EditedTexts):
    (tmp_path / "base.yaml").write_text("seed: 1\nvars: {a: 1\n")
    config = load("exp.yaml", texts=_with(texts, "_base_: base.yaml\nx: 2"))
    assert config.tree == {"seed": 1, "x": 2}
    assert texts.findings(tmp_path / "base.yaml")


def _with(texts: EditedTexts, text: str) -> EditedTexts:
    texts.edit(Path("exp.yaml"), text)
    return texts


def test_change_on_the_disk_of_the_same_length_is_seen(tmp_path: Path, texts: EditedTexts):
    file = tmp_path / "exp.yaml"
    file.write_text("seed: 1")
    texts.tree(file, "exp.yaml")
    file.write_text("seed: 2")
    os.utime(file, ns=(1, 1))
    assert texts.tree(file, "exp.yaml").plain() == {"seed": 2}


def test_links_in_a_circle_are_files_that_are_not_there(tmp_path: Path, texts: EditedTexts):
    (tmp_path / "circle.yaml").symlink_to("elcric.yaml")
    (tmp_path / "elcric.yaml").symlink_to("circle.yaml")
    for text in ("_base_: circle.yaml", "_base_: circel.yaml"):
        with pytest.raises(SourceError, match="does not exist"):
            load("exp.yaml", texts={"exp.yaml": text})
    texts.edit(tmp_path / "circle.yaml", "seed: 1")
    config = load("circle.yaml", texts=texts)
    assert config.get("seed") == 1
    assert config.files == (tmp_path / "circle.yaml",)
