"""Judge what all stages of a rehearsal together show: files elsewhere, nan metrics, the space on the disks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from lighter_cli.preflight.failures import placed
from lighter_cli.preflight.network_calls import BATCH
from lighter_cli.preflight.outputs import Redirected
from lighter_cli.preflight.rehearsal import Preflight
from lighter_cli.preflight.sizes import Need, check_space, disks_of
from lighter_cli.preflight.time_limit import check_time_limit
from lighter_cli.preflight.written_files import WrittenFile
from lighter_cli.terminal.shown import shown_path
from lighter_config import MODES, Config, Finding, Severity, Stage, format_path
from lighter_config.checks.components import components_in

_SHOWN_FILES = 3


def judge(result: Preflight, config: Config, moved: Redirected) -> None:
    """Add what only all stages together show: places of findings, nan metrics, the space on the disks."""
    if all(run.left_out for run in result.runs):
        result.findings.append(
            Finding(message="no stage has data", path="data", fix="give the model or the data section a dataloader")
        )
    if all(run.error is None for run in result.runs):
        result.findings += _nan_metrics(result, config)
    needs = [*_checkpoint_needs(result, config, moved)]
    needs += [Need("predictions", one.owner, one.place, one.whole_bytes) for one in result.written if one.whole_bytes]
    result.disks = disks_of(needs)
    result.findings += check_space(result.disks, config)
    fit = next((run.seen for run in result.runs if run.stage is Stage.FIT and run.seen is not None), None)
    result.findings += check_time_limit(None if fit is None else fit.epoch_s, config)
    result.findings = _once_for_copies(placed(finding, config) for finding in result.findings)


def _once_for_copies(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without those of loaders that are copies: `val: "%::train"` has the images of train."""
    kept: dict[object, Finding] = {}
    for finding in findings:
        place = finding.place
        if finding.check != BATCH or place is None:
            kept.setdefault(finding, finding)
            continue
        what = " ".join(word for word in finding.message.partition(":")[0].split() if word not in MODES)
        kept.setdefault((place.source, place.line, place.column, what), finding)
    return list(kept.values())


def _checkpoint_needs(result: Preflight, config: Config, moved: Redirected) -> Iterator[Need]:
    for run in result.runs:
        seen = run.seen
        if seen is None or seen.checkpoint is None or not seen.kept_files or not result.checkpoint_bytes:
            continue
        output = moved.output_of(seen.checkpoint)
        path = output.owner if output.kind == "ModelCheckpoint" else _checkpoint_callback(config)
        place = moved.real(seen.checkpoint).parent
        yield Need("checkpoints", path, place, seen.kept_files * result.checkpoint_bytes)


def _checkpoint_callback(config: Config) -> str:
    for component in components_in(config.expanded().tree, lambda _: True):
        if component.short_name == "ModelCheckpoint":
            return format_path(component.path)
    return "trainer"


def _nan_metrics(result: Preflight, config: Config) -> Iterator[Finding]:
    for run in result.runs:
        for name, value in (run.seen.metrics if run.seen is not None else {}).items():
            if not math.isnan(value):
                continue
            mode, *_, metric = [part for part in name.split("/") if part not in ("metrics", "epoch", "step")] or [""]
            paths = (f"system::metrics::{mode}::{metric}", f"system::metrics::{mode}", "system", "model")
            where = next((path for path in paths if config.has(path)), "")
            yield Finding(
                message=f"{name} is nan in the rehearsal of {run.stage}",
                severity=Severity.WARNING,
                path=where,
                expected=("a number, also for the few samples of a rehearsal",),
                fix="raise --batches if the metric needs more samples; else look at what it gets",
                check="metrics",
            )


def written_elsewhere(written: Sequence[WrittenFile], config: Config) -> Iterator[Finding]:
    """Yield a warning for each part that wrote outside the temporary folder."""
    by_owner: dict[tuple[str, str], list[str]] = {}
    for one in written:
        by_owner.setdefault((one.owner, "removes" if one.what == "removed" else "writes"), []).append(one.path)
    for (owner, verb), paths in by_owner.items():
        shown = list(map(shown_path, paths))
        more = f" and {len(paths) - _SHOWN_FILES} more" if len(paths) > _SHOWN_FILES else ""
        root = "trainer::default_root_dir"
        yield Finding(
            message=f"{owner or 'the rehearsal'} {verb} outside its folder: {', '.join(shown[:_SHOWN_FILES])}{more}",
            severity=Severity.WARNING,
            path=owner,
            place=config.place(owner) if owner else None,
            excerpt=config.excerpt(owner) if owner else "",
            expected=(f"places below @{root}, which a rehearsal and each trial of a sweep move",),
            fix=f"give it a place below @{root}; files of data that is prepared once may stay",
            check="outputs",
        )
