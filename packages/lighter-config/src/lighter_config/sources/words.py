"""Turn words into sources: decide which word is a file, an override or a mistake."""

import atexit
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from lighter_config.errors import SourceError
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.regular_files import exists, is_regular, with_home
from lighter_config.sources.file_names import nearest_files, shown
from lighter_config.sources.overrides import is_path, parse_override
from lighter_config.sources.run_folders import RECORD_FILE, RECORDED_CONFIG, run_folder
from lighter_config.sources.texts import Texts
from lighter_config.tree.credentials import hidden_secrets
from lighter_config.tree.origins import Caller, Word

CONFIG_SUFFIXES = (".yaml", ".yml")
CHECKPOINT_SUFFIXES = (".ckpt",)
_LIGHTNINGS_NAME = re.compile(r"([^=]*/)?epoch=\d+-step=\d+(-v\d+)?\.ckpt")
"""Lightning's default names of checkpoints, which contain `=` as an override does."""

_STDIN_FILE = "LIGHTER_STDIN_FILE"


@dataclass(frozen=True, slots=True)
class FileSource:
    """A config file.

    Attributes:
        path: Where it is.
        name: As the user named it.
        word: Its position among the words, from 1.
        caller: The line of Python that gave it; ``None`` for a word of the command line.
    """

    path: Path
    name: str
    word: int = 0
    caller: Place | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class CheckpointSource:
    """A checkpoint; its source is the config stored in it."""

    path: Path
    name: str
    word: int = 0
    caller: Place | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RunSource:
    """The folder of a run, or of a sweep's trial; its source is the config stored in it."""

    path: Path
    name: str
    word: int = 0
    caller: Place | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class StdinSource:
    """YAML from standard input, already read."""

    text: str
    word: int = 0

    def __str__(self) -> str:
        return "-"


@dataclass(frozen=True, slots=True)
class OverrideSource:
    """One override.

    Attributes:
        text: The word.
        word: Its position among the words, from 1.
        caller: The line of Python that gave it; ``None`` for a word of the command line.
    """

    text: str
    word: int = 0
    caller: Place | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class DimensionSource:
    """One dimension of a sweep.

    Attributes:
        text: The word.
        word: Its position among the words, from 1.
        caller: The line of Python that gave it; ``None`` for a word of the command line.
    """

    text: str
    word: int = 0
    caller: Place | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class MappingSource:
    """A mapping from Python, and the line that gave it."""

    mapping: Mapping[Any, Any]
    place: Place
    word: int = 0

    def __str__(self) -> str:
        return str(self.mapping)


Source: TypeAlias = (
    FileSource | CheckpointSource | RunSource | StdinSource | OverrideSource | DimensionSource | MappingSource
)


LookUpRun: TypeAlias = Callable[[str], Path | Sequence[str]]
"""Returns the folder of the run that a word names, else the nearest names of runs.

Raises SourceError if it names several.
"""


def parse_sources(
    words: Sequence[str | os.PathLike[str] | Mapping[Any, Any] | Source],
    *,
    from_command_line: bool = False,
    look_up_run: LookUpRun | None = None,
    first: int = 1,
    sweeping: bool = False,
    texts: Texts | None = None,
) -> list[Source]:
    """Decide what each word is: a file, a checkpoint, a run, an override.

    An existing file wins over every other reading, so ``runs/lr=0.1/config.yaml`` is a file. A mapping is a source
    too; its place is the caller's line.

    Args:
        words: Inputs; those that are sources stay as they are.
        from_command_line: Whether the places say so; otherwise they name the line of Python that called.
        look_up_run: Finds the runs that words name, where nothing else fits.
        first: The position of the first one.
        sweeping: Whether a word may be a dimension of a sweep, as ``lr:=1e-4..1e-1:log``; else that is an error.
        texts: What files there are; by default those on the disk.

    Raises:
        SourceError: Words that are none of these; every one of them is named.
        YamlError: The value of an override starts like YAML, but is not YAML.

    >>> [type(source).__name__ for source in parse_sources(["trainer::max_epochs=3", {"seed": 1}])]
    ['OverrideSource', 'MappingSource']
    """
    sources: list[Source] = []
    findings: list[Finding] = []
    is_new = any(not isinstance(word, Source) for word in words)
    caller = caller_place() if is_new and not from_command_line else None
    for number, word in enumerate(words, start=first):
        try:
            with hidden_secrets():
                sources.extend(_sources_of(word, _Position(number, caller, look_up_run, sweeping, texts or Texts())))
        except SourceError as error:
            findings.extend(error.findings)
    if findings:
        raise SourceError(*findings)
    return sources


