"""What ``[tool.lighter]`` says: the experiments of a project, folders with its code, severities of findings.

Reference: docs/reference/pyproject.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from lighter_cli.checking.experiment import Experiment
from lighter_config import Finding, Severity
from lighter_config.pyproject import find_table


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``[tool.lighter]`` of a pyproject.toml says.

    Attributes:
        file: The pyproject.toml; ``None`` if no file has the table.
        experiments: The experiments that the table names, in its order.
        search_path: Folders that are searched for targets after all others, absolute.
        severities: The severity of the findings of a check, by its name; ``None`` drops them.
        findings: Mistakes in the table.
    """

    file: Path | None = None
    experiments: tuple[Experiment, ...] = ()
    search_path: tuple[Path, ...] = ()
    severities: Mapping[str, Severity | None] = field(default_factory=lambda: MappingProxyType({}))
    findings: tuple[Finding, ...] = ()

    def judged(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings with the severities of the table, without those that it drops.

        >>> settings = Settings(severities={"seed": Severity.NOTE, "monitors": None})
        >>> found = [Finding(message="a", check="seed"), Finding(message="b", check="monitors"), Finding(message="c")]
        >>> [(finding.message, str(finding.severity)) for finding in settings.judged(found)]
        [('a', 'note'), ('c', 'error')]
        """
        judged = []
        for finding in findings:
            severity = self.severities.get(finding.check, finding.severity)
            if severity is not None:
                judged.append(finding if severity is finding.severity else replace(finding, severity=severity))
        return judged


def read_settings(start: Path) -> Settings:
    """Read the table of the nearest pyproject.toml that has one, in a folder or above it.

    Args:
        start: The folder to begin with.
    """
    table = find_table(start)
    if table is None:
        return Settings()
    from lighter_cli.checking.tool_table import settings_of  # most folders have no table

    return settings_of(table)
