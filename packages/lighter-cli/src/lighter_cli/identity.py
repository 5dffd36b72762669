"""What makes two runs the same experiment: their config files, in order. Overrides do not count."""

from pathlib import Path

from lighter_config import Config
from lighter_config.sources import FileSource, OverrideSource


def config_files(config: Config) -> tuple[Path, ...]:
    """Return the files that a config was loaded from, resolved, in order."""
    return tuple(source.path.resolve() for source in config.sources if isinstance(source, FileSource))


def override_words(config: Config) -> tuple[str, ...]:
    """Return the words that changed single values of the files."""
    return tuple(source.text for source in config.sources if isinstance(source, OverrideSource))
