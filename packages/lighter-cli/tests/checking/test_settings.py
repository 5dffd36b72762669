"""``[tool.lighter]`` of a pyproject.toml: what it says, and every mistake in it with its place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lighter_cli.checking.settings import Settings, read_settings
from lighter_cli.checking.tool_table import names_of_checks
from lighter_config import Finding, Severity

Write = Callable[[str, str], Path]

FILES = ("base.yaml", "small.yaml", "variants/a.yaml", "variants/b.yaml", "sizes/big.yaml", "sizes/tiny.yml")


@pytest.fixture
def read(tmp_path: Path, write: Write) -> Callable[[str], Settings]:
    """Read a table in a folder with some configs."""
    for name in FILES:
        write(name, "seed: 1\n")

    def read_text(text: str) -> Settings:
        (tmp_path / "pyproject.toml").write_text(text)
        return read_settings(tmp_path)

    return read_text


def findings_of(settings: Settings) -> list[tuple[str, str]]:
    return [(str(finding.place), finding.message) for finding in settings.findings]


def test_a_folder_without_a_table_has_no_settings(read: Callable[[str], Settings], tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()
    assert read('[project]\nname = "lighter-user"\n') == Settings()
    assert read("tool = 3  # lighter\n") == Settings()


def test_the_nearest_file_that_has_the_table_is_read(read: Callable[[str], Settings], write: Write) -> None:
    settings = read('[tool.lighter]\nsearch-path = ["variants"]\n')
    inner = write("inner/deep/pyproject.toml", '[project]\nname = "no-lighter"\n').parent
    assert read_settings(inner) == settings
    assert settings.search_path == (Path.cwd() / "variants",)
    write("inner/pyproject.toml", "[tool.lighter.severity]\nseed = 'off'\n")
    assert read_settings(inner).severities == {"seed": None}
    assert read_settings(inner).search_path == ()


def test_a_list_is_one_experiment_in_its_order(read: Callable[[str], Settings], tmp_path: Path) -> None:
    settings = read('[tool.lighter.experiments]\nsmall = ["base.yaml", "small.yaml", "seed=2"]\n')
    [experiment] = settings.experiments
    assert experiment.name == "small"
    assert experiment.words == ("base.yaml", "small.yaml", "seed=2")
    assert experiment.files == (tmp_path / "base.yaml", tmp_path / "small.yaml")
    assert [str(source) for source in experiment.sources()] == ["base.yaml", "small.yaml", "seed=2"]
    assert str(experiment.place) == "pyproject.toml:2"
    assert settings.findings == ()


def test_a_glob_alone_is_an_experiment_for_each_file(read: Callable[[str], Settings]) -> None:
    settings = read('[tool.lighter.experiments]\neach = "variants/*.yaml"\nall = "**/[ab].y*ml"\n')
    assert [(one.name, *one.words) for one in settings.experiments] == [
        ("each[variants/a.yaml]", "variants/a.yaml"),
        ("each[variants/b.yaml]", "variants/b.yaml"),
        ("all[variants/a.yaml]", "variants/a.yaml"),
        ("all[variants/b.yaml]", "variants/b.yaml"),
    ]


def test_a_glob_in_a_list_varies_one_of_its_files(read: Callable[[str], Settings]) -> None:
    settings = read('[tool.lighter]\nexperiments.each = ["base.yaml", "variants/*.yaml", "seed=3"]\n')
    assert [one.words for one in settings.experiments] == [
        ("base.yaml", "variants/a.yaml", "seed=3"),
        ("base.yaml", "variants/b.yaml", "seed=3"),
    ]


def test_two_globs_in_a_list_are_combined(read: Callable[[str], Settings]) -> None:
    settings = read('[tool.lighter.experiments]\ngrid = ["variants/*.yaml", "sizes/*"]\n')
    assert [one.name for one in settings.experiments] == [
        f"grid[variants/{variant}.yaml, sizes/{size}]" for variant in "ab" for size in ("big.yaml", "tiny.yml")
    ]


def test_a_glob_leaves_out_files_that_its_list_names(read: Callable[[str], Settings]) -> None:
    settings = read('[tool.lighter.experiments]\neach = ["base.yaml", "*.yaml"]\npairs = ["*.yaml", "*.yaml"]\n')
    assert [one.words for one in settings.experiments] == [
        ("base.yaml", "small.yaml"),
        ("base.yaml", "small.yaml"),
        ("small.yaml", "base.yaml"),
    ]


def test_a_file_whose_name_looks_like_a_glob_is_a_file(read: Callable[[str], Settings], write: Write) -> None:
    write("what[ab].yaml", "seed: 1\n")
    settings = read('[tool.lighter.experiments]\none = "what[ab].yaml"\n')
    assert [one.words for one in settings.experiments] == [("what[ab].yaml",)]


def test_names_are_relative_to_the_table(
    read: Callable[[str], Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read('[tool.lighter.experiments]\nsmall = ["base.yaml", "small.yaml"]\n')
    monkeypatch.chdir(tmp_path / "variants")
    [experiment] = read_settings(Path.cwd()).experiments
    assert experiment.words == (str(tmp_path / "base.yaml"), str(tmp_path / "small.yaml"))


def test_severities_change_findings_or_drop_them(read: Callable[[str], Settings]) -> None:
    settings = read('[tool.lighter.severity]\nseed = "error"\nloader_workers = "off"\narguments = "note"\n')
    found = [
        Finding(message="1", check="seed", severity=Severity.WARNING),
        Finding(message="2", check="loader_workers"),
        Finding(message="3", check="arguments"),
        Finding(message="4", check="targets"),
    ]
    assert [(one.message, one.severity) for one in settings.judged(found)] == [
        ("1", Severity.ERROR),
        ("3", Severity.NOTE),
        ("4", Severity.ERROR),
    ]


def test_checks_have_names_of_one_form() -> None:
    names = names_of_checks()
    assert {"argument_types", "loader_workers", "launcher", "tracking", "seed", "shapes", "loading"} <= set(names)
    assert all(name.replace("_", "").islower() for name in names)
    assert "safety" not in names  # a table cannot allow what --safe refuses


@pytest.mark.parametrize(
    ("text", "place", "message", "nearest"),
    [
        ("serch-path = ['variants']", "3:1", "[tool.lighter] has no key 'serch-path'", "search-path"),
        ("trainer.max_epochs = 3", "3:1", "[tool.lighter] has no key 'trainer'", None),
        ("experiments = ['base.yaml']", "3:1", "experiments must be a table of names", None),
        ("search-path = 'variants'", "3:1", "search-path must be a list of folders", None),
        ("search-path = [1]", "3:1", "search-path must be a list of folders", None),
        (
            "search-path = [\n  'variants',\n  'size',\n]",
            "5:3",
            "search-path: the folder 'size' does not exist",
            "sizes",
        ),
        ("search-path = ['base.yaml']", "3:16", "search-path: the folder 'base.yaml' does not exist", None),
        ("severity = 'off'", "3:1", "severity must be a table of checks", None),
        ("severity.monitor = 'off'", "3:10", "severity: there is no check 'monitor'", "monitors"),
        ("severity.safety = 'off'", "3:10", "severity: there is no check 'safety'", None),
        ("severity.seed = 'warn'", "3:10", "severity: seed has 'warn', which is not a severity", "warning"),
        ("severity.seed = false", "3:10", "severity: seed has False, which is not a severity", None),
        ("experiments.one = []", "3:13", "the experiment 'one' names no file", None),
        ("experiments.one = 'seed=3'", "3:13", "the experiment 'one' names no file", None),
        ("experiments.one = 3", "3:13", "the experiment 'one' must be a list of files", None),
        ("experiments.one = ['base.yaml', 3]", "3:13", "the experiment 'one' must be a list of files", None),
        ("experiments.one = 'bose.yaml'", "3:19", "the experiment 'one': 'bose.yaml' does not exist", "base.yaml"),
        ("experiments.one = ['base.yaml', '']", "3:33", "the experiment 'one': '' is a folder", None),
        ("experiments.one = 'variants'", "3:19", "the experiment 'one': 'variants' is a folder", None),
        ("experiments.one = 'variant/*'", "3:19", "the experiment 'one': 'variant/*' matches no file", "variants/*"),
        ("experiments.one = 'a\\u0000.yaml'", None, "the experiment 'one': 'a\\\\u0000.yaml' does not exist", None),
        ("[tool.lighter.experiments.one]\nx = 1", "3:27", "the experiment 'one' is a table, not a list of files", None),
    ],
)
def test_a_mistake_has_its_place_and_the_nearest_name(
    read: Callable[[str], Settings], text: str, place: str | None, message: str, nearest: str | None
) -> None:
    settings = read(f"# lighter\n[tool.lighter]\n{text}\n")
    [finding] = settings.findings
    assert finding.message == message
    assert finding.severity is Severity.ERROR
    assert place is None or str(finding.place) == f"pyproject.toml:{place}"
    assert finding.nearest[:1] == (() if nearest is None else (nearest,))
    assert finding.excerpt


def test_right_entries_beside_wrong_ones_are_used(read: Callable[[str], Settings]) -> None:
    settings = read(
        "[tool.lighter]\nsearch-path = ['variants', 'gone']\n"
        "[tool.lighter.experiments]\ngood = 'base.yaml'\nbad = 'gone.yaml'\n"
        "[tool.lighter.severity]\nseed = 'off'\nbad = 'off'\n"
    )
    assert len(settings.findings) == 3
    assert [one.name for one in settings.experiments] == ["good"]
    assert (settings.search_path, settings.severities) == ((Path.cwd() / "variants",), {"seed": None})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"[tool.lighter\nx = 1\n", "pyproject.toml:1:14"),
        (b"[tool.lighter]\nexperiments = [\n", "pyproject.toml"),
        (b"[tool.lighter]\nseverity.seed = 'off'\nseverity.seed = 'off'\n", "pyproject.toml:3:22"),
        (b"# \xff\n[tool.lighter]\n", "pyproject.toml:1:3"),
        (b"[tool.lighter]\nx = " + b"[" * 5000 + b"]" * 5000, "pyproject.toml"),
        (b"[tool.lighter]\nx = 1" + b"0" * 5000, "pyproject.toml"),
        (b"[tool.lighter]\n" + b"# long\n" * 200_000, "pyproject.toml"),
    ],
    ids=["header", "end", "twice", "encoding", "deep", "digits", "large"],
)
def test_a_damaged_file_is_one_error(tmp_path: Path, text: bytes, place: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text)
    settings = read_settings(tmp_path)
    [finding] = settings.findings
    assert finding.message.startswith("pyproject.toml is not valid TOML: ")
    assert str(finding.place).startswith(place)
    assert (settings.experiments, settings.search_path, settings.severities) == ((), (), {})


def test_a_damaged_file_without_the_table_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n# for lighter\n")
    assert read_settings(tmp_path) == Settings()


def test_special_files_are_no_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    assert read_settings(tmp_path) == Settings()


def test_a_glob_follows_no_links_and_looks_at_no_hidden_files(read: Callable[[str], Settings], write: Write) -> None:
    write(".hidden/c.yaml", "seed: 1\n")
    write("variants/.d.yaml", "seed: 1\n")
    (Path.cwd() / "variants" / "up").symlink_to(Path.cwd())
    os.mkfifo(Path.cwd() / "variants" / "pipe.yaml")
    settings = read('[tool.lighter.experiments]\nall = "**/*.yaml"\nhidden = ".*/*"\n')
    assert [one.words[0] for one in settings.experiments] == [
        "base.yaml",
        "sizes/big.yaml",
        "small.yaml",
        "variants/a.yaml",
        "variants/b.yaml",
        ".hidden/c.yaml",
    ]


def test_a_glob_that_looks_at_too_much_is_an_error(
    read: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lighter_cli.checking.experiment_table._MAX_ENTRIES", 3)
    [finding] = read('[tool.lighter.experiments]\nall = "**/*.yaml"\n').findings
    assert finding.message == "the experiment 'all': '**/*.yaml' looks at more than 3 files"


def test_an_absolute_and_a_rising_glob_find_files(read: Callable[[str], Settings], tmp_path: Path) -> None:
    settings = read(f'[tool.lighter.experiments]\na = "{tmp_path}/variants/a*"\nb = "sizes/../variants/b*"\n')
    assert [one.files for one in settings.experiments] == [
        (tmp_path / "variants/a.yaml",),
        (tmp_path / "variants/b.yaml",),
    ]
