"""Complete names of files and folders."""

from collections.abc import Iterator
from pathlib import Path

_CONFIGS = (".yaml", ".yml", ".ckpt")


def config_files(text: str) -> Iterator[str]:
    """Complete the last file of a comma list: a config, a checkpoint or a run folder."""
    before, comma, last = text.rpartition(",")
    yield from (f"{before}{comma}{name}" for name in files_of(last, _CONFIGS))


def files_of(text: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Complete the name of a file with one of the suffixes, or of a folder, which ends in a slash."""
    for name, entry in _entries(text):
        if entry.is_dir():
            yield f"{name}/"
        elif entry.suffix in suffixes:
            yield f"{name} "


def folders(text: str) -> Iterator[str]:
    """Complete the name of a folder."""
    yield from (f"{name}/" for name, entry in _entries(text) if entry.is_dir())


def _entries(text: str) -> Iterator[tuple[str, Path]]:
    """Yield the entries of the folder that a text names so far; hidden ones only if the name begins with a dot."""
    folder, slash, start = text.rpartition("/")
    try:
        listed = sorted(Path(f"{folder}{slash}" or ".").expanduser().iterdir())
    except (OSError, ValueError, RuntimeError):  # no such folder or user, or no name of a folder
        return
    for entry in listed:
        if entry.name.startswith(start) and (start.startswith(".") or not entry.name.startswith(".")):
            yield f"{folder}{slash}{entry.name}", entry
