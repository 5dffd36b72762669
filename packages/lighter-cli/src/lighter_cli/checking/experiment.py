"""An experiment that a table or the first line of a file names, and the words that it is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lighter_config import Finding, OverrideSource, Place, Source, parse_sources
from lighter_config.regular_files import is_regular, with_home, without_links
from lighter_config.sources.file_names import shown
from lighter_config.sources.overrides import is_path
from lighter_config.sources.texts import Texts


@dataclass(frozen=True, slots=True)
class Experiment:
    """Files and overrides that make one experiment.

    Attributes:
        name: How messages call it.
        words: The files and overrides, in the order in which they are merged, as the commands take them.
        files: The files among them, absolute and without links.
        place: Where it is named; ``None`` if it has no overrides, whose places this is.
        findings: Mistakes in what names it; with such, it cannot be loaded.
    """

    name: str
    words: tuple[str, ...]
    files: tuple[Path, ...]
    place: Place | None = None
    findings: tuple[Finding, ...] = ()

    def sources(self, texts: Texts | None = None) -> list[Source]:
        """Return what it is loaded from.

        Args:
            texts: What files there are; by default those on the disk.

        Raises:
            ConfigError: A file is gone, or an override cannot be read.
        """
        sources = parse_sources(self.words, from_command_line=True, texts=texts)
        return [
            replace(source, caller=self.place) if isinstance(source, OverrideSource) else source for source in sources
        ]


def is_override(text: str, folder: Path) -> bool:
    """Return whether a word is an override rather than the name of a file, by the rules of a command line.

    Args:
        text: The word.
        folder: What the name of a file is relative to.
    """
    if is_regular(folder / with_home(text)):
        return False
    if text[:1] == "=" or (text[:1] == "~" and text[1:2] != "/"):
        return True
    path, equals, _ = text.partition("=")
    return bool(equals) and is_path(path.removesuffix("+"))


def experiment_of(name: str, words: Sequence[str | Path], place: Callable[[], Place]) -> Experiment:
    """Return the experiment of some words.

    Args:
        name: Its name.
        words: Files as absolute paths, overrides as texts.
        place: Finds the place where it is named.
    """
    return Experiment(
        name,
        tuple(word if isinstance(word, str) else shown(word) for word in words),
        tuple(dict.fromkeys(without_links(word) for word in words if isinstance(word, Path))),
        place() if any(isinstance(word, str) for word in words) else None,
    )
