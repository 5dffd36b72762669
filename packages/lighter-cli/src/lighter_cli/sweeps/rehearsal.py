"""Rehearse a sweep before its first trial, and say which of its values fail."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from lighter_cli.atomic_files import write_atomically
from lighter_cli.preflight.time_limit import check_time_limit
from lighter_cli.sweeps.layout import REHEARSED_FILE, read_json
from lighter_cli.sweeps.outcomes import is_out_of_memory
from lighter_cli.sweeps.process import Starter
from lighter_cli.sweeps.progress import Progress
from lighter_cli.sweeps.rehearsal_processes import Outcome, RehearsalProcesses
from lighter_cli.sweeps.rehearsed_cases import Rehearsed, RehearsedCases, covered_in, num_configs
from lighter_cli.sweeps.sweep import Sweep
from lighter_cli.sweeps.worker import Slot
from lighter_cli.terminal.findings_log import log_findings
from lighter_config import CheckError, Finding, Severity
from lighter_config.space.cases import Case, identity_of, named


class Rehearsal:
    """Rehearses a sweep.

    Args:
        sweep: The sweep.
        slots: Where rehearsals run.
        starter: Starts their processes.
        progress: What shows how it goes.
        words: Options that each trial gets.
    """

    def __init__(
        self, sweep: Sweep, slots: Sequence[Slot], starter: Starter, progress: Progress, words: Sequence[str] = ()
    ) -> None:
        self._sweep = sweep
        self._progress = progress
        self._processes = RehearsalProcesses(sweep, slots, starter, words)
        self._covered = set(covered_in(sweep.folder))
        self._known = set((read_json(sweep.folder / REHEARSED_FILE) or {}).get("known", ()))

    def run(self, needed: Sequence[Rehearsed], reported: Iterable[Finding] = ()) -> None:
        """Rehearse, and log the warnings.

        Args:
            needed: What to rehearse; may be nothing.
            reported: Findings that are not reported again.

        Raises:
            CheckError: A rehearsal failed. A sweep without trials is removed.
            KeyboardInterrupt: The user ended it; what has passed is not rehearsed again.
        """
        if not needed:
            return
        count = num_configs(len(needed))
        trial = "next trial" if self._sweep.trials.numbers else "first trial"
        self._progress.say(f"rehearsing {count} before the {trial}; --no-preflight starts it at once")
        self._known.update(map(_identity, reported))
        try:
            temporary = TemporaryDirectory(prefix="lighter-sweep-", ignore_cleanup_errors=True)
            with temporary as name, self._processes.interruptible():
                outcomes = self._judged(needed, Path(name))
        except KeyboardInterrupt:
            self._progress.say(f"interrupted; to continue: lighter sweep {os.path.relpath(self._sweep.folder)}")
            raise
        finally:
            content = {"covered": sorted(self._covered), "known": sorted(self._known)}
            write_atomically(self._sweep.folder / REHEARSED_FILE, json.dumps(content, indent=1))
        epoch_s = next((one.epoch_s for one in outcomes if one.epoch_s is not None), None)
        findings = [*_once(outcomes), *check_time_limit(epoch_s, self._sweep.plan.config)]
        findings.sort(key=lambda one: (list(Severity).index(one.severity), one.path))  # not by which ended first
        if num_errors := sum(one.severity is Severity.ERROR for one in findings):
            self._forget_new_sweep()
            raise CheckError(*findings, _stopped(num_errors))
        log_findings(findings)
        self._progress.say(f"rehearsed {count}: {len(findings) or 'no'} warning{'s' * (len(findings) != 1)}")

    def _judged(self, needed: Sequence[Rehearsed], folder: Path) -> list[Outcome]:
        """Return the outcomes, each without what is known and what the first trial has too.

        If something is found in a combination of cases, each case is rehearsed alone, to see which one is to blame.
        """
        first: list[Outcome] = []
        combined: list[Outcome] = []
        for outcome in self._outcomes(needed, folder / "together"):
            (combined if outcome.rehearsed.cases else first).append(outcome)
        first = [_without(outcome, self._known) for outcome in first]
        for finding in (finding for outcome in first for finding in outcome.findings):
            self._known |= {_identity(finding), _identity(_milder(finding))}
        combined = [_without(outcome, self._known) for outcome in combined]
        doubtful = [outcome for outcome in combined if outcome.findings and len(outcome.rehearsed.cases) > 1]
        cases = RehearsedCases(self._sweep.space)
        parts = [part for outcome in doubtful for part in cases.alone(outcome.rehearsed)]
        alone = [_without(outcome, self._known) for outcome in self._outcomes(parts, folder / "alone")]
        explained = {_identity(finding) for outcome in alone for finding in outcome.findings}
        together = [_without(outcome, explained) for outcome in doubtful]
        return [*first, *(one for one in combined if one not in doubtful), *alone, *together]

    def _outcomes(self, needed: Sequence[Rehearsed], folder: Path) -> Iterator[Outcome]:
        folder.mkdir()
        for outcome in self._processes.outcomes(needed, folder):
            milder = outcome
            if outcome.rehearsed.cases:
                milder = replace(outcome, findings=[*map(_milder, outcome.findings)])
            if milder.is_ok:
                self._covered |= outcome.rehearsed.covers
            self._progress.rehearsed(outcome.rehearsed.values, is_ok=milder.is_ok)
            yield milder

    def _forget_new_sweep(self) -> None:
        """Remove the sweep if it has no trial: the corrected config may begin another one of its name."""
        with self._sweep.lock():
            self._sweep.trials.refresh()
            if not self._sweep.trials.numbers:
                self._sweep.remove()


def _identity(finding: Finding) -> str:
    """Return what makes a finding the same one with other values, as text that can be kept."""
    return str(identity_of(finding))


def _without(outcome: Outcome, known: Container[str]) -> Outcome:
    return replace(outcome, findings=[one for one in outcome.findings if _identity(one) not in known])


def _milder(finding: Finding) -> Finding:
    """Return memory that runs out with some values as a warning: the sampler is told to avoid them."""
    return replace(finding, severity=Severity.WARNING) if is_out_of_memory(finding.message) else finding


def _once(outcomes: Iterable[Outcome]) -> Iterator[Finding]:
    """Yield each finding once, with the cases in which it holds."""
    found: dict[str, tuple[Finding, list[tuple[Case, ...]]]] = {}
    for outcome in outcomes:
        for finding in outcome.findings:
            found.setdefault(_identity(finding), (finding, []))[1].append(outcome.rehearsed.cases)
    for finding, given in found.values():
        if all(len(cases) == 1 for cases in given):
            cases = {(case.dimension.name, case.text): case for (case,) in given}
            yield _in(finding, named([*cases.values()]), cases.values())
        else:  # of several combinations, the first one
            parts = [f"{named([case])} ({case.place})" for case in given[0]]
            yield _in(finding, " and ".join(parts), ())


def _in(finding: Finding, name: str, cases: Iterable[Case]) -> Finding:
    """Return a finding with its cases, and where they are written if that is not its own place."""
    own = finding.place
    others = dict.fromkeys(str(one.place) for one in cases if own is None or one.place.line != own.line)
    where = f"{name} ({', '.join(others)})" if others else name
    return replace(finding, case="; ".join(filter(None, (where, finding.case))))


def _stopped(num_errors: int) -> Finding:
    return Finding(
        message=f"no trial has started: the rehearsal found {num_errors} error{'s' * (num_errors != 1)}",
        severity=Severity.NOTE,
        fix="correct the config, then repeat the command; --no-preflight starts the trials in any case",
    )
