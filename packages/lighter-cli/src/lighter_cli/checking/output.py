"""Reports of checks as text for people, as JSON for tools, as annotations for a code review."""

import os
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lighter_cli.checking.checker import Report
from lighter_cli.terminal.output import Line
from lighter_config import Finding, Severity
from lighter_config.findings import LABEL_WIDTH

_SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
_PART_STYLES = {"nearest": "green"}
_ANNOTATIONS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_WIDE = 60
_DEEP = "--deep imports what is unknown"


def text_lines(reports: Sequence[Report], width: int | None = None, *, deep: bool = False) -> Iterator[Line]:
    """Yield the lines that a person reads: every finding, then what was checked.

    Args:
        reports: What was found.
        width: The columns of the terminal, to which text is fitted; ``None`` leaves every line as long as it is.
        deep: Whether unknown targets were imported already, so that this is not offered.
    """
    for report in reports:
        for finding in report.findings:
            yield from finding_lines(finding, width, _only_in(report, finding))
            yield [""]
    for report in reports:
        yield from _summary(report, width)
    if len(reports) > 1:
        yield from _wrapped(f"{len(reports)} checked: {_counted(reports)}", width)
    if any(report.unknown for report in reports) and not deep:
        yield from _wrapped(_DEEP, width)


def finding_lines(finding: Finding, width: int | None = None, stages: str = "") -> Iterator[Line]:
    """Yield the lines of one finding; without a width they are exactly those of ``str(finding)``."""
    severity = f"{finding.severity}:"
    first, *rest = _fitted(f"{severity} {finding.message}{stages}", width, "  ")
    yield [(severity, _SEVERITY_STYLES[finding.severity]), first.removeprefix(severity)]
    for line in rest:
        yield [line]
    for label, text in finding.parts:
        is_place = finding.place is not None and label == str(finding.place)
        label_style, text_style = ("cyan" if is_place else "dim"), _PART_STYLES.get(label, "")
        fits = width is None or 2 + max(len(label), LABEL_WIDTH) + 1 + len(text) <= width
        if fits or (width is not None and width >= _WIDE and len(label) <= LABEL_WIDTH):
            beside, *below = _fitted(text, None if width is None else width - LABEL_WIDTH - 3)
            shown = f"  {label:<{LABEL_WIDTH}} " if beside else f"  {label}"
            yield [(shown, label_style), (beside, text_style)]
            indent = " " * (LABEL_WIDTH + 3)
        else:  # a narrow terminal, or a place with a long name
            yield [(f"  {label}", label_style)]
            indent = "    "
            below = _fitted(text, None if width is None else width - len(indent))
        for line in below:
            yield [indent, (line, text_style)]


def as_json(reports: Sequence[Report]) -> dict[str, Any]:
    """Return what tools read; docs/reference/commands.md describes it, and fields are only ever added."""
    counts = Counter(finding.severity for report in reports for finding in report.findings)
    return {
        "version": 1,
        "ok": not any(report.has_errors for report in reports),
        "num_errors": counts[Severity.ERROR],
        "num_warnings": counts[Severity.WARNING],
        "num_notes": counts[Severity.NOTE],
        "experiments": [_json_of_report(report) for report in reports],
    }


def annotation_lines(reports: Sequence[Report]) -> Iterator[Line]:
    """Yield workflow commands, which GitHub shows beside the lines of the files that they name."""
    for report in reports:
        for finding in report.findings:
            yield [_annotation(finding, _only_in(report, finding))]
    for report in reports:
        yield from _summary(report, None)


def _only_in(report: Report, finding: Finding) -> str:
    """For which stages a finding holds, when not for all that were checked."""
    stages = report.stages_of.get(finding, report.stages)
    return f" ({', '.join(stages)})" if len(stages) < len(report.stages) else ""


def _summary(report: Report, width: int | None) -> Iterator[Line]:
    kind = " (a fragment)" if report.is_fragment else ""
    stages = f" for {', '.join(report.stages)}" if report.stages else ""
    name = " ".join(report.words)
    if name:
        yield from _wrapped(f"{name}{kind}{stages}: {_counted([report])}", width)
    for target, reason in report.unknown.items():
        yield from _wrapped(f"  unknown: {target}: {reason}", width)


def _counted(reports: Sequence[Report]) -> str:
    counts = Counter(finding.severity for report in reports for finding in report.findings)
    parts = [f"{counts[one]} {one}{'s' if counts[one] > 1 else ''}" for one in Severity if counts[one]]
    num_missing = sum(len(report.missing) for report in reports)
    targets = [
        f"{sum(report.num_known for report in reports)} known",
        *([f"{num_missing} missing"] if num_missing else []),
        f"{sum(len(report.unknown) for report in reports)} unknown",
    ]
    return f"{', '.join(parts) or 'nothing wrong'}; targets: {', '.join(targets)}"


def _wrapped(text: str, width: int | None) -> Iterator[Line]:
    yield from ([line] for line in _fitted(text, width, "    "))


def _fitted(text: str, width: int | None, indent: str = "") -> list[str]:
    """Break text between words; a word is never broken, so that paths can be copied whole."""
    if width is None:
        return [text]
    lines = textwrap.wrap(
        text,
        max(width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return lines or [""]


def _json_of_report(report: Report) -> dict[str, Any]:
    return {
        "words": report.words,
        "is_fragment": report.is_fragment,
        "stages": report.stages,
        "targets": {
            "num_known": report.num_known,
            "missing": report.missing,
            "unknown": [{"target": target, "reason": reason} for target, reason in report.unknown.items()],
        },
        "findings": [
            {**asdict(finding), "stages": report.stages_of.get(finding, report.stages)} for finding in report.findings
        ],
    }


def _annotation(finding: Finding, stages: str) -> str:
    place = finding.place
    properties = {"title": f"lighter check: {finding.path}" if finding.path else "lighter check"}
    parts = finding.parts
    if place is not None and place.line is not None and Path(place.source).is_file():
        properties = {"file": _from_workspace(place.source), "line": str(place.line), **properties}
        if place.column is not None:
            properties["col"] = str(place.column)
        parts = parts[1:]  # the place, which the annotation stands at
    body = "\n".join([finding.message + stages, *(f"{label}: {text}" for label, text in parts)])
    order = ("file", "line", "col", "title")
    listed = ",".join(f"{name}={_escaped(properties[name], ':,')}" for name in order if name in properties)
    return f"::{_ANNOTATIONS[finding.severity]} {listed}::{_escaped(body)}"


def _from_workspace(file: str) -> str:
    """The file as it is named from the root of the repository."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    path = Path(file).resolve()
    if workspace and path.is_relative_to(workspace_path := Path(workspace).resolve()):
        return path.relative_to(workspace_path).as_posix()
    return Path(file).as_posix()


def _escaped(text: str, more: str = "") -> str:
    """Replace what ends a workflow command's line or one of its properties."""
    return "".join(f"%{ord(one):02X}" if one in f"%\r\n{more}" else one for one in text)
