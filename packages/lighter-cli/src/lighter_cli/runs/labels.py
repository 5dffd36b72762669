"""Names, tags and notes of runs: the record has those that a run started with, ``labels.json`` those changed later."""

import errno
import json
import logging
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lighter_cli.atomic_files import write_atomically
from lighter_cli.terminal.control_characters import has_control_characters
from lighter_config import RECORD_FILE, Finding, SourceError
from lighter_config.regular_files import read_regular

_logger = logging.getLogger(__name__)

LABELS_FILE = "labels.json"

_MAX_NAME = 100
_MAX_BYTES = 2**20


def labels(name: str | None = None, tags: Iterable[str] = (), note: str | None = None) -> dict[str, Any]:
    """Return the labels of a run as its record holds them; those that are not given are left out.

    Raises:
        SourceError: A name or a tag cannot be used.
    """
    given: dict[str, Any] = {}
    if name is not None:
        given["name"] = _checked_name(name)
    if tags := tuple(dict.fromkeys(map(_checked_tag, tags))):
        given["tags"] = list(tags)
    if note is not None:
        given["note"] = note
    return given


def change_labels(folder: Path, **changed: Any) -> None:
    """Change labels of a run; those that are not given stay.

    They have a file of their own, because a run that lasts writes its record again. The record gets a new time, by
    which lists know that it must be read again.

    Raises:
        OSError: The folder cannot be written, or the file is a link: what it leads to may be anything.
    """
    file = folder / LABELS_FILE
    if file.is_symlink():
        raise OSError(errno.ELOOP, f"its {LABELS_FILE} is a link", str(file))
    content = {**read_labels(folder), **changed}
    write_atomically(file, json.dumps(content, indent=2, ensure_ascii=False))
    os.utime(folder / RECORD_FILE)


def read_labels(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the labels of a run that were changed after its start; none, with a warning, from a damaged file."""
    file = Path(folder, LABELS_FILE)
    try:
        content = json.loads(read_regular(file)[:_MAX_BYTES])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _warn_of_damage(file, getattr(error, "strerror", None) or str(error))
        return {}
    if are_labels(content):
        return {name: content[name] for name in ("name", "tags", "note") if name in content}
    _warn_of_damage(file, "they are not names, tags and notes")
    return {}


@cache
def _warn_of_damage(file: Path, reason: str) -> None:
    """Warn once: a command may read the labels of a run several times."""
    _logger.warning("the labels in %s are damaged and are skipped: %s", file, reason)


def are_labels(content: Any) -> bool:
    """Return whether a value is a mapping in which ``name`` and ``note`` are text and ``tags`` is a list of texts."""
    if not isinstance(content, Mapping):
        return False
    tags = content.get("tags", [])
    texts = (content.get("name", ""), content.get("note", ""), *(tags if isinstance(tags, list) else (None,)))
    return all(isinstance(text, str) for text in texts)


def changed_tags(tags: Iterable[str], changes: Iterable[str]) -> list[str]:
    """Return tags after changes such as ``+a`` and ``-b``.

    Raises:
        SourceError: A change does not start with ``+`` or ``-``, or a tag to remove is not there.

    >>> changed_tags(["old", "best"], ["+paper", "-old"])
    ['best', 'paper']
    """
    found = list(tags)
    for change in changes:
        sign, tag = change[:1], _checked_tag(change[1:])
        if sign == "+":
            found += [tag] * (tag not in found)
        elif sign == "-" and tag in found:
            found.remove(tag)
        elif sign == "-":
            raise SourceError(Finding(message=f"the run has no tag {tag!r}", expected=tuple(found)))
        else:
            raise SourceError(Finding(message=f"{change!r} must start with + or -", fix=f"write +{change} to add it"))
    return found


def _checked_name(name: str) -> str:
    if not name or name == "last" or len(name) > _MAX_NAME or "/" in name or has_control_characters(name):
        expected = (f"one line of at most {_MAX_NAME} characters without /, other than 'last'",)
        raise SourceError(Finding(message=f"{name[:_MAX_NAME]!r} cannot be the name of a run", expected=expected))
    return name


def _checked_tag(tag: str) -> str:
    if not tag or tag[0] in "+-" or "," in tag or len(tag) > _MAX_NAME or has_control_characters(tag) or " " in tag:
        expected = ("a word without spaces and commas that does not start with + or -",)
        raise SourceError(Finding(message=f"{tag[:_MAX_NAME]!r} cannot be a tag", expected=expected))
    return tag