@dataclass(frozen=True, slots=True)
class _Position:
    """Which input it is, of which call, and how to find runs.

    Attributes:
        number: Its position among the inputs, from 1.
        caller: The line of Python that gave it; ``None`` for a word of the command line.
        look_up_run: Finds the runs that words name.
        sweeping: Whether it may be a dimension of a sweep.
        texts: What files there are.
    """

    number: int
    caller: Place | None
    look_up_run: LookUpRun | None
    sweeping: bool
    texts: Texts

    @property
    def place(self) -> Place:
        """The place of the input."""
        return Place.of_input(self.number, self.caller)


def _sources_of(word: str | os.PathLike[str] | Mapping[Any, Any] | Source, at: _Position) -> list[Source]:
    if isinstance(word, Mapping):
        return [MappingSource(word, at.caller or caller_place(), at.number)]
    if isinstance(word, Source):
        return [word]
    if isinstance(word, str):
        return _sources_of_text(word, at)
    try:
        name = os.fspath(word)
    except TypeError as error:
        message = f"a source must be a file, an override or a mapping, {word!r} is a {type(word).__name__}"
        raise SourceError(Finding(message=message, place=at.place)) from error
    return [_file(name, at) or _run(name, at) or _missing([name], name, at)]


def _sources_of_text(word: str, at: _Position) -> list[Source]:
    """The order of these questions decides; each comment is the rule in docs/reference/config-language.md."""
    if word == "-":  # 1.1
        return [StdinSource(_read_stdin(), at.number)]
    if source := _file(word, at):  # 1.2
        return [source]
    if word[:1] == "=" or (word[:1] == "~" and word[1:2] != "/"):  # 1.3
        return [_override(word, at)]
    if ":=" in word and (dimension := _dimension(word, at)):
        return [dimension]
    if "=" not in word and (run := _run(word, at)):  # 1.4
        return [run]
    if "," in word:  # 1.5
        parts = word.split(",")
        files = [_file(part, at) or _run(part, at) for part in parts]
        if all(files):
            return [source for source in files if source]
        before = word.partition("=")[0]
        if "," in before or before.endswith((*CONFIG_SUFFIXES, *CHECKPOINT_SUFFIXES)):
            _missing([part for part, source in zip(parts, files, strict=True) if not source], word, at)
    before, equals, _ = word.partition("=")
    if before.endswith((*CONFIG_SUFFIXES, *CHECKPOINT_SUFFIXES)) or _LIGHTNINGS_NAME.fullmatch(word):
        _missing([word], word, at)
    if equals and is_path(before.removesuffix("+")):  # 1.6
        return [_override(word, at)]
    if equals or "/" in word or "::" in word or not word or at.look_up_run is None or exists(_path(word)):
        return _missing([word], word, at)
    try:
        found = at.look_up_run(word)  # 1.7
    except SourceError as error:
        raise SourceError(*(replace(finding, place=at.place, excerpt=word) for finding in error.findings)) from error
    if isinstance(found, Path):
        return [RunSource(found, shown(found), at.number, at.caller)]
    return _missing([word], word, at, runs=found)


def _override(word: str, at: _Position) -> OverrideSource:
    parse_override(word, Word(word, at.number, at.caller))  # an unreadable one is an error now, with the other words
    return OverrideSource(word, at.number, at.caller)


def _dimension(word: str, at: _Position) -> DimensionSource | None:
    from lighter_config.sources.dimensions import is_dimension, not_in_a_sweep, parse_dimension  # few words are one

    if not is_dimension(word):
        return None
    origin = Word(word, at.number, at.caller)
    if not at.sweeping:
        raise not_in_a_sweep(word, origin)
    parse_dimension(word, origin)  # as for an override
    return DimensionSource(word, at.number, at.caller)


def _path(word: str) -> Path:
    return with_home(word) if word[:2] == "~/" else Path(word)


