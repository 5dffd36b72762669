"""Mistakes in the section `sweep`, which no stage uses; `space` checks the trials that it describes."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding
from lighter_config.sections import SWEEP


def check_sweep_section(context: CheckContext) -> Iterator[Finding]:
    """Report dimensions and settings of a sweep that cannot be used, where no stage in particular is checked."""
    if context.stage is not None or context.is_fragment or SWEEP not in context.config._root.value:
        return
    from lighter_config.space.reading import section_findings  # few configs have the section

    yield from section_findings(context.config)
