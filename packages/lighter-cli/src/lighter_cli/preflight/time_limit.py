"""Compare the time of an epoch with the time that a job of SLURM has."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lighter_cli.terminal.shown import duration_text
from lighter_config import Config, Finding, Severity, resolved

_LIMIT = "sweep::slurm::timeout_min"
_MINUTE_S = 60


def check_time_limit(epoch_s: float | None, config: Config) -> Iterator[Finding]:
    """Warn of jobs that end before an epoch does.

    Args:
        epoch_s: The seconds of an epoch with its validation; ``None`` if they are not known.
        config: The config, with its ``sweep`` section.
    """
    limit_min = resolved(config).get(_LIMIT, None)
    if epoch_s is None or isinstance(limit_min, bool) or not isinstance(limit_min, int | float):
        return
    if epoch_s > limit_min * _MINUTE_S:
        yield Finding(
            message=f"an epoch takes about {duration_text(epoch_s)}, and a job ends after {limit_min} min",
            severity=Severity.WARNING,
            path=_LIMIT,
            place=config.place(_LIMIT),
            excerpt=config.excerpt(_LIMIT),
            expected=("the time of an epoch at least: a job that ends earlier has no validated checkpoint",),
            fix=f"set {_LIMIT}={math.ceil(2 * epoch_s / _MINUTE_S)}, or make epochs shorter",
            check="time",
        )
