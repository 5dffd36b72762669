"""Fixtures of every test of this package: an empty folder to work in, and a short way to load."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lighter_config import Config, load, parse_sources

Load = Callable[..., Config]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(_process_is_left_as_it_was: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _process_is_left_as_it_was() -> Iterator[None]:
    before = (dict(os.environ), list(sys.path))
    yield
    after = (dict(os.environ), list(sys.path))
    for state in (before[0], after[0]):
        state.pop("PYTEST_CURRENT_TEST", None)
    assert after == before


@pytest.fixture
def load_texts(tmp_path: Path) -> Load:
    """Return a function that writes texts to ``a.yaml``, ``b.yaml``, ... and loads them, then words, as commands do."""

    def load_them(*texts: str, words: tuple[str, ...] = ()) -> Config:
        names = []
        for letter, text in zip("abcdef", texts, strict=False):
            (tmp_path / f"{letter}.yaml").write_text(text, encoding="utf-8")
            names.append(f"{letter}.yaml")
        return load(parse_sources([*names, *words], from_command_line=True))

    return load_them
