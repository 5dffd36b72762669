"""What the editor has open: texts, the experiments that they belong to, and what is known of each experiment."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from lighter_cli.checking.config_checker import ConfigChecker, deletes_from_another
from lighter_cli.checking.experiment import Experiment, experiment_of
from lighter_cli.checking.experiments import experiments_of
from lighter_cli.checking.readers import Readers
from lighter_cli.checking.settings import Settings, read_settings
from lighter_cli.describing.docstrings import forget_documentation
from lighter_cli.editor.entries import Entry, entries_of
from lighter_cli.editor.spans import Units
from lighter_cli.runs.index import INDEX
from lighter_config import (
    Config,
    ConfigError,
    EditedTexts,
    Finding,
    Place,
    Severity,
    SignatureReader,
    SourceError,
    Texts,
    load,
)
from lighter_config.regular_files import is_regular, without_links
from lighter_config.sections import SECTIONS
from lighter_config.sources.bases import BASE
from lighter_config.sources.edited_texts import EditedFile
from lighter_config.sources.file_names import shown
from lighter_config.tree.node import Node, Segments

_IS_CONFIG = re.compile(
    rf"\b(?:_target_|{BASE})\b|^[=~]?(?:{'|'.join(SECTIONS)})(?:::[^\s:]+)*\s*:(?:\s|$)", re.MULTILINE
)

_FRESH_AFTER = 2_000
"""Checks after which the answers about targets are read anew from those that are kept."""

MAX_CHARACTERS = 4 * 2**20
"""Of a file that is looked at while somebody types in it; a config has a thousandth of that."""


@dataclass(slots=True)
class Checked:
    """An experiment as it was checked last.

    Attributes:
        experiment: The files and overrides that make it.
        config: What they merge into; before a mistake that kept it from being loaded, if there is one now.
        findings: What is wrong with it, without what is wrong in the text of single files.
        files: Every file that was read for it.
        reader: Reads the targets of its project.
    """

    experiment: Experiment
    config: Config | None = None
    findings: tuple[Finding, ...] = ()
    files: frozenset[Path] = frozenset()
    reader: SignatureReader = field(default_factory=SignatureReader)
    _paths: dict[tuple[str, int, int], Segments] | None = None

    def path_of(self, file: str, entry: Entry) -> Segments:
        """Return where a key of a file is in the merged config; where its file alone has it, if that is unclear."""
        if self._paths is None:
            self._paths = self.config.paths_by_place() if self.config is not None else {}
        mark = entry.node.key_mark or entry.node.mark
        found = None if mark is None else self._paths.get((file, mark.line + 1, mark.column + 1))
        return entry.config_path if found is None else found


def too_large(file: Path, name: str, texts: EditedTexts) -> Finding:
    """Return why a file is not read, at its first line."""
    return Finding(
        message=f"{name} has {texts.size(file) / 2**20:.0f} MiB, of which nothing is read while you type",
        place=Place(name, 1, 1),
        severity=Severity.WARNING,
        expected=(f"at most {MAX_CHARACTERS // 2**20} MiB",),
        fix="keep data in a data file, and its name here",
    )


class _Recorded(Texts):
    """The texts of the editor, which remember which files an experiment reads, also later."""

    def __init__(self, texts: EditedTexts) -> None:
        super().__init__()
        self._texts = texts
        self.files: set[Path] = set()

    def has(self, path: Path) -> bool:
        self.files.add(without_links(path))  # a file that is missing changes the experiment when it comes
        return self._texts.has(path)

    def tree(self, path: Path, name: str) -> Node:
        self.files.add(without_links(path))
        if self._texts.size(path) > MAX_CHARACTERS:
            raise SourceError(too_large(path, name, self._texts))
        return self._texts.tree(path, name)


class Workspace:
    """The open files of one editor, in the working directory.

    Attributes:
        texts: The texts, unsaved ones included.
        settings: What pyproject.toml says.
        units: What the editor counts positions in.
    """

    def __init__(self) -> None:
        self.texts = EditedTexts()
        self.units = Units()
        self.settings: Settings = read_settings(Path.cwd())
        self.forget_code()
        self._open: dict[Path, str] = {}
        self._num_checks = 0
        self._of_runs: dict[Path, tuple[Experiment, ...]] = {}
        self._named: dict[Path, tuple[Experiment, ...]] = {}
        self._checked: dict[Experiment, Checked] = {}
        self._entries: dict[Path, tuple[EditedFile, tuple[Entry, ...]]] = {}

    # -- what the editor says

    def edit(self, file: Path, text: str, uri: str) -> None:
        """Take the text of an open file.

        Args:
            file: The file, without links.
            text: Its text.
            uri: What the editor calls it.
        """
        self._open[file] = uri
        self.texts.edit(file, text)

    def close(self, file: Path) -> None:
        """Forget the text of a file; experiments without an open file are forgotten with it."""
        self._open.pop(file, None)
        self._named.pop(file, None)
        self._of_runs.pop(file, None)
        self.texts.close(file)
        self._entries.pop(file, None)
        for experiment, checked in list(self._checked.items()):
            if not (checked.files | set(experiment.files)) & self.open_files:
                del self._checked[experiment]

    def forget_settings(self) -> None:
        """Read pyproject.toml again."""
        self.settings = read_settings(Path.cwd())
        self.forget_code()

    def forget_code(self) -> None:
        """Read project code and libraries again, where they have changed."""
        forget_documentation()
        self._readers = Readers()
        self._checker = ConfigChecker(readers=self._readers, settings=self.settings)

    def code_is_current(self) -> bool:
        """Return whether no file has changed that targets were read from."""
        return self._readers.are_current()

    @property
    def open_files(self) -> frozenset[Path]:
        """The files that are open."""
        return frozenset(self._open)

    def uri_of(self, file: Path) -> str:
        """Return what the editor calls a file."""
        return self._open.get(file) or file.as_uri()

    # -- which experiments

    def own_experiments(self, file: Path) -> tuple[Experiment, ...]:
        """Return the experiments that a file belongs to: those that it or the table names, else itself alone."""
        named = experiments_of(file, self.text(file), self.settings)
        return named or self._of_newest_run(file) or (Experiment("", (shown(file),), (file,)),)

    def _of_newest_run(self, file: Path) -> tuple[Experiment, ...]:
        """Return the experiment of the newest run that used a file, as it was when the file was opened."""
        if file not in self._of_runs:
            self._of_runs[file] = ()
            if any(is_regular(folder / INDEX) for folder in file.parents):
                from lighter_cli.runs.using import newest_words_using  # reads records, which few files have

                words = newest_words_using(file)
                if words is not None:
                    files = [Path(word) for word in words if is_regular(word)]
                    named = [word if word not in map(str, files) else Path(word) for word in words]
                    place = Place(shown(file), 1)
                    self._of_runs[file] = (experiment_of(f"the newest run of {shown(file)}", named, lambda: place),)
        return self._of_runs[file]

    def affected(self, file: Path) -> list[Experiment]:
        """Return the experiments to check again when a file has changed, its own first."""
        own = self.own_experiments(file) if file in self._open else ()
        before, self._named[file] = self._named.get(file, ()), own
        still_named = {experiment for experiments in self._named.values() for experiment in experiments}
        for experiment in before:
            if experiment not in still_named:
                self._checked.pop(experiment, None)
        others = [checked.experiment for checked in self._checked.values() if file in checked.files]
        return list(dict.fromkeys([*own, *others]))

    def experiment_for(self, file: Path) -> Checked:
        """Return the experiment that answers are taken from for a file: its own, or one that includes it."""
        own = self.own_experiments(file)[0]
        if own.files == (file,):
            for checked in self._checked.values():
                if file in checked.files and checked.experiment != own and checked.config is not None:
                    return checked
        return self._checked.get(own) or self.check(own)

    def known_of(self, experiment: Experiment) -> Checked | None:
        """Return what is known of an experiment."""
        return self._checked.get(experiment)

    # -- what is known

    def check(self, experiment: Experiment) -> Checked:
        """Load and check an experiment as its texts are now."""
        self._num_checks += 1
        if self._num_checks % _FRESH_AFTER == 0:  # typing asks about thousands of targets that nobody means
            self._readers.remove_old_answers()
            self.forget_code()
        texts = _Recorded(self.texts)
        before = self._checked.get(experiment)
        checked = Checked(experiment, before.config if before is not None else None)
        try:
            if experiment.findings:
                raise ConfigError(*experiment.findings)
            config = load(experiment.sources(texts), texts=texts)
            checked.reader = self._checker.reader_of(config)
            result = self._checker.check(config, experiment.words, may_be_fragment=not experiment.name)
            checked.config, checked.findings = config, result.findings
        except ConfigError as error:
            doubt = self._doubt_alone(experiment, texts, error)
            broken = [finding for file in texts.files for finding in self.texts.findings(file)]
            checked.findings = tuple(one for one in ((doubt,) if doubt else error.findings) if one not in broken)
        checked.files = frozenset(texts.files | set(experiment.files))
        self._checked[experiment] = checked
        return checked

    def _doubt_alone(self, experiment: Experiment, texts: Texts, error: ConfigError) -> Finding | None:
        try:
            return None if experiment.name else deletes_from_another(experiment.sources(texts), error, texts)
        except ConfigError:
            return None

    def is_config(self, file: Path) -> bool:
        """Return whether a file is part of an experiment, or looks like a part; other YAML files are left alone."""
        named = self._named.get(file, ())
        if any(experiment.name for experiment in named) or _IS_CONFIG.search(self.text(file)):
            return True
        return any(checked.experiment.name or checked.experiment not in named for checked in self.checked_with(file))

    def checked_with(self, file: Path) -> list[Checked]:
        """Return every experiment that a file is a part of."""
        return [checked for checked in self._checked.values() if file in checked.files]

    # -- one file

    def text(self, file: Path) -> str:
        """Return the text of a file; empty if it cannot be read."""
        return self.texts.raw(file)

    def is_too_large(self, file: Path) -> bool:
        """Return whether a file has more text than is read while somebody types."""
        return self.texts.size(file) > MAX_CHARACTERS

    def lines(self, file: Path) -> list[str]:
        """Return the lines of a file."""
        return self.text(file).split("\n")

    def entries(self, file: Path) -> tuple[Entry, ...]:
        """Return the keys and values of a file; none if nothing of it can be read, or it is too large."""
        if self.is_too_large(file):
            return ()
        try:
            read = self.texts.file(file, shown(file))
        except ConfigError:
            return ()
        kept = self._entries.get(file)
        if kept is None or kept[0] is not read:
            kept = self._entries[file] = (read, entries_of(read))
        return kept[1]


def path_of_uri(uri: str) -> Path | None:
    """Return the file of an address of the editor, without links; ``None`` if it is none of the disk."""
    from pygls.uris import to_fs_path

    path = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(os.path.realpath(path)) if path else None
