"""The readers of what targets take: one for each folder of a project, as each reads a library only once."""

from pathlib import Path

from lighter_config import SignatureReader


class Readers:
    """Make a reader when it is first asked for.

    Args:
        kind: The class of the readers.
    """

    def __init__(self, kind: type[SignatureReader] = SignatureReader) -> None:
        self._kind = kind
        self._by_project: dict[Path | None, SignatureReader] = {}

    def of(self, project: Path | None) -> SignatureReader:
        """Return the reader that also finds the code of a project.

        Args:
            project: The folder of the code; ``None`` for configs without a project.
        """
        if project not in self._by_project:
            self._by_project[project] = self._kind(project=project)
        return self._by_project[project]

    def remove_old_answers(self) -> None:
        """Keep the newest answers about targets only, on the disk of the user."""
        for reader in [*self._by_project.values()][:1]:  # all keep theirs in one folder
            reader.remove_old_answers()

    def are_current(self) -> bool:
        """Return whether no file has changed that targets were read from."""
        return all(reader.is_current() for reader in self._by_project.values())
