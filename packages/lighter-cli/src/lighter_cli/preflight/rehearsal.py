"""Rehearse the stages of an experiment: fit, save, load in a new build, validate, test, predict."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lighter_cli.distributed.launcher_variables import without_ranks
from lighter_cli.preflight.outputs import Redirected, check_places, redirected
from lighter_cli.preflight.requirements import check_all, stages_with_data
from lighter_cli.preflight.temporary import quiet, temporary_folder
from lighter_cli.preflight.words import rehearsal_words
from lighter_cli.preflight.written_files import watching
from lighter_cli.project import make_importable
from lighter_config import MODES, Config, Finding, Severity, Stage, resolved
from lighter_config.project import locate_project, reader_in

if TYPE_CHECKING:
    from lighter_cli.preflight.sizes import Disk, Written
    from lighter_cli.preflight.stage_run import Rehearsed, StageRun

_OFFLINE = {"WANDB_MODE": "offline", "COMET_OFFLINE_DIRECTORY": "", "WANDB_DIR": ""}


@dataclass(frozen=True, slots=True)
class Options:
    """How to rehearse.

    Attributes:
        batches: The batches of each loader.
        keep: Whether to leave the temporary folder.
        safe: Whether to refuse targets that are not on the list of ``--safe``.
        allow: Packages and callables to add to that list.
    """

    batches: int = 2
    keep: bool = False
    safe: bool = False
    allow: Sequence[str] = ()


@dataclass(slots=True)
class Preflight:
    """What a rehearsal found.

    Attributes:
        words: The overrides that it added.
        runs: The stages, in order.
        findings: What is wrong, errors first.
        written: What callbacks wrote in the temporary folder.
        checkpoint_bytes: The size of a checkpoint; ``None`` without one.
        disks: The disks of a real run.
        folder: The temporary folder if it was kept.
    """

    words: tuple[str, ...] = ()
    runs: list[StageRun] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    checkpoint_bytes: int | None = None
    disks: list[Disk] = field(default_factory=list)
    folder: Path | None = None

    @property
    def is_ok(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def rehearse(
    config: Config, options: Options, importing: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Preflight:
    """Rehearse an experiment in a temporary folder, which is removed at the end, also after Ctrl-C.

    Args:
        config: The config.
        options: How.
        importing: Makes the context manager in which torch is imported.

    Raises:
        CheckError: The config has errors, or no data; nothing was built.
        SourceError: The temporary folder cannot be made.
        KeyboardInterrupt: The user ended it.
    """
    project = locate_project(config)
    reader = reader_in(project)
    stages, left_out = stages_with_data(config, reader)
    findings = check_all(config, stages, reader, project, safe=options.safe, allow=options.allow)
    if project is not None:
        make_importable(project)
    with temporary_folder(keep=options.keep) as folder:
        extra = rehearsal_words(config, options.batches, folder / "loggers")
        moved = redirected(config, folder, extra.words)
        with importing():
            from lighter_cli.preflight.failures import Parts
            from lighter_cli.preflight.judgement import judge, written_elsewhere
            from lighter_cli.preflight.stage_run import Rehearsed, StageRun
            from lighter_cli.running.build import import_lightning

            import_lightning(moved.config)
        known = resolved(config)
        limits = {mode: known.get(f"trainer::limit_{mode}_batches", None) for mode in MODES}
        limits = {mode: limit for mode, limit in limits.items() if isinstance(limit, int | float)}
        parts = Parts(config)
        rehearsed = Rehearsed(moved.config, config, limits, folder, reader, parts, options.safe)
        result = Preflight(words=extra.words, findings=[*findings, *extra.notes])
        with watching(folder, parts.name_of) as written, quiet(), _environment(_offline(folder)):
            _rehearse_stages(rehearsed, moved, stages, result)
        result.runs += [StageRun(stage, left_out=reason) for stage, reason in left_out.items()]
        result.runs.sort(key=lambda run: list(Stage).index(run.stage))
        result.findings += check_places(moved.outputs, config)
        result.findings += written_elsewhere(written, config)
        judge(result, config, moved)
        result.folder = folder if options.keep else None
    order = list(Severity)
    unique = dict.fromkeys(result.findings)
    result.findings = sorted(unique, key=lambda finding: order.index(finding.severity))
    return result


def _rehearse_stages(rehearsed: Rehearsed, moved: Redirected, stages: Sequence[Stage], result: Preflight) -> None:
    """Run the stages one after the other; each later one with the checkpoint of the fit, in a new build."""
    from lighter_cli.preflight.failures import Failures, findings_of, release
    from lighter_cli.preflight.sizes import files_in, size_of, written_in
    from lighter_cli.preflight.stage_run import run_stage

    section = "system" if rehearsed.written.has("system") else "model"
    failures = Failures()
    checkpoint: Path | None = None
    for stage in stages:
        before = files_in(rehearsed.folder)
        run = run_stage(stage, rehearsed, checkpoint)
        attempts = [run]
        if run.failed_to_load:
            attempts.append(run_stage(stage, rehearsed, None))  # the stage may have faults of its own
            if attempts[-1].is_started:
                checkpoint, run = None, attempts[-1]
        for attempt in attempts:
            if attempt.error is not None:
                failures.add(stage, findings_of(attempt.error, rehearsed.parts, section))
                release(attempt.error)
            result.findings += attempt.seen.findings if attempt.seen is not None else []
        rehearsed.parts.forget()
        gc.collect()
        result.runs.append(run)
        if run.seen is None:
            continue
        if stage is Stage.FIT and run.seen.checkpoint is not None:
            checkpoint = run.seen.checkpoint
            result.checkpoint_bytes = size_of(checkpoint)
        changed = [(file, facts[0]) for file, facts in files_in(rehearsed.folder).items() if before.get(file) != facts]
        loop = run.seen.loops.get(stage.modes[-1])
        result.written += written_in(stage, changed, moved, None if loop is None else loop.scale)
    result.findings += failures.findings()


def _offline(folder: Path) -> Mapping[str, str]:
    return {name: value or str(folder / "loggers") for name, value in _OFFLINE.items()}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables inside, and hide those by which a launcher starts several processes."""
    hidden = os.environ.keys() - without_ranks(os.environ).keys()
    before = {name: os.environ.get(name) for name in (*values, *hidden)}
    _set({**dict.fromkeys(hidden), **values})
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
