"""``lighter migrate`` refuses what is too large or too deep at once; every bomb here is small and bounded."""

from pathlib import Path

import pytest

from lighter_cli.migration import migrate
from lighter_config import YamlError

ALIASES = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 25))
MERGES = "m0: &m0 {x: 1, y: 2}\n" + "".join(
    f"m{i}: &m{i} {{<<: [*m{i - 1}, *m{i - 1}], k{i}: 1}}\n" for i in range(1, 25)
)
BOMBS = {
    "aliases of aliases": (ALIASES, "a config can hold 100,000 values"),
    "merged mappings": (MERGES, "a config can hold 100,000 values"),
    "lists in lists": ("a: " + "[" * 3_000 + "]" * 3_000, "a config can be 200 levels deep"),
    "mappings in mappings": ("".join(f"{' ' * i}a:\n" for i in range(300)), "a config can be 200 levels deep"),
    "lists that are not closed": ("a: " + "[" * 3_000, "a config can be 200 levels deep"),
    "aliases in each other": (
        "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 300)),
        "a config can be 200 levels deep",
    ),
    "an alias of itself": ("a: &a [*a]\n", "the alias *a is inside its own anchor"),
    "very many keys": ("vars:\n" + "".join(f"  k{i}:\n" for i in range(100_001)), "a config can hold 100,000 values"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_at_once(bomb: str) -> None:
    text, message = BOMBS[bomb]
    Path("bomb.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(YamlError, match=message.replace("*", r"\*")) as caught:
        migrate(["bomb.yaml"])
    place = caught.value.findings[0].place
    assert place is not None
    assert place.source == "bomb.yaml"


def test_aliases_and_merges_of_a_usual_config_are_migrated() -> None:
    text = "vars: &v {a: &n 1, b: [*n, *n]}\ntrainer: {<<: *v, max_epochs: 3}\n"
    Path("config.yaml").write_text(text, encoding="utf-8")
    (migrated,) = migrate(["config.yaml"])
    assert migrated.after == text


@pytest.mark.timeout(60)
@pytest.mark.parametrize("line", ["\n", "#\n", " \n", "# @\n"])
def test_many_empty_lines_are_looked_through_once(line: str) -> None:
    text = line * 2_000 + "trainer: {max_epochs: 3}\n"
    Path("config.yaml").write_text(text, encoding="utf-8")
    (migrated,) = migrate(["config.yaml"])
    assert migrated.after == text
