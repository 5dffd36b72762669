"""Every block of the documentation runs: one test a page, its blocks in order, in one folder and in this process.

- ``bash``: each ``lighter …`` is called, and must end with 0; after ``<!-- fails -->`` it must not. A training whose
  length the command does not say takes one epoch: that the examples train well is tested with them.
- ``python``: is executed; the blocks of a page share their names. With a title it is written as that file instead.
- ``yaml``: an experiment must pass every check for the stages that it has data for, anything else is checked as a
  fragment. With a title it is also written as that file, for the blocks below.
- ``text`` right below one of the first two, with nothing in between, is what it prints: each line must be in it, where
  ``...`` stands for any text.
- ``<!-- not run: why -->`` above a block leaves it out.

The rest of a page is skipped from the first sweep that runs on, where Optuna is not installed.
"""

import contextlib
import fnmatch
import io
import re
import shlex
import shutil
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import lighter_cli.errors  # noqa: F401  # so that all errors are defined
from lighter.errors import LighterError
from lighter_cli.app import app
from lighter_cli.terminal.process import reporting_errors
from lighter_config import Config, ConfigError, Finding, Severity, SignatureReader, Stage, check, load
from lighter_config.project import reader_for

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("packages/*/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
]
_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<marker>not run: .+?|fails) -->\n+)?"
    r'^(?P<indent> *)```(?P<language>\w+)(?: title="(?P<title>[^"\n]+)")?[^\n]*\n(?P<text>.*?)^ *```$',
    re.MULTILINE | re.DOTALL,
)
_LENGTHS = ("trainer::max_epochs=", "trainer::fast_dev_run=", "trainer::max_steps=")
_LOADERS = {Stage.FIT: "train", Stage.VALIDATE: "val", Stage.TEST: "test", Stage.PREDICT: "predict"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    title: str
    where: str
    must_fail: bool
    is_right_below: bool


@pytest.fixture(scope="session")
def reader() -> SignatureReader:
    return SignatureReader()


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_of_the_page_runs(page: Path, tmp_path: Path, reader: SignatureReader) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("outputs", "__pycache__"))
    sys.path.append(str(tmp_path))  # as a stage does
    names: dict[str, Any] = {"__name__": "__main__"}
    printed: str | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice of libraries for real runs; the tests of the packages forbid warnings
        for block in _blocks(page):
            if block.language == "text":
                if printed is not None and block.is_right_below:
                    _compare(block, printed)
                continue
            printed = _run(block, names, reader)


def test_the_pages_have_no_markers_without_a_reason() -> None:
    markers = re.findall(
        r"<!-- (?!not run: \w|fails -->|(?:end of the )?table -->|--)(.*?) -->",
        "\n".join(page.read_text() for page in PAGES),
    )
    assert markers == []


def test_the_reference_names_every_error_and_every_command() -> None:
    errors = (ROOT / "docs/reference/errors.md").read_text()
    commands = (ROOT / "docs/reference/commands.md").read_text()
    found = [*_all_subclasses(ConfigError), *_all_subclasses(LighterError)]
    assert [error.__name__ for error in found if f"`{error.__name__}`" not in errors] == []
    assert [name for name in app if not name.startswith("-") and f"`lighter {name}" not in commands] == []


def _all_subclasses(base: type[Exception]) -> list[type[Exception]]:
    own = [one for one in base.__subclasses__() if not one.__name__.startswith("_")]
    return [*own, *(further for one in own for further in _all_subclasses(one))]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    end = 0
    for match in _BLOCK.finditer(text):
        is_right_below, end = not text[end : match.start()].strip(), match.end()
        marker = match["marker"] or ""
        if marker.startswith("not run"):
            yield Block("skipped", "", "", "", False, False)
            continue
        line = text[: match.start()].count("\n") + 1
        lines = [text_line.removeprefix(match["indent"]) for text_line in match["text"].splitlines()]
        where = f"{page.relative_to(ROOT)}:{line}"
        block_text = "\n".join(lines) + "\n"
        yield Block(match["language"], block_text, match["title"] or "", where, marker == "fails", is_right_below)


def _run(block: Block, names: dict[str, Any], reader: SignatureReader) -> str | None:
    """Run a block; return what it printed."""
    if block.title:
        Path(block.title).parent.mkdir(parents=True, exist_ok=True)
        Path(block.title).write_text(block.text, encoding="utf-8")
    match block.language:
        case "yaml":
            _check_yaml(block, reader)
        case "bash":
            commands = [shlex.split(line, comments=True) for line in block.text.replace("\\\n", " ").splitlines()]
            return "".join(_run_command(words, block) for words in commands if words)
        case "python" if not block.title:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(block.text, block.where, "exec"), names)
            return output.getvalue()
        case "python" | "skipped":
            pass
        case _:
            pytest.fail(f"{block.where}: no one runs {block.language}; name it yaml, python, bash or text")
    return None


def _needs_no_optuna(words: list[str]) -> bool:
    """Return whether a sweep only says what would run, and names no class of Optuna."""
    files = [Path(word) for word in words if Path(word).is_file()]
    return "--dry-run" in words and not any("optuna." in file.read_text() for file in files)


def _run_command(words: list[str], block: Block) -> str:
    words = words[2:] if words[:2] == ["uv", "run"] else words
    assert words[0] == "lighter", f"{block.where}: `{words[0]}` is not run; say why in a marker above the block"
    if words[1] == "fit" and not block.must_fail and not any(word.startswith(_LENGTHS) for word in words):
        words = [*words, "trainer::max_epochs=1"]
    if words[1] == "sweep" and find_spec("optuna") is None and not _needs_no_optuna(words):
        pytest.skip(f"{block.where}: needs Optuna; nox's session `sweep` has it")
    output, code = io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            with reporting_errors():
                result = app(words[1:], result_action="return_value")
                code = result if isinstance(result, int) else 0
        except SystemExit as end:
            code = int(end.code or 0)
    assert (code != 0) == block.must_fail, f"{block.where}: {shlex.join(words)} ended with {code}\n{output.getvalue()}"
    return output.getvalue()


def _check_yaml(block: Block, reader: SignatureReader) -> None:
    file = Path(block.title or f"block_{re.sub(r'[^0-9a-z]', '_', block.where)}.yaml")
    file.write_text(block.text, encoding="utf-8")
    config = load([str(file)])
    if config.has("project"):
        reader = reader_for(config)
    if config.has("trainer::_target_"):
        stages = [stage for stage, mode in _LOADERS.items() if _has_data(config, mode)]
        findings = [finding for stage in (None, *stages) for finding in check(config, stage, reader=reader)]
    else:
        findings = check(config, is_fragment=True, reader=reader)
    assert not _errors(findings), f"{block.where}: " + "\n".join(map(str, _errors(findings)))
    if not block.title:
        file.unlink()


def _has_data(config: Config, mode: str) -> bool:
    return config.has(f"system::dataloaders::{mode}") or config.has(f"data::{mode}_dataloader")


def _errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _compare(block: Block, printed: str) -> None:
    """Look for each line of a block in what was printed, without regard to spaces."""
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for line in filter(None, (" ".join(line.split()) for line in block.text.splitlines())):
        pattern = re.sub(r"([\[*?])", r"[\1]", line).replace("...", "*")
        if not fnmatch.filter(lines, pattern):
            pytest.fail(f"{block.where}: `{line}` is not printed\n{printed}")