def _file(word: str, at: _Position) -> Source | None:
    path = _path(word)
    if not exists(path):
        return FileSource(path, word, at.number, at.caller) if at.texts.has(path) else None
    if path.suffix in CHECKPOINT_SUFFIXES:
        return CheckpointSource(path, word, at.number, at.caller)
    return FileSource(path, word, at.number, at.caller) if is_regular(path) else None


def _run(word: str, at: _Position) -> Source | None:
    path = _path(word)
    folder = run_folder(path)
    name = word if folder == path else str(folder)
    return None if folder is None else RunSource(folder, name, at.number, at.caller)


def _missing(names: list[str], word: str, at: _Position, *, runs: Sequence[str] | None = None) -> NoReturn:
    """Raise for names that are not files, each with the nearest names that exist; ``runs`` are those of runs."""
    findings = []
    for name in names:
        nearest = nearest_files(_path(name)) if name else ()
        message, fix = f"{name!r} is neither a file nor an override", ""
        if runs is not None:
            message, nearest = f"{name!r} is neither a file, a run nor an override", (*nearest, *runs)
        if not name:
            message = "an empty name between commas" if word else "an empty word"
            fix = "remove the extra comma" if word else "remove it; an empty variable of the shell leaves one behind"
        elif _LIGHTNINGS_NAME.fullmatch(name) and not nearest:
            fix = "this is the name of a checkpoint: add the folder that holds it"
        elif "=" in word and is_path(word.partition("=")[0].strip().removesuffix("+").strip()):
            path, _, value = word.partition("=")
            fix = f"write {path.strip()}={value.strip()}, without spaces around ="
        elif exists(_path(name)) and _path(name).is_dir():
            lacking = RECORDED_CONFIG if is_regular(_path(name) / RECORD_FILE) else RECORD_FILE
            message = f"{name!r} is not the folder of a run: it has no {lacking}"
            nearest = _configs_in(_path(name))[:3]
            fix = f"name a config in it: {nearest[0]}" if nearest else "name a config, or the folder of a run"
        elif not nearest:
            fix = "an override is PATH=value, with `::` between the parts of the path: trainer::max_epochs=3"
            fix = fix if "=" in word or "::" in word else f"name a file that exists; {fix}"
        findings.append(Finding(message=message, place=at.place, excerpt=word, nearest=nearest, fix=fix))
    raise SourceError(*findings)


def _configs_in(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sorted(str(file) for file in folder.iterdir() if file.suffix in CONFIG_SUFFIXES))
    except OSError:  # a folder that may not be read
        return ()


def caller_place() -> Place:
    """Return the line outside this project's packages that called into them."""
    frame = inspect.currentframe()
    while (
        frame is not None
        and frame.f_back is not None
        and frame.f_globals.get("__name__", "").partition(".")[0] in _OWN_PACKAGES
    ):
        frame = frame.f_back
    assert frame is not None  # only interpreters other than CPython have no frames
    return Place(_name_of_code(frame.f_code.co_filename), frame.f_lineno)


def _name_of_code(file: str) -> str:
    """Return the name of a file of Python code; of a cell of a notebook that of the cell, as ``Cell In[3]``."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    format_name = getattr(getattr(shell, "compile", None), "format_code_name", None)
    named = format_name(file) if format_name is not None else None
    return " ".join(named) if named else shown(Path(file))


_OWN_PACKAGES = ("lighter_config", "lighter_cli")


def origin_of_caller(place: Place) -> Caller:
    """Return the origin of values that Python code gave."""
    return Caller(place.source, place.line)


def _read_stdin() -> str:
    """Read standard input once; the processes of other ranks, whose input is spent, find it in a temporary file."""
    shared = os.environ.get(_STDIN_FILE)
    if shared and os.environ.get("LOCAL_RANK", "0") != "0":
        return Path(shared).read_text(encoding="utf-8")
    content = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    from lighter_config.sources.decoding import decode

    text = decode(content, "standard input")
    import tempfile  # a third of the time of reading a config goes into importing; few commands need this

    descriptor, name = tempfile.mkstemp(prefix="lighter-", suffix=".yaml")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.environ[_STDIN_FILE] = name
    atexit.register(_forget_stdin, name)
    return text


def _forget_stdin(name: str) -> None:
    Path(name).unlink(missing_ok=True)
    if os.environ.get(_STDIN_FILE) == name:
        del os.environ[_STDIN_FILE]
