"""Findings as log messages."""

import logging
from collections.abc import Iterable

from lighter_config import Finding, Severity

_LEVELS = {Severity.ERROR: logging.ERROR, Severity.WARNING: logging.WARNING, Severity.NOTE: logging.INFO}

_logger = logging.getLogger(__name__)


def log_findings(findings: Iterable[Finding]) -> None:
    """Log each finding at the level of its severity."""
    for finding in findings:
        _logger.log(_LEVELS[finding.severity], "%s", finding)
