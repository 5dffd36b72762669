"""Rewrite the configs of Hydra."""

from lighter_cli.migration.foreign_text import keep_text, write_booleans
from lighter_cli.migration.from_hydra.components import rewrite_components
from lighter_cli.migration.from_hydra.defaults import write_defaults
from lighter_cli.migration.from_hydra.packages import keep_packages, keep_replacing
from lighter_cli.migration.from_hydra.sections import rewrite_interpolations, rewrite_sections
from lighter_cli.migration.sections import rename_sections

__all__ = ["RULES"]

RULES = (
    keep_text,
    write_booleans,
    keep_replacing,
    rewrite_components,
    rewrite_sections,  # before the interpolations: those of Hydra's own section go with it
    rewrite_interpolations,
    write_defaults,
    rename_sections,
    keep_packages,  # last: it changes the path of every key
)
"""The rules, in the order in which they apply."""
