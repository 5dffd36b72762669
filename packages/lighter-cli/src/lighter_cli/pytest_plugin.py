"""``pytest --lighter configs/``: test every config, as ``lighter check --each`` checks it."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lighter_cli.checking.checker import Checker

_SUFFIXES = (".yaml", ".yml")


class ConfigWarning(UserWarning):
    """A warning that ``lighter check`` reports."""


class _ConfigError(Exception):
    """The findings of a config with errors."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--lighter``."""
    parser.getgroup("lighter").addoption(
        "--lighter", action="store_true", help="Collect YAML files as tests: lighter check finds no error in them."
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ConfigFile | None":
    """Collect a YAML file when ``--lighter`` is given."""
    if not parent.config.getoption("lighter") or file_path.suffix not in _SUFFIXES:
        return None
    return ConfigFile.from_parent(parent, path=file_path)


class ConfigFile(pytest.File):
    """A config file, which holds one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the test that checks it."""
        yield ConfigItem.from_parent(self, name="check")


class ConfigItem(pytest.Item):
    """The test that a config has no error."""

    def runtest(self) -> None:
        """Check the config.

        Raises:
            _ConfigError: The config has an error; the text holds all findings.
        """
        from lighter_cli.checking.output import text_lines
        from lighter_config import Severity

        file = self.path
        if file.is_relative_to(Path.cwd()):  # short, as a user types it
            file = file.relative_to(Path.cwd())
        [result] = _checker(self.config).check_each([file])
        if result.has_errors:
            errors_first = sorted(result.findings, key=lambda finding: finding.severity is not Severity.ERROR)
            result = replace(result, findings=tuple(errors_first))  # pytest's summary shows only the first line
            raise _ConfigError("\n".join(map(_plain, text_lines([result], deep=True))))
        for finding in result.findings:
            if finding.severity is Severity.WARNING:
                warnings.warn(ConfigWarning(str(finding)), stacklevel=1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the findings without a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _ConfigError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str], int | None, str]:
        """Name the test by its file."""
        return self.path, None, f"lighter check {self.path.name}"


_CHECKER = pytest.StashKey["Checker"]()


def _checker(config: pytest.Config) -> "Checker":
    """Return the checker of this session, which reads each library only once."""
    from lighter_cli.checking.checker import Checker

    return config.stash.setdefault(_CHECKER, Checker())


def _plain(line: Any) -> str:
    return "".join(part if isinstance(part, str) else part[0] for part in line)
