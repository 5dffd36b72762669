"""Names and numbers that no system can hold, and source that Python's parser gives up on, give findings."""

from pathlib import Path

import pytest

from lighter_config import ConfigError, Signature, SignatureReader, Unknown, YamlError, check, load
from lighter_config.project import find_project

NAMES = ["x" * 256, "x" * 5_000, "a\0b", "\ud800", "~no-such-user-here", "~/" + "x" * 300]


@pytest.mark.parametrize("name", NAMES)
def test_a_project_may_have_any_name(name: str) -> None:
    project, (finding,) = find_project(load([{"project": name}]))
    assert project is None
    assert finding.message == f"the `project` folder {name!r} does not exist"


@pytest.mark.parametrize("name", NAMES)
def test_a_word_may_be_any_text(name: str) -> None:
    for word in (name, f"{name}.yaml", f"{name}.ckpt", f"{name},{name}", Path(name)):
        with pytest.raises(ConfigError):
            load([word])


@pytest.mark.parametrize("name", NAMES)
def test_bases_references_and_checkpoints_may_have_any_name(name: str) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load([{"_base_": name}])
    config = load([{"vars": {"a": f"%{name}::x"}, "args": {"test": {"ckpt_path": name}}}])
    assert any("ckpt_path" in finding.path for finding in check(config))


def test_a_hexadecimal_number_is_read_while_python_can_write_it() -> None:
    Path("config.yaml").write_text(f"seed: 0x{'f' * 3_000}\n", encoding="utf-8")
    assert str(load("config.yaml").get("seed"))
    Path("config.yaml").write_text(f"seed: 0x{'f' * 4_000}\n", encoding="utf-8")
    with pytest.raises(YamlError, match="an integer of 4,002 digits is too long to read"):
        load("config.yaml")
    assert load(f"seed=0x{'f' * 4_000}").get("seed") == f"0x{'f' * 4_000}"


SOURCES = {
    "a long chain of elif": "import sys\nif sys.argv == 0:\n    def make(): ...\n"
    + "".join(f"elif sys.argv == {number}:\n    def make(x): ...\n" for number in range(1, 5_000)),
    "parentheses": "x = " + "(" * 5_000 + ")" * 5_000 + "\ndef make(): ...\n",
    "four megabytes": "x = 1\n" * 800_000 + "def make(): ...\n",
    "signs": "x = " + "-" * 20_000 + "1\ndef make(): ...\n",
}


@pytest.mark.parametrize("source", SOURCES)
def test_source_that_the_parser_gives_up_on_is_unknown(source: str) -> None:
    Path("code").mkdir()
    Path("code/deep.py").write_text(SOURCES[source], encoding="utf-8")
    answer = SignatureReader(project=Path("code").absolute(), cache_folder=None).read("project.deep.make")
    assert isinstance(answer, Unknown | Signature)
    assert isinstance(answer, Unknown) or source == "signs"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("first", ["", "(unknown.Base)"])
def test_classes_with_the_same_two_bases_many_times_are_read(first: str, tmp_path: Path) -> None:
    pairs = "".join(f"class A{i}(A{i - 1}, B{i - 1}): ...\nclass B{i}(A{i - 1}, B{i - 1}): ...\n" for i in range(1, 60))
    text = f"class A0{first}:\n    def __init__(self, width): ...\nclass B0: ...\n{pairs}class Net(A59): ...\n"
    (tmp_path / "models.py").write_text(text, encoding="utf-8")
    reader = SignatureReader(project=tmp_path)
    answer = reader.read("project.models.Net")
    assert isinstance(answer, Signature if not first else Unknown)
    assert reader.is_subclass("project.models.Net", "torch.nn.Module") is (None if first else False)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["${a:" * 200_000, "${oc.decode:" * 50_000, "$" * 500_000, "[" * 500_000, "{" * 100_000, "@a::" * 100_000]
)
def test_a_long_text_is_looked_through_once(text: str) -> None:
    check(load([{"vars": {"a": f"x {text}", "api_key": text}}]))
