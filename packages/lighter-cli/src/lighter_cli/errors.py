"""What goes wrong between a good config and a running stage."""

from lighter_config import ConfigError


class CheckpointError(ConfigError):
    """A checkpoint that does not exist, or ``last`` or ``best`` of an experiment that never ran."""


class SeedError(ConfigError):
    """A seed that is no integer in the range that NumPy takes."""


class BuildError(ConfigError):
    """A section that built something else than the stage needs."""


class RankError(ConfigError):
    """Another process of the same run failed, or started from another checkpoint."""
