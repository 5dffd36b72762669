"""Two hundred ways to write one valid experiment: none gives a finding."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import yaml

Tree = dict[str, Any]
Leaf = tuple[tuple[str, ...], Any]


def leaves(tree: Tree, at: tuple[str, ...] = ()) -> list[Leaf]:
    """The scalars that mappings hold, with their paths; not what a list holds."""
    found: list[Leaf] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found += leaves(value, (*at, key))
        elif not isinstance(value, list):
            found.append(((*at, key), value))
    return found


def take(tree: Tree, path: tuple[str, ...]) -> Any:
    for key in path[:-1]:
        tree = tree[key]
    return tree.pop(path[-1])


def put(tree: Tree, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value


def plain(leaf: Leaf) -> bool:
    """Whether a leaf is a number or truth value below a section that a run builds."""
    path, value = leaf
    return len(path) > 1 and path[0] in ("trainer", "system") and isinstance(value, int | float)


class Writer:
    """One experiment in several files and words, as a user may write it."""

    def __init__(self, text: str, chance: random.Random) -> None:
        self.tree: Tree = yaml.safe_load(text)
        self.later: Tree = {}
        self.words: list[str] = []
        self.chance = chance

    def reorder(self) -> None:
        self.tree = dict(self.chance.sample(list(self.tree.items()), len(self.tree)))

    def write_as_path(self) -> None:
        path, _ = self.chance.choice([leaf for leaf in leaves(self.tree) if plain(leaf)])
        self.tree["::".join(path)] = take(self.tree, path)

    def give_as_word(self) -> None:
        path, value = self.chance.choice([leaf for leaf in leaves(self.tree) if plain(leaf)])
        self.words.append(f"{'::'.join(path)}={yaml.safe_dump(value).splitlines()[0]}")

    def move_to_a_later_file(self) -> None:
        path, value = self.chance.choice([leaf for leaf in leaves(self.tree) if plain(leaf)])
        put(self.later, path, value)

    def name_a_callback(self) -> None:
        callback = self.chance.choice(self.tree["trainer"]["callbacks"])
        callback["_name_"] = f"callback{self.chance.random():.6f}".replace(".", "x")

    def default_a_reference(self) -> None:
        path, value = self.chance.choice([leaf for leaf in leaves(self.tree) if plain(leaf)])
        put(self.tree, path, f"%vars::not_there_{len(path)}?{value}".lower())

    def refer_to_a_variable(self) -> None:
        path, value = self.chance.choice([leaf for leaf in leaves(self.tree) if plain(leaf)])
        name = f"moved{len(self.tree['vars'])}"
        self.tree["vars"][name] = value
        put(self.tree, path, f"{self.chance.choice('@%')}vars::{name}")


MUTATIONS: list[Callable[[Writer], None]] = [
    Writer.reorder,
    Writer.write_as_path,
    Writer.give_as_word,
    Writer.move_to_a_later_file,
    Writer.name_a_callback,
    Writer.default_a_reference,
    Writer.refer_to_a_variable,
]


@pytest.mark.parametrize("seed", range(200))
def test_valid_way_to_write_an_experiment_gives_no_finding(checked, system_yaml, tmp_path, seed: int) -> None:
    chance = random.Random(seed)
    writer = Writer(system_yaml, chance)
    for mutate in chance.choices(MUTATIONS, k=chance.randint(1, 5)):
        mutate(writer)
    files = {"exp": yaml.safe_dump(writer.tree, sort_keys=False)}
    later = yaml.safe_dump(writer.later) if writer.later else ""
    if chance.random() < 0.5:
        (tmp_path / "base.yaml").write_text(files.pop("exp"))
        files["exp"] = f"_base_: base.yaml\n{later}"
    elif later:
        files["later"] = later
    assert checked(*writer.words, **files) == []
