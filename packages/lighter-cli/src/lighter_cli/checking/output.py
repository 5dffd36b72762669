"""Write results of checks: as text for people, as JSON for tools, as annotations for a code review."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lighter_cli.checking.result import CheckResult, Targets
from lighter_cli.terminal.output import Line, rows
from lighter_config import Finding, Severity
from lighter_config.findings import LABEL_WIDTH
from lighter_config.regular_files import is_regular

_SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
_PART_STYLES = {"nearest": "green"}
_ANNOTATIONS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_WIDE = 60
_MAX_EXPERIMENTS = 3  # that are named beside a finding
_DEEP = "--deep imports what is unknown"


def text_lines(
    results: Sequence[CheckResult], width: int | None = None, *, deep: bool = False, verbose: bool = False
) -> Iterator[Line]:
    """Yield the lines for people: every finding, then a summary.

    Args:
        results: The results, one for each experiment.
        width: The columns of the terminal, which the lines are fitted to; ``None`` breaks no line.
        deep: Whether unknown targets were imported already; if not, ``--deep`` is suggested.
        verbose: Whether to name unknown targets, with the reasons; they are counted in any case.
    """
    for result, findings in _once(results):
        for finding, only_in in findings:
            yield from finding_lines(finding, width, only_in)
            yield [""]
        if result.shapes is not None:
            yield from _layer_lines(result.shapes)
    for result in results:
        yield from _summary(result, width, verbose=verbose)
    if len(results) > 1:
        yield from _wrapped(f"{len(results)} checked: {_counted(results)}", width)
    if verbose and any(result.targets.unknown for result in results) and not deep:
        yield from _wrapped(_DEEP, width)


def _layer_lines(shapes: Mapping[str, Any]) -> Iterator[Line]:
    """Yield what each part of a network gives: its name, its class, and dtype and shape of each tensor."""
    table = [
        (
            layer["name"],
            layer["kind"],
            ", ".join(f"{dtype} {'x'.join(map(str, sizes))}".rstrip() for dtype, sizes in layer["tensors"]),
        )
        for layer in shapes["layers"]
    ]
    if shapes["parameters"] is not None:
        table.append(("parameters", "", f"{shapes['parameters']:,}"))
    if table:
        yield from rows(table, indent=0)
        yield [""]


def finding_lines(finding: Finding, width: int | None = None, stages: str = "") -> Iterator[Line]:
    """Yield the lines of one finding; without a width they are those of ``str(finding)``."""
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


def as_json(results: Sequence[CheckResult]) -> dict[str, Any]:
    """Return the JSON for tools, which docs/reference/commands.md describes; fields are only ever added."""
    counts = Counter(finding.severity for result in results for finding in result.findings)
    return {
        "version": 1,
        "ok": not any(result.has_errors for result in results),
        "num_errors": counts[Severity.ERROR],
        "num_warnings": counts[Severity.WARNING],
        "num_notes": counts[Severity.NOTE],
        "experiments": [_json_of_result(result) for result in results],
    }


def annotation_lines(results: Sequence[CheckResult]) -> Iterator[Line]:
    """Yield workflow commands, which GitHub shows beside the lines of the files that they name."""
    for _, findings in _once(results):
        yield from ([_annotation(finding, only_in)] for finding, only_in in findings)
    for result in results:
        yield from _summary(result, None)


def _once(results: Sequence[CheckResult]) -> Iterator[tuple[CheckResult, list[tuple[Finding, str]]]]:
    """Yield each result with its findings, and the stages and experiments that each of them does not hold beyond.

    What several experiments have in common, such as the mistakes of a base file, is in the first of them.
    """
    experiments: dict[tuple[Finding, str], list[str]] = {}
    for result in results:
        for finding in result.findings if result.experiment else ():
            experiments.setdefault((finding, _stages(result, finding)), []).append(result.experiment)
    for result in results:
        shown: list[tuple[Finding, str]] = []
        for finding in result.findings:
            stages = _stages(result, finding)
            names = experiments.pop((finding, stages), []) if result.experiment else [""]
            listed = _listed(names) if len(results) > 1 and result.experiment else ""
            only_in = "; ".join(part for part in (stages, listed) if part)
            if names:
                shown.append((finding, f" ({only_in})" if only_in else ""))
        yield result, shown


def _stages(result: CheckResult, finding: Finding) -> str:
    """Return the stages that a finding holds for; an empty text when it holds for all that were checked."""
    stages = result.stages_of.get(finding, result.stages)
    return ", ".join(stages) if len(stages) < len(result.stages) else ""


def _listed(experiments: Sequence[str]) -> str:
    rest = len(experiments) - _MAX_EXPERIMENTS
    shown = ", ".join(experiments[:_MAX_EXPERIMENTS])
    return f"in {shown} and {rest} more" if rest > 0 else f"in {shown}"


def _summary(result: CheckResult, width: int | None, *, verbose: bool = False) -> Iterator[Line]:
    kind = " (a fragment)" if result.is_fragment else ""
    stages = f" for {', '.join(result.stages)}" if result.stages else ""
    name = " ".join(result.words)
    if result.experiment and result.experiment != name:
        name = f"{result.experiment} ({name})"
    if name:
        yield from _wrapped(f"{name}{kind}{stages}: {_counted([result])}", width)
    for target, reason in result.targets.unknown.items() if verbose else ():
        yield from _wrapped(f"  unknown: {target}: {reason}", width)


def _counted(results: Sequence[CheckResult]) -> str:
    counts = Counter(finding.severity for result in results for finding in result.findings)
    parts = [f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in Severity if counts[kind]]
    num_missing = sum(len(result.targets.missing) for result in results)
    targets = [
        f"{sum(result.targets.num_known for result in results)} known",
        *([f"{num_missing} missing"] if num_missing else []),
        f"{sum(len(result.targets.unknown) for result in results)} unknown",
    ]
    said = ", ".join(parts) or "nothing wrong"
    return f"{said}; targets: {', '.join(targets)}" if any(result.targets != Targets() for result in results) else said


def _wrapped(text: str, width: int | None) -> Iterator[Line]:
    yield from ([line] for line in _fitted(text, width, "    "))


def _fitted(text: str, width: int | None, indent: str = "") -> list[str]:
    """Break text between words; a word stays in one piece, so that paths can be copied."""
    if width is None:
        return [text]
    import textwrap  # which only a terminal needs

    lines = textwrap.wrap(
        text,
        max(width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return lines or [""]


def _json_of_result(result: CheckResult) -> dict[str, Any]:
    return {
        "words": result.words,
        "experiment": result.experiment,
        "is_fragment": result.is_fragment,
        "shapes": result.shapes,
        "stages": result.stages,
        "targets": {
            "num_known": result.targets.num_known,
            "missing": result.targets.missing,
            "unknown": [{"target": target, "reason": reason} for target, reason in result.targets.unknown.items()],
        },
        "findings": [
            {**asdict(finding), "stages": result.stages_of.get(finding, result.stages)} for finding in result.findings
        ],
    }


def _annotation(finding: Finding, stages: str) -> str:
    place = finding.place
    properties = {"title": f"lighter check: {finding.path}" if finding.path else "lighter check"}
    parts = finding.parts
    if place is not None and place.line is not None and is_regular(place.source):
        properties = {"file": _from_workspace(place.source), "line": str(place.line), **properties}
        if place.column is not None:
            properties["col"] = str(place.column)
        parts = parts[1:]  # without the place, which the annotation shows
    body = "\n".join([finding.message + stages, *(f"{label}: {text}" for label, text in parts)])
    order = ("file", "line", "col", "title")
    listed = ",".join(f"{name}={_escaped(properties[name], ':,')}" for name in order if name in properties)
    return f"::{_ANNOTATIONS[finding.severity]} {listed}::{_escaped(body)}"


def _from_workspace(file: str) -> str:
    """Return the path of a file from the root of the repository."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    path = Path(file).resolve()
    if workspace and path.is_relative_to(workspace_path := Path(workspace).resolve()):
        return path.relative_to(workspace_path).as_posix()
    return Path(file).as_posix()


def _escaped(text: str, more: str = "") -> str:
    """Escape the characters that end a workflow command, or one of its properties."""
    return "".join(f"%{ord(char):02X}" if char in f"%\r\n{more}" else char for char in text)
