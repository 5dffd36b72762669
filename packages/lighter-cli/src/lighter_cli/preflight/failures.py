"""Turn what a rehearsed stage raised into findings: which part of the config, which line of code, what to do."""

from __future__ import annotations

import errno
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import clear_frames, walk_tb
from types import FrameType
from typing import Any

from lighter_cli.terminal.shown import shown_path
from lighter_config import Config, ConfigError, Finding, Stage, format_path

_BUILDING = re.compile(r"while building (\S+): ")
_LOADING = re.compile(r"while the (\w+) loader gave")
_LIBRARIES = tuple({str(Path(sysconfig.get_paths()[name]).resolve()) for name in ("stdlib", "purelib", "platlib")})
_MAX_LENGTH = 200
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FAILS = "\0fails: "
"""What the message of an ordinary error starts with, until its stages are known."""


class Parts:
    """The objects of an experiment, by which a frame of a traceback is found in the config.

    Attributes:
        config: The config as the user wrote it, for places.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._paths: dict[int, str] = {}
        self._kept: list[Any] = []
        self._metrics: list[tuple[str, str]] = []

    def add(self, built: Config) -> None:
        """Add what a config has built."""
        for path, part in built.built_parts():
            if part is None or isinstance(part, str | int | float | bool | tuple | list | dict):
                continue
            name = format_path(path)
            self._paths[id(part)] = name
            self._paths.setdefault(id(getattr(part, "__code__", part)), name)
            self._kept.append(part)  # so that no other object gets its id
            if "metrics" in path:
                self._metrics.append((type(part).__name__, name))

    def forget(self) -> None:
        """Forget all of them: the next build would else not fit into the memory beside them."""
        self._paths.clear()
        self._kept.clear()
        self._metrics.clear()

    def path_of(self, frames: Iterable[FrameType]) -> str:
        """Return the path of the innermost part that is at work; empty if none is.

        Args:
            frames: Frames, the innermost first.
        """
        whole = ""
        for frame in frames:
            path = self._of_frame(frame)
            if path in ("trainer", "system", "model", "data"):
                whole = whole or path
            elif path and not (whole and path.endswith("::optimizer")):  # it calls the training step as its closure
                return path
        return whole

    def path_by_id(self, part: object) -> str:
        """Return the path that built an object; empty if none did."""
        return self._paths.get(id(part), "")

    def name_of(self, frame: FrameType | None) -> str:
        """Return the path of the part at work in a frame or its callers."""
        return self.path_of(_callers(frame))

    def _of_frame(self, frame: FrameType) -> str:
        if (path := self._paths.get(id(frame.f_code))) is not None:
            return path
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        if not names:
            return ""
        subject = frame.f_locals.get(names[0])
        if (path := self._paths.get(id(subject))) is not None:
            return path
        if type(subject).__module__.startswith("torch.utils.data"):  # Lightning makes loaders of its own
            return self._paths.get(id(getattr(subject, "dataset", None)), "")
        if type(subject).__module__.startswith("torchmetrics"):  # a collection copies its metrics
            return next((path for name, path in self._metrics if name == type(subject).__name__), "")
        return ""


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def findings_of(error: BaseException, parts: Parts, section: str) -> list[Finding]:
    """Return the findings of an error that ended a stage, each with a place in the config and a way to fix it.

    Args:
        error: What was raised.
        parts: What was built.
        section: The path to name when the error shows none.
    """
    frames = [frame for frame, _ in walk_tb(error.__traceback__)][::-1]
    notes = [note.replace("\n", "; ") for note in getattr(error, "__notes__", ())]
    path = _built_path(notes) or parts.path_of(frames)
    if path in ("", "trainer"):
        path = _loader(notes, parts.config) or path or section
    if isinstance(error, ConfigError):
        return [_placed(finding, parts.config, path) for finding in error.findings]
    message, expected, nearest, fix = _of_core(error)
    line = user_line(error)
    found = Finding(
        message=f"{_FAILS}{message}"[:_MAX_LENGTH],
        path=path,
        expected=expected,
        nearest=nearest,
        fix=fix or _fix(error, path, line, notes),
        case="; ".join(note for note in notes if not _BUILDING.match(note))[: 2 * _MAX_LENGTH],
    )
    return [_placed(found, parts.config, path)]


def release(error: BaseException | None) -> None:
    """Free what the frames of an error hold; its traceback can still be printed."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class Failures:
    """The findings of errors, each once, with the stages that it ended."""

    def __init__(self) -> None:
        self._stages: dict[Finding, list[str]] = {}
        self._cases: dict[Finding, str] = {}

    def add(self, stage: Stage, findings: Iterable[Finding]) -> None:
        """Add the findings of one error."""
        for finding in findings:
            key = replace(finding, case="")  # which batch it was differs from stage to stage
            self._stages.setdefault(key, []).append(stage)
            self._cases.setdefault(key, finding.case)

    def findings(self) -> Iterator[Finding]:
        """Yield the findings; those of ordinary errors name their stages."""
        for finding, given in self._stages.items():
            message, stages = finding.message, list(dict.fromkeys(given))  # a stage may be tried twice
            if message.startswith(_FAILS):
                verb = "fails" if len(stages) == 1 else "fail"
                message = f"{', '.join(stages)} {verb}: {message.removeprefix(_FAILS)}"
            yield replace(finding, message=message, case=self._cases[finding])


