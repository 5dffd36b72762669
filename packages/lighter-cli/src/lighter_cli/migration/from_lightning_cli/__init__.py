"""Rewrite the configs of LightningCLI."""

from lighter_cli.migration.foreign_text import keep_text, write_booleans
from lighter_cli.migration.from_lightning_cli.classes import write_targets
from lighter_cli.migration.from_lightning_cli.merging import keep_replacing
from lighter_cli.migration.from_lightning_cli.sections import hoist_stages, read_environment, rename_sections

__all__ = ["RULES"]

RULES = (
    keep_text,
    write_booleans,
    hoist_stages,
    keep_replacing,
    read_environment,  # before the classes: references name the path with `init_args`
    write_targets,
    rename_sections,
)
"""The rules, in the order in which they apply."""
