"""What is at a position: a key or a value, its path in the merged config, and the reference that it is in."""

from dataclasses import dataclass
from pathlib import Path

from lighter_cli.editor.entries import Entry, Part, entry_at
from lighter_cli.editor.reference_spans import WrittenReference, references_of
from lighter_cli.editor.workspace import Checked, Workspace
from lighter_config.sources.file_names import shown
from lighter_config.tree.node import Segments


@dataclass(frozen=True, slots=True)
class Pointed:
    """What is at a position.

    Attributes:
        checked: The experiment.
        entry: The key with its value, or the item.
        part: Which of both the position is in.
        path: The path of the entry in the merged config.
        reference: The reference at the position.
    """

    checked: Checked
    entry: Entry
    part: Part
    path: Segments
    reference: WrittenReference | None

    @property
    def target(self) -> str | None:
        """The import path at the position."""
        value = self.entry.node.value
        is_target = self.entry.path[-1:] == ("_target_",) and self.part == "value"
        return value if is_target and isinstance(value, str) and self.reference is None else None


def pointed_at(workspace: Workspace, file: Path, line: int, column: int) -> Pointed | None:
    """Find what is at a position of a file; ``None`` between keys and values."""
    found = entry_at(workspace.entries(file), line, column)
    if found is None:
        return None
    entry, part = found
    checked = workspace.experiment_for(file)
    reference = None
    if part == "value":
        written = references_of(entry, workspace.lines(file), file, checked)
        reference = next((one for one in written if one.span.has(line, column)), None)
    return Pointed(checked, entry, part, checked.path_of(shown(file), entry), reference)
