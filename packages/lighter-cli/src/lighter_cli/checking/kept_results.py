"""Results of checks that are kept between runs, as long as nothing that they came from has changed."""

import json
import os
import stat
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from lighter_cli.checking.readers import Readers
from lighter_cli.checking.result import CheckResult, Targets
from lighter_config import Stage
from lighter_config.dependencies import Dependencies, recording
from lighter_config.kept_files import remove_old, write_json
from lighter_config.signatures.text.modules import EVERY_FILE

_OWN = ("lighter_cli", "lighter_config", "yaml")
_CHANGE_WITHOUT_MEANING = frozenset({"_", "OLDPWD", "SHLVL"})
_SETTLED_NS = 2 * 10**9  # the times of some file systems are this coarse: a change just after a look is not seen there
_NUM_KEPT = 5_000


_State: TypeAlias = tuple[str, int]
"""What a file or a module is like, and when it last changed, in nanoseconds."""


class KeptResults:
    """One small file for each experiment that was checked without a finding; any number of processes may use them.

    An entry holds what every file and module that the check looked at was like, and it is used only while all of them
    are like that. Results with findings are not kept: they are worked out again until nothing is wrong.

    Args:
        folder: The folder of the entries; made when the first result is kept. ``None`` keeps nothing.
        readers: Look at the modules.
        settings: What results depend on besides files and environment variables.
    """

    def __init__(self, folder: Path | None, readers: Readers, settings: object) -> None:
        self._folder = folder
        self._readers = readers
        self._modules: dict[tuple[str, str], _State] = {}
        self._is_new = False
        variables = {name: value for name, value in os.environ.items() if name not in _CHANGE_WITHOUT_MEANING}
        searched = [sys.version, readers.of(None).search_path, os.getcwd()]  # noqa: PTH109
        own = [self._module("", f"{package}{EVERY_FILE}")[0] for package in _OWN]
        if "null" in own:
            self._folder = None  # a change of the checks themselves would not be seen
        checksum = _checksum(repr((settings, sorted(variables.items()))))  # variables can be secret
        self._situation = json.dumps([own, searched, checksum])
        self._place = _checksum(repr(searched))

    def result(
        self, words: Sequence[str], options: Sequence[object], work_out: Callable[[], CheckResult]
    ) -> CheckResult:
        """Return the kept result of a check, or work it out, and keep it if it has no finding.

        Args:
            words: The inputs, which are files.
            options: How they are checked, as JSON has it.
            work_out: Checks them.
        """
        if self._folder is None:
            return work_out()
        question = json.dumps([words, options])
        file = self._folder / f"{self._place:08x}{_checksum(question):08x}.json"
        if (kept := self._read(file, question)) is not None:
            return kept
        start_ns = time.time_ns()
        with recording() as seen:
            result = work_out()
        if not result.findings:
            self._keep(file, question, result, seen, start_ns)
        return result

    def _read(self, file: Path, question: str) -> CheckResult | None:
        try:
            entry = json.loads(file.read_bytes())
            if entry["question"] != question or entry["situation"] != self._situation:
                return None
            states = self._states(entry["project"], entry["modules"], entry["paths"])
            if "\n".join(state for state, _ in states) != entry["state"]:
                return None
            kept = entry["result"]
            return CheckResult(
                words=tuple(kept["words"]),
                stages=tuple(map(Stage, kept["stages"])),
                targets=Targets(kept["num_known"], unknown=kept["unknown"]),
                is_fragment=kept["is_fragment"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # no entry, or a damaged one

    def _keep(self, file: Path, question: str, result: CheckResult, seen: Dependencies, start_ns: int) -> None:
        if len(seen.modules) > 1:
            return  # a module can be another one in each project
        project = next((str(folder) for folder in seen.modules if folder is not None), "")
        modules = sorted(*seen.modules.values()) if seen.modules else []
        paths = sorted(seen.paths)
        states = self._states(project, modules, paths)
        if any(newest_ns > start_ns - _SETTLED_NS for _, newest_ns in states):
            return
        entry = {
            "question": question,
            "situation": self._situation,
            "project": project,
            "modules": modules,
            "paths": paths,
            "state": "\n".join(state for state, _ in states),
            "result": {
                "words": result.words,
                "stages": result.stages,
                "num_known": result.targets.num_known,
                "unknown": dict(result.targets.unknown),
                "is_fragment": result.is_fragment,
            },
        }
        write_json(file, entry)
        if not self._is_new:
            self._is_new = True
            remove_old(file.parent, _NUM_KEPT, num_more=_NUM_KEPT // 10)

    def _states(self, project: str, modules: Sequence[str], paths: Sequence[str]) -> list[_State]:
        return [*(self._module(project, name) for name in modules), *map(_state_of, paths)]

    def _module(self, project: str, name: str) -> _State:
        if (project, name) not in self._modules:
            fingerprint = self._readers.of(Path(project) if project else None).fingerprint(name)
            newest_ns = next((part for part in fingerprint or () if isinstance(part, int)), 0)
            self._modules[project, name] = (json.dumps(fingerprint), newest_ns)
        return self._modules[project, name]


def _state_of(path: str) -> _State:
    try:
        status = os.stat(path)  # noqa: PTH116  # an object for each path would take longer
    except (OSError, ValueError):
        return "", 0
    if stat.S_ISDIR(status.st_mode):
        return "folder", 0  # what is in it is looked at by itself
    newest_ns = max(status.st_mtime_ns, status.st_ctime_ns)
    return f"{newest_ns} {status.st_mtime_ns} {status.st_size} {status.st_dev} {status.st_ino}", newest_ns


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode(errors="surrogateescape"))