def without_stages(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings of errors that no stage raised, such as those of building."""
    return [replace(finding, message=finding.message.removeprefix(_FAILS)) for finding in findings]


def placed(finding: Finding, config: Config, path: str = "") -> Finding:
    """Return a finding with the place of its path, or of the nearest part of the config above it."""
    path = finding.path or path
    above = path
    while above and (not config.has(above) or config.place(above) is None):
        above = above.rpartition("::")[0]
    if finding.place is not None or not above:
        return replace(finding, path=path)
    target = f"{above}::_target_"
    where = target if config.has(target) else above
    return replace(finding, path=path, place=config.place(where), excerpt=config.excerpt(where))


def _placed(finding: Finding, config: Config, path: str) -> Finding:
    finding = placed(finding, config, path)
    fix = finding.fix or f"correct {finding.path or 'the config'}"
    return replace(finding, fix=fix, check=finding.check or "preflight")


def _built_path(notes: Sequence[str]) -> str:
    return next((match[1] for note in notes if (match := _BUILDING.match(note))), "")


def _loader(notes: Sequence[str], config: Config) -> str:
    """Return the path of the loader that was at work: an error of its workers arrives as text, without their frames."""
    mode = next((match[1] for note in notes if (match := _LOADING.search(note))), None)
    return "" if mode is None else loader_of(mode, config)


def loader_of(mode: str, config: Config) -> str:
    """Return the path in a config that gives the loader of a mode."""
    expanded = config.expanded()
    paths = (f"system::dataloaders::{mode}", f"data::{mode}_dataloader", "data", "system", "model")
    return next((path for path in paths if expanded.has(path)), "")


def _of_core(error: BaseException) -> tuple[str, tuple[str, ...], tuple[str, ...], str]:
    """Return message, expectation, nearest names and fix; only errors of lighter-core have all of them."""
    core = sys.modules.get("lighter.errors")
    if core is not None and isinstance(error, core.LighterError):
        where = f" ({error.where})" if error.where else ""
        expected = (error.expected.replace("\n", " "),) if error.expected else ()
        return f"{error.what}{where}".replace("\n", " "), expected, tuple(error.nearest), error.fix.replace("\n", " ")
    try:
        text = " ".join(str(error).split())
    except Exception:  # the text of a user's error may fail itself
        text = ""
    name = type(error).__name__
    return (f"{name}: {text}" if text else name), (), (), ""


def user_line(error: BaseException) -> str:
    """Return the innermost line of the user's code, as ``file:line in function``."""
    found = ""
    for frame, number in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith(("<", *_LIBRARIES)) and not _is_own(file):
            found = f"{shown_path(file)}:{number} in {frame.f_code.co_name}"
    return found


def _is_own(file: str) -> bool:
    modules = (sys.modules.get(name) for name in ("lighter", "lighter_cli", "lighter_config"))
    return any(
        Path(file).is_relative_to(Path(module.__file__).parent)
        for module in modules
        if module is not None and module.__file__
    )


def _fix(error: BaseException, path: str, line: str, notes: Sequence[str]) -> str:
    where = f"{path}, or {line}" if line else path or "the config"
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"make {str(error.filename)!r}, or correct {where}"
    if isinstance(error, PermissionError) and error.filename:
        return f"allow {str(error.filename)!r} to be used, or correct {where}"
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"free space for the temporary folder, or set TMPDIR to a folder with more; else correct {where}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install {error.name}, or correct {where}"
    for start, fix in _FIXES.items():
        if start in str(error):
            return f"{fix}: {where}"
    if overrides := next((note for note in notes if note.startswith("out of memory;")), ""):
        return overrides.removeprefix("out of memory; ")
    return f"correct {where}"


_FIXES: Mapping[str, str] = {
    "in loading state_dict": "build the same network in every stage",
    "mat1 and mat2 shapes": "let the layer take as many features as it gets",
    "have the same dtype": "convert the input with .float(), or give trainer::precision another value",
    "type (float) should be the same": "convert the input with .float(), or give trainer::precision another value",
    "expected input": "let the layer take as many channels as it gets",
    "stack expects each tensor": "give samples one size, by a transform or a collate_fn",
    "Expected all tensors to be on the same device": "move it with the module: register it as a buffer or submodule",
    "expected scalar type": "convert the input with .float(), or give trainer::precision another value",
    "is out of bounds": "give the network more outputs, or correct the labels",
}
