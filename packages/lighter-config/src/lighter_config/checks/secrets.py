"""Secrets that records do not hold."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.tree.credentials import how_to_give, is_masked, missing_secret
from lighter_config.tree.paths import format_path


def check_secrets(context: CheckContext) -> Iterator[Finding]:
    """Report secrets that a record has masked and that a run needs; note those that its own record will mask."""
    for path, value in context._leaves:
        if is_masked(value) and context.is_built(path):
            where = format_path(path)
            yield missing_secret(where, context.subject.place(where), context.subject.excerpt(where))
    for where in context.secrets.paths:
        yield Finding(
            message=f"{where} looks like a secret: records keep a mask in its place",
            severity=Severity.NOTE,
            path=where,
            place=context.config.place(where),
            excerpt=f"{where}: ***",  # not the line, which holds the secret
            fix=how_to_give(where),
        )
