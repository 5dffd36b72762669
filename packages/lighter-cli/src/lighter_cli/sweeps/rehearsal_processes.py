"""Run rehearsals in the slots of a sweep: a process each, whose report is read."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from lighter_cli.preflight.failures import placed
from lighter_cli.sweeps.layout import OUTPUT_FILE
from lighter_cli.sweeps.outcomes import last_error
from lighter_cli.sweeps.process import Process, Starter
from lighter_cli.sweeps.rehearsed_cases import Rehearsed
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.worker import Slot
from lighter_config import RECORDED_CONFIG, Config, ConfigError, Finding, Place, Severity, to_yaml
from lighter_config.space import trial_config
from lighter_config.space.output_folder import in_folder

_POLL_S = 0.1
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one rehearsal went.

    Attributes:
        rehearsed: What was rehearsed.
        findings: Its errors and warnings.
        epoch_s: The seconds of an epoch; ``None`` if they are not known.
    """

    rehearsed: Rehearsed
    findings: Sequence[Finding] = field(default=())
    epoch_s: float | None = None

    @property
    def is_ok(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


class RehearsalProcesses:
    """Rehearses in processes of their own, one at a time in each slot.

    Args:
        sweep: The sweep.
        slots: Where they run.
        starter: Starts them.
        words: Options that each gets.
    """

    def __init__(self, sweep: Sweep, slots: Sequence[Slot], starter: Starter, words: Sequence[str]) -> None:
        self._sweep = sweep
        self._slots = slots
        self._starter = starter
        self._words = words
        self._running: dict[int, tuple[Rehearsed, Config, Path, Process]] = {}
        self._is_interrupted = False

    def outcomes(self, needed: Sequence[Rehearsed], folder: Path) -> Iterator[Outcome]:
        """Rehearse, and yield the outcomes as they come.

        Args:
            needed: What to rehearse.
            folder: A temporary folder.

        Raises:
            KeyboardInterrupt: The user ended it.
        """
        pending = list(enumerate(needed))
        while pending or self._running:
            free = [slot for slot in self._slots if slot.index not in self._running]
            for slot, (number, rehearsed) in zip(free, pending[: len(free)], strict=False):
                pending.pop(0)
                own = folder / f"{number}-of-{len(needed)}"
                own.mkdir()
                try:
                    self._start(rehearsed, own, slot)
                except ConfigError as error:  # values that do not fit together
                    yield Outcome(rehearsed, error.findings)
            self._starter.wait_for([process for *_, process in self._running.values()], _POLL_S)
            if self._is_interrupted:
                raise KeyboardInterrupt
            for index, (rehearsed, config, own, process) in list(self._running.items()):
                if (exitcode := process.poll()) is not None:
                    del self._running[index]
                    yield _outcome(rehearsed, config, own, exitcode)

    def _start(self, rehearsed: Rehearsed, folder: Path, slot: Slot) -> None:
        sweep = self._sweep
        settings = {} if sweep.project is None else {"project": sweep.project}
        config = trial_config(sweep.plan.config, sweep.space, rehearsed.trial, rehearsed.repeat, settings=settings)
        config = in_folder(config, str(sweep.trials.folder_of(0)))
        (folder / RECORDED_CONFIG).write_text(to_yaml(config, standalone=True), encoding="utf-8")
        words = ["preflight", str(folder / RECORDED_CONFIG), "--json", *self._words]
        environment = {**slot.environment, "TMPDIR": str(folder)}  # so that nothing is left of one that is killed
        process = self._starter.start(words, output=folder / OUTPUT_FILE, environment=environment)
        self._running[slot.index] = rehearsed, config, folder, process

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the rehearsals that run."""

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self._is_interrupted = True
            if not self._running:  # torch is being imported
                raise KeyboardInterrupt

        before: dict[signal.Signals, Callable[..., object] | int | None] = {
            number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self) -> None:
        processes = [process for *_, process in self._running.values()]
        for process in processes:
            process.send(signal.SIGTERM)
        end = time.monotonic() + _GRACE_S
        for process in processes:
            process.wait(max(0.0, end - time.monotonic()))
            if process.poll() is None:
                process.kill()
        self._running.clear()


def _outcome(rehearsed: Rehearsed, config: Config, folder: Path, exitcode: int) -> Outcome:
    report = _report_in(folder / OUTPUT_FILE)
    if report is None:
        return Outcome(rehearsed, [_without_report(folder, exitcode)])
    findings = [_finding(content, config, folder) for content in report["findings"]]
    fit: Mapping[str, Any] = next((run for run in report["stages"] if run["stage"] == "fit"), {})
    # notes say what a rehearsal changes
    return Outcome(rehearsed, [one for one in findings if one.severity is not Severity.NOTE], fit.get("epoch_s"))


def _report_in(file: Path) -> Mapping[str, Any] | None:
    """Return the report at the end of an output, after what libraries have printed; ``None`` if there is none."""
    text = "\n" + file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    start = text.rfind("\n{\n")
    if start < 0:
        return None
    with suppress(ValueError):
        report: Mapping[str, Any] = json.JSONDecoder().raw_decode(text, start + 1)[0]
        return report
    return None


def _finding(content: Mapping[str, Any], config: Config, folder: Path) -> Finding:
    """Return a finding of a report; instead of a line of the config that was rehearsed, it names the user's own."""
    place = None if content["place"] is None else Place(**content["place"])
    lists = {name: tuple(content[name]) for name in ("expected", "nearest")}
    finding = Finding(**{**content, **lists, "severity": Severity(content["severity"]), "place": place})
    if place is None or place.source != str(folder / RECORDED_CONFIG):
        return finding
    return placed(replace(finding, place=None, excerpt=""), config)


def _without_report(folder: Path, exitcode: int) -> Finding:
    """Return the finding about a process that has left no report."""
    message = last_error(folder) or f"it ended with exit code {exitcode}"
    if exitcode < 0:
        message = f"it was ended by {signal.Signals(-exitcode).name}"
    if exitcode == -signal.SIGKILL:
        message += ", as the system does with a MemoryError"
    return Finding(message=f"the rehearsal failed: {message}", fix="correct it; lighter preflight shows more")
