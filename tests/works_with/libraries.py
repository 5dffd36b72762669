"""The rows of `libraries.toml`: what is installed for each library, and what the page says of it."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).parent / "libraries.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One row of the page.

    Attributes:
        requires: The requirements of its environment, the library first; empty if it cannot be installed.
        modules: What the recipe imports.
        guess: What was expected before the first run.
        happened: What the first runs showed.
        recipe: The recipe or the limit.
        build: The build of torch, ``cpu`` or ``cuda``.
        beside: The files between `trainer.yaml` and the recipe.
        options: Options of the commands that read a checkpoint.
        environment: What is set in the environment.
        inexact_with: Overrides with which a resumed fit does not end as an uninterrupted one.
    """

    requires: list[str]
    modules: list[str]
    guess: str
    happened: str
    recipe: str
    build: str = "cpu"
    beside: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    inexact_with: str = ""


LIBRARIES = {name: Library(**row) for name, row in tomllib.loads(FILE.read_text(encoding="utf-8")).items()}
