"""Rewrite the configs of MONAI bundles."""

from lighter_cli.migration.from_monai.engines import move_engines
from lighter_cli.migration.from_monai.merging import keep_replacing
from lighter_cli.migration.from_monai.names import lengthen_names
from lighter_cli.migration.from_monai.runs import remove_order, remove_runs
from lighter_cli.migration.import_lists import write_imports
from lighter_cli.migration.imports import add_imports
from lighter_cli.migration.separators import write_double_colons

__all__ = ["RULES"]

RULES = (
    write_imports,
    keep_replacing,
    write_double_colons,
    remove_runs,
    remove_order,
    move_engines,  # before the names: engines are known by their short ones
    lengthen_names,
    add_imports,
)
"""The rules, in the order in which they apply."""
