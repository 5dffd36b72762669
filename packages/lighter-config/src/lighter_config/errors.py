"""The errors of this package. Each carries findings, whose fields tests and tools can read."""

from lighter_config.findings import Finding


class ConfigError(Exception):
    """A config that cannot be used; the base class of this package's errors.

    Attributes:
        findings: Everything that is wrong, at least one finding.
    """

    def __init__(self, *findings: Finding) -> None:
        if not findings:
            raise TypeError(f"{type(self).__name__} needs at least one finding")
        super().__init__(*findings)
        self.findings: tuple[Finding, ...] = findings

    def __str__(self) -> str:
        return "\n\n".join(str(finding) for finding in self.findings)


class SourceError(ConfigError):
    """A word of the command line that is neither an existing file nor an override."""


class YamlError(ConfigError):
    """Text that is not valid YAML, or YAML that a config cannot use."""


class PathError(ConfigError):
    """A path that cannot be parsed or does not exist."""


class MergeError(ConfigError):
    """Two sources that cannot be combined."""


class ReferenceNotFoundError(ConfigError):
    """A reference whose target does not exist."""


class CircularReferenceError(ConfigError):
    """References that lead back to themselves."""


class ExpressionError(ConfigError):
    """A ``$`` expression that cannot be parsed or evaluated."""


class TargetError(ConfigError):
    """A ``_target_`` that does not exist or cannot be called, or a component whose special keys are wrong."""


class SecretError(ConfigError):
    """A secret that is needed, and that the record of an earlier run does not hold."""


class DumpError(ConfigError):
    """A value that cannot be written as YAML: an object that Python code put into the config."""


class CheckError(ConfigError):
    """Checks found at least one error; ``findings`` holds warnings and notes too."""
