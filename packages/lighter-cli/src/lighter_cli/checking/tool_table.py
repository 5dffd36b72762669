"""Read ``[tool.lighter]``, and find every mistake in it."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lighter_cli.checking.experiment_checks import experiment_checks
from lighter_cli.checking.experiment_table import EXPERIMENTS, read_experiments
from lighter_cli.checking.settings import Settings
from lighter_cli.checking.table_mistakes import Mistakes
from lighter_config import Severity, nearest_names
from lighter_config.checks import name_of_check
from lighter_config.pyproject import SEARCH_PATH, ToolTable, search_path
from lighter_config.regular_files import is_folder, with_home
from lighter_config.sections import SECTIONS
from lighter_config.sources.file_names import nearest_files, shown

SEVERITY = "severity"
KEYS = (EXPERIMENTS, SEARCH_PATH, SEVERITY)

OFF = "off"
SEVERITIES = (*map(str, Severity), OFF)

_OTHER_CHECKS = ("loading", "objectives", "space")
"""What else is in the field ``check`` of findings; every other name is that of a check."""


def settings_of(table: ToolTable) -> Settings:
    """Return what a table says; entries with mistakes are left out.

    Args:
        table: The table.
    """
    mistakes = Mistakes(table)
    if table.damage:
        return Settings(table.file, findings=(mistakes.damage(),))
    _check_keys(table.content, mistakes)
    experiments = read_experiments(table.content.get(EXPERIMENTS, {}), mistakes)
    _check_search_path(table, mistakes)
    severities = MappingProxyType(_read_severities(table.content.get(SEVERITY, {}), mistakes))
    return Settings(table.file, experiments, search_path(table.file.parent), severities, mistakes.findings)


@lru_cache(maxsize=1)
def names_of_checks() -> tuple[str, ...]:
    """Return the names that the field ``check`` of findings may hold, which the table gives severities."""
    return tuple(sorted({*map(name_of_check, experiment_checks({})), *_OTHER_CHECKS}))


def _check_keys(content: Mapping[str, Any], mistakes: Mistakes) -> None:
    for name in content:
        if name in KEYS:
            continue
        fix = f"remove it, or name one of {', '.join(KEYS)}"
        if name in SECTIONS:
            fix = "write it into a config: the table has no values of experiments"
        mistakes.add(
            f"[tool.lighter] has no key {name!r}", (name,), expected=KEYS, nearest=nearest_names(name, KEYS), fix=fix
        )


def _check_search_path(table: ToolTable, mistakes: Mistakes) -> None:
    given = table.content.get(SEARCH_PATH, [])
    if not isinstance(given, list) or not all(isinstance(entry, str) for entry in given):
        mistakes.add(f"{SEARCH_PATH} must be a list of folders", (SEARCH_PATH,), fix=f'{SEARCH_PATH} = ["src"]')
        return
    for entry in given:
        folder = table.file.parent / with_home(entry)
        if is_folder(folder):
            continue
        message = f"{SEARCH_PATH}: the folder {entry!r} does not exist"
        expected = (f"a folder, relative to {shown(table.file.parent)!r}",)
        nearest = tuple(name for name in nearest_files(Path(entry), table.file.parent) if _is_in(table, name))
        mistakes.add(message, (SEARCH_PATH,), item=entry, expected=expected, nearest=nearest)


def _is_in(table: ToolTable, name: str) -> bool:
    return is_folder(table.file.parent / name)


def _read_severities(given: Any, mistakes: Mistakes) -> dict[str, Severity | None]:
    severities: dict[str, Severity | None] = {}
    if not isinstance(given, dict):
        mistakes.add(f"{SEVERITY} must be a table of checks", (SEVERITY,), fix=f'{SEVERITY} = {{ seed = "note" }}')
        return severities
    for name, severity in given.items():
        valid = names_of_checks()
        if name not in valid:
            mistakes.add(
                f"{SEVERITY}: there is no check {name!r}",
                (SEVERITY, name),
                expected=valid,
                nearest=nearest_names(name, valid),
                fix="the field `check` of lighter check --format json names the check of each finding",
            )
        elif severity not in SEVERITIES:
            mistakes.add(
                f"{SEVERITY}: {name} has {severity!r}, which is not a severity",
                (SEVERITY, name),
                expected=SEVERITIES,
                nearest=nearest_names(severity, SEVERITIES) if isinstance(severity, str) else (),
            )
        else:
            severities[name] = None if severity == OFF else Severity(severity)
    return severities
