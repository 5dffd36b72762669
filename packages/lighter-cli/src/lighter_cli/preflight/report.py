"""Write what a rehearsal found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lighter_cli.checking.output import finding_lines
from lighter_cli.preflight.rehearsal import Preflight
from lighter_cli.terminal.output import HEADING, Line, rows
from lighter_cli.terminal.shown import duration_text, shown_path, size_text
from lighter_config import MODES, Finding, Severity, Stage

if TYPE_CHECKING:
    from lighter_cli.preflight.measures import LoopMeasures
    from lighter_cli.preflight.stage_run import StageRun


def report_lines(result: Preflight, width: int | None) -> Iterator[Line]:
    """Yield the findings, then a table of what was measured.

    Args:
        result: What was found.
        width: The columns of the terminal; ``None`` breaks no line.
    """
    for finding in result.findings:
        yield from finding_lines(finding, width)
        yield [""]
    yield from rows([*_stage_rows(result), *_fact_rows(result)], indent=0)
    if batch_rows := list(_batch_rows(result)):
        yield [""]
        yield [("first batches", HEADING)]
        yield from rows(batch_rows)
    yield [""]
    yield [_summary(result)]


def _stage_rows(result: Preflight) -> Iterator[Line]:
    for run in result.runs:
        if run.left_out:
            yield [str(run.stage), "left out", run.left_out, ""]
            continue
        loop = _loop_of(run)
        state = "failed" if run.error is not None else "passed"
        if loop is None or loop.first_s is None:
            yield [str(run.stage), state, "in its first batch" if run.is_started else "before its first batch", ""]
            continue
        times = f"{duration_text(loop.first_s)} first" + (f", {duration_text(loop.then_s)} then" if loop.then_s else "")
        yield [str(run.stage), state, f"{len(loop.times_s)} of {_count(loop)}, {times}", _forecast(run, loop)]


def _loop_of(run: StageRun) -> LoopMeasures | None:
    return None if run.seen is None else run.seen.loops.get(run.stage.modes[0])


def _count(loop: LoopMeasures) -> str:
    if loop.batches is None:
        return "an unknown number of batches"
    return f"{loop.batches} batch{'es' * (loop.batches != 1)}"


def _forecast(run: StageRun, loop: LoopMeasures) -> str:
    if run.stage is not Stage.FIT or run.seen is None:
        return "" if loop.pass_s is None else f"≈ {duration_text(loop.pass_s)} in all"
    seconds = run.seen.epoch_s
    if seconds is None:
        return ""
    epochs = run.seen.epochs
    in_all = f", {duration_text(seconds * epochs)} for {epochs}" if epochs else ""
    return f"≈ {duration_text(seconds)} an epoch{in_all}"


def _fact_rows(result: Preflight) -> Iterator[Line]:
    seen = [run.seen for run in result.runs if run.seen is not None]
    fit = next((run.seen for run in result.runs if run.stage is Stage.FIT and run.seen is not None), None)
    if result.checkpoint_bytes is not None and fit is not None:
        loaded = "loaded in a new build" if any(_loaded(run) for run in result.runs) else "not loaded"
        kept = "" if fit.kept_files is None else f"{fit.kept_files} kept"
        yield ["checkpoint", size_text(result.checkpoint_bytes), f"saved, {loaded}", kept]
    for one in result.written:
        size = size_text(one.num_bytes)
        whole = "" if one.whole_bytes is None else f"≈ {size_text(one.whole_bytes)} in all"
        files = f"{one.files} file{'s' if one.files > 1 else ''}"
        yield [str(one.kind), size, f"{files} in {one.stage}: {shown_path(one.place)}", whole]
    if memory := {name: max(one.memory.get(name, 0.0) for one in seen) for one in seen for name in one.memory}:
        text = [f"{value:.0f} MiB ({name.removesuffix('_mib').replace('_', ' ')})" for name, value in memory.items()]
        yield ["memory", text[0], ", ".join(text[1:]), ""]
    for name, is_logged in (fit.monitors if fit is not None else {}).items():
        yield ["monitor", "logged" if is_logged else "missing", name, ""]
    for disk in result.disks:
        yield [
            "disk",
            f"{size_text(disk.free_bytes)} free",
            f"{size_text(disk.needed_bytes)} needed",
            shown_path(disk.folder),
        ]
    if result.folder is not None:
        yield ["kept", "", str(result.folder), ""]


def _loaded(run: StageRun) -> bool:
    return run.used_checkpoint and run.seen is not None and run.seen.is_started


def _batch_rows(result: Preflight) -> Iterator[Line]:
    of_mode: dict[str, Sequence[dict[str, Any]]] = {}
    for run in result.runs:
        of_mode = {**(run.seen.batches if run.seen is not None else {}), **of_mode}
    for mode in MODES:
        for fact in of_mode.get(mode, ()):
            span = f"{fact['min']:.4g} to {fact['max']:.4g}" if "min" in fact else ""
            shape = "x".join(map(str, fact["shape"])) or "scalar"
            yield [mode, fact["name"], f"{fact['dtype']} {shape}", span]


def _summary(result: Preflight) -> str:
    counts = Counter(finding.severity for finding in result.findings)
    found = ", ".join(f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in Severity if counts[kind])
    rehearsed = [run for run in result.runs if not run.left_out]
    passed = [run for run in rehearsed if run.error is None]
    return f"{len(passed)} of {len(rehearsed)} stages passed: {found or 'nothing wrong'}"


def report_json(result: Preflight) -> dict[str, Any]:
    """Return the JSON for tools, which docs/reference/commands.md describes; fields are only ever added."""
    counts = Counter(finding.severity for finding in result.findings)
    fit = next((run.seen for run in result.runs if run.stage is Stage.FIT and run.seen is not None), None)
    return {
        "version": 1,
        "ok": result.is_ok,
        "num_errors": counts[Severity.ERROR],
        "num_warnings": counts[Severity.WARNING],
        "num_notes": counts[Severity.NOTE],
        "words": result.words,
        "stages": [_json_of_run(run) for run in result.runs],
        "checkpoint": None
        if result.checkpoint_bytes is None
        else {
            "bytes": result.checkpoint_bytes,
            "kept": None if fit is None else fit.kept_files,
            "loaded": any(_loaded(run) for run in result.runs),
        },
        "monitors": {} if fit is None else fit.monitors,
        "written": [{**asdict(one), "place": str(one.place)} for one in result.written],
        "disks": [
            {"folder": str(disk.folder), "free_bytes": disk.free_bytes, "needed_bytes": disk.needed_bytes}
            for disk in result.disks
        ],
        "folder": None if result.folder is None else str(result.folder),
        "findings": [asdict(finding) for finding in result.findings],
    }


def findings_json(findings: tuple[Finding, ...]) -> dict[str, Any]:
    """Return the JSON of a config that could not be rehearsed."""
    return report_json(Preflight(findings=list(findings)))


def _json_of_run(run: StageRun) -> dict[str, Any]:
    seen = run.seen
    facts: dict[str, Any] = {
        "stage": run.stage,
        "state": "left out" if run.left_out else "failed" if run.error is not None else "passed",
        "reason": run.left_out,
    }
    if seen is None:
        return facts
    loops = {
        mode: {
            "batches": loop.batches,
            "rehearsed": len(loop.times_s),
            "first_s": loop.first_s,
            "then_s": loop.then_s,
            "pass_s": loop.pass_s,
        }
        for mode, loop in seen.loops.items()
    }
    more = {"epochs": seen.epochs, "epoch_s": seen.epoch_s} if run.stage is Stage.FIT else {}
    return {**facts, **more, "loops": loops, "memory": seen.memory, "metrics": seen.metrics, "batches": seen.batches}
