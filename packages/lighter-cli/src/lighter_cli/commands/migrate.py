"""``lighter migrate``: rewrite configs of earlier generations and of other tools."""

import difflib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from lighter_cli.atomic_files import write_atomically
from lighter_cli.terminal import output
from lighter_cli.terminal.findings_log import log_findings
from lighter_cli.terminal.output import ADDED, HEADING, PLACE, REMOVED, Line
from lighter_config import Finding, Severity, SourceError
from lighter_config.regular_files import exists

_logger = logging.getLogger(__name__)

_STYLES = {"+": ADDED, "-": REMOVED, "@": PLACE}


def migrate(
    *files: Annotated[
        str,
        Parameter(
            help="Files of Lighter, LightningCLI, Hydra or MONAI bundles. Files of one experiment follow each other, "
            "or are a comma list: base.yaml,exp.yaml."
        ),
    ],
    in_place: Annotated[
        bool,
        Parameter(negative=(), show_default=False, help="Write the files; by default only show what would change."),
    ] = False,
) -> int:
    """Rewrite configs of earlier generations and of other tools.

    The exit code is 1 when something must be changed by hand.
    """
    from lighter_cli.migration import Kind
    from lighter_cli.migration import migrate as migrated_files

    names = [name for given in files for name in ([given] if exists(given) else given.split(","))]
    if not names:
        raise SourceError(Finding(message="no config given", fix="name one: lighter migrate config.yaml"))
    migrated = migrated_files(names)
    for file in migrated:
        if file.kind is not Kind.LIGHTER:
            _logger.info("%s is a %s config", file.name, file.kind)
        if file.after == file.before:
            _logger.info("%s: nothing to rewrite", file.name)
        elif in_place:
            write_atomically(Path(file.name), file.after)
            _logger.info("%s was rewritten; check it with `lighter check`", file.name)
        else:
            output.write_lines(_difference(file.name, file.before, file.after))
        log_findings(file.findings)
    return int(any(finding.severity is Severity.WARNING for file in migrated for finding in file.findings))


def _difference(name: str, before: str, after: str) -> Sequence[Line]:
    """Return the lines of a unified diff, as `diff -u` writes it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return [[(line, HEADING if line[:3] in ("---", "+++") else _STYLES.get(line[:1], ""))] for line in lines]
