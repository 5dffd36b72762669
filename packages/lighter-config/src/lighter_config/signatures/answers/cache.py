"""Answers kept between runs, as long as every file they were read from is unchanged."""

import contextlib
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lighter_config.dependencies import note_modules, recording
from lighter_config.kept_files import remove_old, write_json
from lighter_config.signatures.text.modules import DISTRIBUTION, ENVIRONMENT, EVERY_FILE, PART_OF_NAME, ModuleFinder

_FORMAT = 17

Fingerprint = list[str | int] | None


class AnswerCache:
    """One small file per question in a folder that any number of processes may use at once.

    An entry holds the answer and what every module that was looked at came from: file, modification time and size, or
    that it was not there. It is used only while all of that still holds, so an answer is never older than the source.
    Answers about installed packages are shared by all projects that use the same environment.

    Args:
        finder: Where modules are found now.
        folder: The folder of the entries; made when the first answer is kept. ``None`` keeps nothing.
    """

    def __init__(self, finder: ModuleFinder, folder: Path | None) -> None:
        self.finder = finder
        self.folder = folder
        environment = [_FORMAT, sys.version, finder.installed_roots]
        self._shared = _checksum(environment)
        self._own = _checksum([*environment, finder.search_path, str(finder.project)])
        self._fingerprints: dict[str, Fingerprint] = {}
        self._given: dict[str, tuple[Any, Iterable[str]]] = {}

    def answer(self, question: str, work_out: Callable[[], tuple[Any, Iterable[str]]], *, about: str = "") -> Any:
        """Give the kept answer to a question, or work it out and keep it.

        Args:
            question: What is asked, as text.
            about: The dotted name that it is about.
            work_out: Gives the answer as JSON values, and the names of the modules it depends on.
        """
        if question not in self._given:
            self._given[question] = self._answer(question, work_out, about)
        self.note_use(question)
        return self._given[question][0]

    def note_use(self, question: str) -> None:
        """Note that an answer is used that this cache has given before."""
        note_modules(self._given[question][1], self.finder.project)

    def is_current(self) -> bool:
        """Return whether all that was looked at is as it was. Modules that have come or gone since are seen, too."""
        now = AnswerCache(ModuleFinder(self.finder.search_path, project=self.finder.project), None)
        return all(now.fingerprint(name) == before for name, before in self._fingerprints.items())

    def remove_old(self, num_kept: int) -> None:
        """Remove all kept answers but the newest: an editor also asks about what is half typed.

        Args:
            num_kept: How many stay.
        """
        if self.folder is not None:
            remove_old(self.folder, num_kept)

    def _answer(
        self, question: str, work_out: Callable[[], tuple[Any, Iterable[str]]], about: str
    ) -> tuple[Any, Iterable[str]]:
        file = self._file(question, about)
        if file is not None and (kept := self._read(file, question)) is not None:
            return kept
        with recording():  # the modules stand for the files that are read
            answer, modules = work_out()
        if file is not None:
            entry = {
                "question": question,
                "modules": {name: self.fingerprint(name) for name in sorted(modules)},
                "answer": answer,
            }
            write_json(file, entry)
        return answer, modules

    def _file(self, question: str, about: str) -> Path | None:
        if self.folder is None:
            return None
        environment = self._shared if self.finder.is_installed(about.partition(".")[0]) else self._own
        return self.folder / f"{environment:08x}{zlib.crc32(question.encode()):08x}.json"

    def _read(self, file: Path, question: str) -> tuple[Any, Iterable[str]] | None:
        try:
            entry = json.loads(file.read_bytes())
            modules = entry["modules"]
            if entry["question"] != question:
                return None
            for name, fingerprint in modules.items():
                if fingerprint != self.fingerprint(name):
                    return None
            return entry["answer"], modules
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # no entry, or a damaged one: work the answer out again

    def fingerprint(self, name: str) -> Fingerprint:
        """Return what a module came from, when this cache looked first: file, modification time and size."""
        if name not in self._fingerprints:
            self._fingerprints[name] = self._look(name)
        return self._fingerprints[name]

    def _look(self, name: str) -> Fingerprint:
        if name.endswith(EVERY_FILE):
            return self._look_at_all(name.removesuffix(EVERY_FILE))
        if name.startswith(ENVIRONMENT):
            return [str(os.environ.get(name.removeprefix(ENVIRONMENT)))]
        if name.startswith(DISTRIBUTION):
            return [str(self.finder.version(name.removeprefix(DISTRIBUTION)))]
        if name.startswith(PART_OF_NAME):
            return [str(self.finder.is_part_of_name(name.removeprefix(PART_OF_NAME)))]
        module = self.finder.find(name)
        if module is None:
            reason = None if "." in name else self.finder.may_exist(name)
            return None if reason is None else [reason]
        if module.file is None:
            return [module.kind, *module.locations]
        try:
            status = Path(module.file).stat()
        except OSError:
            return None
        return [module.file, status.st_mtime_ns, status.st_size]

    def _look_at_all(self, package: str) -> Fingerprint:
        """The count, newest time and total size of a package's files: one that changed, came or went is seen."""
        if (record := self.finder.record_of(package)) is not None:  # one file for the thousands that it lists
            with contextlib.suppress(OSError):
                status = Path(record).stat()
                return [record, status.st_mtime_ns, status.st_size]
        newest, total, count = 0, 0, 0
        for file in self.finder.files(package) or ():
            with contextlib.suppress(OSError):
                status = Path(file).stat()
                newest, total, count = max(newest, status.st_mtime_ns), total + status.st_size, count + 1
        return [f"{count} files", newest, total]


def _checksum(parts: Sequence[object]) -> int:
    return zlib.crc32(json.dumps(parts).encode())  # loading hashlib takes longer than all answers
