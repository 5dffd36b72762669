"""Errors between a valid config and a running stage."""

from lighter_config import ConfigError


class CheckpointError(ConfigError):
    """A checkpoint does not exist or cannot be used, or no earlier run has a ``last`` or ``best`` one."""


class SeedError(ConfigError):
    """A seed is not an integer in the range that NumPy takes."""


class BuildError(ConfigError):
    """A section built an object of the wrong type."""


class MonitorError(ConfigError):
    """A callback or scheduler monitors a name that the fit did not log."""


class RankError(ConfigError):
    """Another process of the same run failed, or started from another checkpoint."""


class ExportError(ConfigError):
    """A network cannot be exported in a format, or the file gives other outputs than the network."""


class SweepError(ConfigError):
    """A sweep cannot begin or continue, or every trial of it fails."""


class SlurmError(ConfigError):
    """A job cannot be submitted or cancelled, or what it asks for is wrong."""


class EditorError(ConfigError):
    """``lighter lsp`` cannot serve an editor."""
