"""Which experiments a file belongs to: its first line says it, or the table."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.checking.experiments import experiments_of
from lighter_cli.checking.settings import Settings, read_settings

Write = Callable[[str, str], Path]


@pytest.fixture
def settings(write: Write) -> Settings:
    """A table with two experiments that share a base."""
    write("base.yaml", "seed: 1\n")
    write("small.yaml", "seed: 2\n")
    write("large.yaml", "seed: 3\n")
    write(
        "pyproject.toml",
        """
        [tool.lighter.experiments]
        small = ["base.yaml", "small.yaml"]
        large = ["base.yaml", "large.yaml"]
        """,
    )
    return read_settings(Path.cwd())


def test_a_file_belongs_to_each_experiment_that_names_it(settings: Settings, write: Write) -> None:
    assert [one.name for one in experiments_of(Path("base.yaml"), "", settings)] == ["small", "large"]
    assert [one.name for one in experiments_of(Path("large.yaml"), "", settings)] == ["large"]
    assert experiments_of(write("alone.yaml", ""), "", settings) == ()


def test_a_link_belongs_to_the_experiments_of_its_file(settings: Settings) -> None:
    Path("link.yaml").symlink_to("large.yaml")
    assert [one.name for one in experiments_of(Path("link.yaml"), "", settings)] == ["large"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("# lighter: base.yaml, this", ("base.yaml", "sub/part.yaml")),
        ("#lighter:this,../large.yaml", ("sub/part.yaml", "large.yaml")),
        (
            "# lighter: ../base.yaml, this, vars::a=[1, 2], b={x: 1, y: 2}, c='1, 2', ~seed\r",
            ("base.yaml", "sub/part.yaml", "vars::a=[1, 2]", "b={x: 1, y: 2}", "c='1, 2'", "~seed"),
        ),
        ("\ufeff# lighter: this, seed=1", ("sub/part.yaml", "seed=1")),
    ],
)
def test_the_first_line_wins_over_the_table(
    settings: Settings, write: Write, line: str, words: tuple[str, ...]
) -> None:
    file = write("sub/part.yaml", "")
    write("sub/base.yaml", "seed: 1\n")
    expected = tuple(f"sub/{word}" if word == "base.yaml" and "../base" not in line else word for word in words)
    [experiment] = experiments_of(file, f"{line}\nseed: 1\n", settings)
    assert (experiment.words, experiment.findings) == (expected, ())
    assert file in experiment.files
    [own] = experiments_of(Path("small.yaml"), "# lighter: this, large.yaml\n", settings)
    assert own.words == ("small.yaml", "large.yaml")


@pytest.mark.parametrize("text", ["seed: 1\n# lighter: base.yaml, this\n", "# lighter base.yaml, this\n"])
def test_other_comments_name_no_experiment(write: Write, text: str) -> None:
    assert experiments_of(write("part.yaml", text), text, Settings()) == ()


@pytest.mark.parametrize(
    ("line", "column", "message", "nearest"),
    [
        ("# lighter: bese.yaml, this", 12, "'bese.yaml' is neither a file nor an override", "base.yaml"),
        ("# lighter: this, base", 18, "'base' is neither a file nor an override", "base.yaml"),
        ("# lighter: this,, base.yaml", 17, "an empty name between commas", ""),
        ("# lighter: base.yaml", 1, "the first line names an experiment without this file: it lacks `this`", ""),
        ("# lighter:", 1, "the first line names an experiment without this file: it lacks `this`", ""),
    ],
)
def test_a_mistake_in_the_first_line_has_its_place(
    settings: Settings, line: str, column: int, message: str, nearest: str
) -> None:
    [experiment] = experiments_of(Path("small.yaml"), f"{line}\nseed: 1\n", settings)
    [finding] = experiment.findings
    assert (finding.message, str(finding.place)) == (message, f"small.yaml:1:{column}")
    assert finding.nearest[:1] == ((nearest,) if nearest else ())
    assert finding.excerpt == line
