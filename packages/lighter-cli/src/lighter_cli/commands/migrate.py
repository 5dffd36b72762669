"""``lighter migrate``: configs of earlier generations, rewritten."""

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

_logger = logging.getLogger(__name__)

_STYLES = {"+": ADDED, "-": REMOVED, "@": PLACE}


def migrate(
    *files: Annotated[
        str,
        Parameter(
            help="YAML files. Files of one experiment follow each other, or stand in one word: base.yaml,exp.yaml."
        ),
    ],
    in_place: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Write the files; otherwise only show what would change.")
    ] = False,
) -> int:
    """Rewrite configs of earlier generations. The exit code is 1 when something is left to do by hand."""
    from lighter_cli.migration import migrate as migrated_files

    names = [name for word in files for name in ([word] if Path(word).exists() else word.split(","))]
    if not names:
        raise SourceError(Finding(message="no file is named", fix="name one: lighter migrate config.yaml"))
    migrated = migrated_files(names)
    for one in migrated:
        if one.after == one.before:
            _logger.info("%s: nothing to rewrite", one.name)
        elif in_place:
            write_atomically(Path(one.name), one.after)
            _logger.info("%s is rewritten; see what `lighter check` says of it", one.name)
        else:
            output.write_lines(_difference(one.name, one.before, one.after))
        log_findings(one.findings)
    return int(any(finding.severity is Severity.WARNING for one in migrated for finding in one.findings))


def _difference(name: str, before: str, after: str) -> Sequence[Line]:
    """Return what changes, as `diff -u` writes it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return [[(line, HEADING if line[:3] in ("---", "+++") else _STYLES.get(line[:1], ""))] for line in lines]
