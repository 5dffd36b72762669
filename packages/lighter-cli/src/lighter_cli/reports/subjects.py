"""Find what a report is about: a run, several runs, or a sweep."""

from collections.abc import Sequence
from pathlib import Path

from lighter_cli.reports.page import Page
from lighter_cli.reports.run_page import run_page
from lighter_cli.reports.runs_page import runs_page
from lighter_cli.reports.sweep_page import sweep_page
from lighter_cli.runs.lookup import find_run
from lighter_cli.runs.run import Run, run_of
from lighter_cli.sweeps.layout import SWEEP_FILE
from lighter_cli.sweeps.overview import find_sweep, found_sweeps
from lighter_config import Finding, SourceError, nearest_names
from lighter_config.regular_files import exists


def find_subject(names: Sequence[str]) -> list[Run] | Path:
    """Return the runs that are named, each once, or the folder of the sweep.

    A name is looked up as a sweep first, by its folder or its whole name, and then as a run.

    Raises:
        SourceError: A name is of neither, or a sweep is not named alone.
    """
    sweeps = {folder.name: folder for folder in found_sweeps(Path.cwd())}
    named = [sweeps.get(name, Path(name)) for name in names if name in sweeps or exists(Path(name) / SWEEP_FILE)]
    if named and len(names) > 1:
        message = f"{named[0].name} is a sweep, and a report shows one sweep or runs"
        fix = "name the sweep alone, or name its runs: lighter report --sweep NAME"
        raise SourceError(Finding(message=message, fix=fix))
    if named:
        return named[0]
    return list({str(run.folder): run for run in (_found_run(name, list(sweeps)) for name in names)}.values())


def make_page(subject: Sequence[Run] | Path, metrics: Sequence[str] = (), by: str | None = None) -> Page:
    """Return the page of what ``find_subject`` found.

    Args:
        subject: The runs, at least one, or the folder of a sweep.
        metrics: The metrics to show; all if there are none.
        by: The path of the value in the config that colours the curves of runs.

    Raises:
        SourceError: No run logged such a metric, or has such a path.
    """
    if isinstance(subject, Path):
        return sweep_page(subject, metrics)
    return run_page(subject[0], metrics) if len(subject) == 1 else runs_page(subject, metrics, by)


def _found_run(name: str, sweeps: Sequence[str]) -> Run:
    try:
        return run_of(find_run(name).folder)
    except SourceError as error:
        if not sweeps or Path(name).exists():
            raise
        try:
            find_sweep(name)
        except SourceError:
            nearest = [one for finding in error.findings for one in finding.nearest]
            finding = Finding(
                message=f"unknown run or sweep {name!r}",
                nearest=(*nearest, *nearest_names(name, sweeps)),
                fix="list them with `lighter runs list` and `lighter sweeps list`",
            )
            raise SourceError(finding) from error
        raise
