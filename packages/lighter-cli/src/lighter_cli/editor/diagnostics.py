"""What is wrong with an open file: the findings of ``lighter check``, at their stretch of the text."""

import re
from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types

from lighter_cli.editor.spans import Span, token_at
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config import Config, Finding, PathError, Place, Severity
from lighter_config.places import COMMAND_LINE
from lighter_config.regular_files import without_links

SOURCE = "lighter"
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}
_PLACE_IN_TEXT = re.compile(r"(?P<file>[^\s:'\"`]+\.ya?ml):(?P<line>\d+):(?P<column>\d+)")
_TAG = re.compile(r"!\S*")
_MAX_RELATED = 8


def diagnostics_of(workspace: Workspace, file: Path) -> list[types.Diagnostic]:
    """Return what is wrong with a file, in every experiment that it is a part of."""
    lines = workspace.lines(file)
    shown_ones: dict[object, types.Diagnostic] = {}
    for finding, checked in _findings_in(workspace, file):
        diagnostic = _diagnostic(workspace, file, lines, finding, checked)
        shown_ones.setdefault((str(diagnostic.range), diagnostic.message), diagnostic)
    return list(shown_ones.values())


def files_with_findings(checked: Checked) -> set[Path]:
    """Return the files that the findings of an experiment are in."""
    return {_file_of(finding.place, checked) for finding in checked.findings}


def finding_at(workspace: Workspace, file: Path, diagnostic: types.Diagnostic) -> Finding | None:
    """Return the finding that a diagnostic shows."""
    lines = workspace.lines(file)
    for finding, checked in _findings_in(workspace, file):
        same = _diagnostic(workspace, file, lines, finding, checked)
        if same.range == diagnostic.range and same.message == diagnostic.message:
            return finding
    return None


def _findings_in(workspace: Workspace, file: Path) -> Iterator[tuple[Finding, Checked | None]]:
    """Yield what is wrong with the text of a file, and with its experiments at places in it."""
    if not workspace.is_config(file):
        return
    yield from ((finding, None) for finding in workspace.texts.findings(file))
    for checked in workspace.checked_with(file):
        yield from ((finding, checked) for finding in checked.findings if _file_of(finding.place, checked) == file)


def _file_of(place: Place | None, checked: Checked) -> Path:
    """Return the file to show a finding in; one without a place, or of an override, in that of the experiment."""
    if place is not None and place.source != COMMAND_LINE and place.line is not None:
        return without_links(place.source)
    return checked.experiment.files[-1]


def span_of(place: Place | None, lines: list[str], *, with_tag: bool = False) -> Span:
    """Return the stretch of a text that a place stands for; the first line for what has no place in it.

    Args:
        place: The place.
        lines: The text.
        with_tag: Whether a tag before the value, such as ``!!python/name:x``, is what the place stands for.
    """
    if place is None or place.line is None or place.source == COMMAND_LINE:
        return Span(0, 0, len(lines[0]))
    number = min(place.line, len(lines)) - 1
    if place.column is None:
        return Span(number, len(lines[number]) - len(lines[number].lstrip()), len(lines[number].rstrip()))
    line, column = lines[number], min(place.column - 1, len(lines[number]))
    if line.lstrip()[:1] == "#":  # a word of the first line, which names an experiment
        return Span(number, column, column + len(line[column:].partition(",")[0].rstrip()))
    if with_tag and (tag := _TAG.match(line, column)):
        return Span(number, *tag.span())
    return Span(number, *token_at(line, column))


def _diagnostic(
    workspace: Workspace, file: Path, lines: list[str], finding: Finding, checked: Checked | None
) -> types.Diagnostic:
    parts = [(label, text) for label, text in finding.parts if finding.place is None or label != str(finding.place)]
    related = list(_related(workspace, file, finding, checked))
    return types.Diagnostic(
        range=workspace.units.range_of(lines, span_of(finding.place, lines, with_tag=checked is None)),
        message="\n".join([finding.message, *(f"{label}: {text}" for label, text in parts)]),
        severity=_SEVERITIES[finding.severity],
        source=SOURCE,
        code=finding.check or None,
        related_information=related or None,
    )


def _related(
    workspace: Workspace, file: Path, finding: Finding, checked: Checked | None
) -> Iterator[types.DiagnosticRelatedInformation]:
    """Yield other places that a finding is about: those that it names, and where the same value was given before."""
    places = {found.group(): "named here" for found in _PLACE_IN_TEXT.finditer(f"{finding.message} {finding.fix}")}
    if checked is not None and checked.config is not None and _has(checked.config, finding.path):
        chain = [place for place in checked.config.chain(finding.path) if place.line is not None and not place.via]
        places |= {str(place): "was given here" for place in chain if place != finding.place}
    for text, why in list(places.items())[:_MAX_RELATED]:
        match = _PLACE_IN_TEXT.fullmatch(text)
        if match is None:
            continue
        other = without_links(match["file"])
        place = Place(match["file"], int(match["line"]), int(match["column"]))
        if (other, place.line) != (file, finding.place.line if finding.place is not None else None):
            where = location(workspace, other, place)
            yield types.DiagnosticRelatedInformation(location=where, message=why)


def _has(config: Config, path: str) -> bool:
    """Return whether a config has a path; the path of a finding may be what is wrong, such as ``a::``."""
    try:
        return bool(path) and config.has(path)
    except PathError:
        return False


def location(workspace: Workspace, file: Path, place: Place) -> types.Location:
    """Return a place as the protocol has it."""
    lines = workspace.texts.raw(file).split("\n")
    return types.Location(file.as_uri(), workspace.units.range_of(lines, span_of(place, lines)))


def diagnostics_of_settings(workspace: Workspace, file: Path) -> list[types.Diagnostic]:
    """Return what is wrong with the table of a pyproject.toml; nothing if it is not the one that is read."""
    settings = workspace.settings
    lines = workspace.lines(file)
    findings = settings.findings if settings.file == file else ()
    return [_diagnostic(workspace, file, lines, finding, None) for finding in findings]
