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
    from lighter_cli.checking.experiment import Experiment

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


def pytest_collection(session: pytest.Session) -> None:
    """Read ``[tool.lighter]`` before anything is collected: a mistake in it ends the session."""
    if session.config.getoption("lighter"):
        _checker(session.config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ConfigFile | None":
    """Collect a YAML file when ``--lighter`` is given."""
    if not parent.config.getoption("lighter") or file_path.suffix not in _SUFFIXES:
        return None
    return ConfigFile.from_parent(parent, path=file_path)


class ConfigFile(pytest.File):
    """A config file, which holds one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the test that checks it, or one for each experiment that it belongs to."""
        from lighter_config import FileSource

        file = _shown(self.path)
        experiments = _checker(self.config).experiments_of([FileSource(file, str(file))])
        for experiment in experiments:
            yield ConfigItem.from_parent(self, name=f"check[{experiment.name}]", experiment=experiment)
        if not experiments:
            yield ConfigItem.from_parent(self, name="check")


class ConfigItem(pytest.Item):
    """The test that a config has no error.

    Args:
        experiment: The experiment to check; ``None`` checks the file alone.
        options: Those of ``pytest.Item``.
    """

    def __init__(self, *, experiment: "Experiment | None" = None, **options: Any) -> None:
        super().__init__(**options)
        self._experiment = experiment

    def runtest(self) -> None:
        """Check the config.

        Raises:
            _ConfigError: The config has an error; the text holds all findings.
        """
        from lighter_cli.checking.output import text_lines
        from lighter_config import Severity

        checker = _checker(self.config)
        if self._experiment is not None:
            result = checker.check_experiment(self._experiment)
        else:
            [result] = checker.check_each([_shown(self.path)])
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


def _shown(file: Path) -> Path:
    """Return the name of a file as a user types it."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


_CHECKER = pytest.StashKey["Checker"]()


def _checker(config: pytest.Config) -> "Checker":
    """Return the checker of this session, which reads each library only once.

    Raises:
        pytest.UsageError: ``[tool.lighter]`` has a mistake.
    """
    from lighter_cli.checking.checker import Checker
    from lighter_cli.checking.result import has_errors
    from lighter_cli.checking.settings import read_settings

    if _CHECKER not in config.stash:
        settings = read_settings(Path.cwd())
        if has_errors(settings.findings):
            raise pytest.UsageError("\n".join(map(str, settings.findings)))
        config.stash[_CHECKER] = Checker(settings=settings)
    return config.stash[_CHECKER]


def _plain(line: Any) -> str:
    return "".join(part if isinstance(part, str) else part[0] for part in line)
