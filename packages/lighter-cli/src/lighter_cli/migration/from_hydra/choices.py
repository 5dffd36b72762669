"""The entries of a `defaults` list."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.from_hydra.packages import package_of
from lighter_config.regular_files import is_regular, read_regular

_SELF = "_self_"


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry.

    Attributes:
        index: Its place in the list.
        group: The folder of its file; empty for a file that is named alone.
        option: The name of the file; ``None`` if none is chosen.
        key: The path at which the keys of the file stand; empty for the root.
        file: The file, relative to the one that has the list; ``None`` if there is none.
        overrides: Whether it replaces the choice of another file.
        is_optional: Whether the file may be missing.
        is_self: Whether it says where the file's own keys come.
    """

    index: int
    group: str
    option: Any
    key: tuple[str, ...]
    file: str | None
    overrides: bool = False
    is_optional: bool = False
    is_self: bool = False


def choices_of(document: Document) -> Iterator[Choice]:
    """Yield the entries of the `defaults` list of a file, in order."""
    entries = document.root.get("defaults")
    for index, entry in enumerate(entries if isinstance(entries, CommentedSeq) else ()):
        if entry == _SELF:
            yield Choice(index, "", _SELF, (), None, is_self=True)
        elif isinstance(entry, CommentedMap) and len(entry) == 1:
            ((name, option),) = entry.items()
            yield _choice(document, index, str(name), None if option in (None, "null", "~") else option)
        elif isinstance(entry, str):
            group, _, option = str(entry).rpartition("/")
            yield _choice(document, index, group, option) if group else _plain(document, index, option)
        else:
            yield Choice(index, "", entry, (), None)


def _plain(document: Document, index: int, option: str) -> Choice:
    option, _, package = option.partition("@")
    file = _file(document, "", option)
    key = tuple(package.split(".")) if package not in ("", "_here_", "_global_") else ()
    return Choice(index, "", option, key, file)


def _choice(document: Document, index: int, name: str, option: Any) -> Choice:
    words = name.split()
    group, _, package = words[-1].partition("@")
    file = _file(document, group, option) if isinstance(option, str) else None
    key = tuple(package.split(".")) if package else tuple(group.strip("/").split("/"))
    if file is not None:
        stated = package_of(_text(Path(document.name).parent / file))
        if stated is not None and stated != "_group_":
            key = () if stated == "_global_" else tuple(stated.split("."))
    key = () if key in (("_here_",), ("_global_",)) else key
    return Choice(index, group, option, key, file, "override" in words[:-1], "optional" in words[:-1])


def _file(document: Document, group: str, option: str) -> str | None:
    """Return the file of a choice, relative to the one that names it; a leading `/` means the folder of all groups."""
    name = option if option.endswith((".yaml", ".yml")) else f"{option}.yaml"
    folder = Path(document.name).parent
    ways = [""] if not group.startswith("/") else ["", "../", "../../"]
    for up in [*ways, *([] if group.startswith("/") else ["../"])]:
        relative = f"{up}{group.strip('/')}/{name}" if group else f"{up}{name}"
        if is_regular(folder / relative):
            return relative
    return None


def _text(file: Path) -> str:
    try:
        return read_regular(file).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
