"""Write patches as git does, and apply them to the content of files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lighter_config.tree.credentials import MASK, is_credential, is_secret, without_secrets

if TYPE_CHECKING:
    from lighter_config import Secrets

_HEADER = b"diff --git "
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13}
_TO_ESCAPE = re.compile(rb'[\x00-\x1f\x7f-\xff"\\]')

_CREDENTIAL = re.compile(r"secret|passw|passphrase|pwd|token|key|authorization", re.IGNORECASE)
_LITERAL = re.compile(
    r"""(?<![\w-])([A-Za-z_][\w-]*+)(["']?\]?\s*(?::\s*str\s*)?[=:]\s*[rbuf]?)(["'])([^"']{4,})\3""", re.IGNORECASE
)
_YAML = (".yaml", ".yml")
_MAX_SEARCHED = 2_000


class PatchError(ValueError):
    """A patch is damaged, or is of other content."""


@dataclass(slots=True)
class FileChange:
    """What a patch does to one file.

    Attributes:
        path: Its path, as bytes.
        is_removed: Whether the file is removed.
        is_binary: Whether the patch only says that the file differs.
        mode: Its new mode; ``None`` if it keeps its own.
        hunks: For each hunk the number of the line before it, and the lines with their signs.
    """

    path: bytes
    is_removed: bool = False
    is_binary: bool = False
    mode: str | None = None
    hunks: list[tuple[int, list[bytes]]] = field(default_factory=list)

    def applied_to(self, content: bytes) -> bytes:
        """Return the content after the change. Unchanged lines are those of ``content``: the patch may mask them.

        Raises:
            PatchError: The content is too short.
        """
        before = _LINE.findall(content)
        after: list[bytes] = []
        position, was_added = 0, False
        for start, lines in self.hunks:
            if not position <= start <= len(before):
                raise PatchError(f"the patch of {self.path!r} is of other content")
            after += before[position:start]
            position = start
            for sign, text in ((line[:1], line[1:]) for line in lines):
                if sign == b"+":
                    after.append(text)
                elif sign == b"\\":  # says that the line before it, the last one, has no end
                    after[-1:] = [line.removesuffix(b"\n") for line in after[-1:]] if was_added else after[-1:]
                elif position == len(before):
                    raise PatchError(f"the patch of {self.path!r} is of other content")
                else:
                    after += before[position : position + 1] if sign != b"-" else []
                    position += 1
                was_added = sign == b"+"
        return b"".join(after + before[position:])


def parse_patch(patch: bytes) -> list[FileChange]:
    """Read a patch that git, or ``addition``, wrote without renames.

    Raises:
        PatchError: It is damaged.
    """
    changes: list[FileChange] = []
    lines = iter(_LINE.findall(patch))
    for line in lines:
        if line.startswith(_HEADER):
            changes.append(FileChange(_path(line[len(_HEADER) :].removesuffix(b"\n"))))
        elif not changes:
            continue  # git names unmerged files first
        elif hunk := _HUNK.match(line):
            start, *counts = (1 if number is None else int(number) for number in hunk.group(1, 2, 4))
            changes[-1].hunks.append((start - (counts[0] > 0), _hunk(lines, *counts)))
        elif line.startswith(b"\\") and changes[-1].hunks:
            changes[-1].hunks[-1][1].append(line)
        else:
            _read_header(line, changes[-1])
    return changes


def addition(path: bytes, content: bytes, *, is_executable: bool = False) -> bytes:
    r"""Return a patch that adds a file.

    >>> print(addition(b"a.py", b"x = 1\ny = 2").decode(), end="")
    diff --git a/a.py b/a.py
    new file mode 100644
    --- /dev/null
    +++ b/a.py
    @@ -0,0 +1,2 @@
    +x = 1
    +y = 2
    \ No newline at end of file
    """
    mode = b"100755" if is_executable else b"100644"
    pieces = [_HEADER, _quoted(b"a/" + path), b" ", _quoted(b"b/" + path), b"\nnew file mode ", mode, b"\n"]
    if lines := _LINE.findall(content):
        tab = b"\t" if b" " in path else b""  # as git does: the end of a name with spaces is not clear
        pieces += [b"--- /dev/null\n+++ ", _quoted(b"b/" + path), tab, b"\n@@ -0,0 +1,%d @@\n" % len(lines)]
        pieces += [b"+" + line for line in lines]
        pieces += [] if content.endswith(b"\n") else [b"\n\\ No newline at end of file\n"]
    else:
        pieces.append(b"index 0000000000000000000000000000000000000000..e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n")
    return b"".join(pieces)


def masked(patch: bytes, secrets: Secrets) -> bytes:
    """Return a patch with a mask for each secret of the config, and for each literal after a name of a credential."""
    text = secrets.hidden_in(patch.decode(errors="surrogateescape"))
    if _CREDENTIAL.search(text):
        is_yaml = False
        lines = text.split("\n")
        for number, line in enumerate(lines):
            if line.startswith("diff --git "):
                is_yaml = line.rstrip('"').endswith(_YAML)
            elif line[:1] in ("+", "-", " ") and _CREDENTIAL.search(line):
                lines[number] = line[0] + (_yaml_masked(line[1:]) if is_yaml else _LITERAL.sub(_hide, line[1:]))
        text = "\n".join(lines)
    return str(text).encode(errors="surrogateescape")


def _yaml_masked(line: str) -> str:
    """Return a line of YAML without secrets; only its beginning is searched, which takes the square of its length."""
    return without_secrets(line[:_MAX_SEARCHED]) + line[_MAX_SEARCHED:]


def _hide(match: re.Match[str]) -> str:
    name, between, quote, value = match.groups()
    return f"{name}{between}{quote}{MASK}{quote}" if is_credential(name) and is_secret(value) else match[0]


def _hunk(lines: Iterator[bytes], num_before: int, num_after: int) -> list[bytes]:
    hunk = []
    while num_before > 0 or num_after > 0:
        line = next(lines, b"")
        sign = line[:1]
        if sign not in (b" ", b"+", b"-", b"\\"):
            raise PatchError(f"a hunk of the patch ends too early: {line!r:.60}")
        num_before -= sign in (b" ", b"-")
        num_after -= sign in (b" ", b"+")
        hunk.append(line)
    return hunk


def _read_header(line: bytes, change: FileChange) -> None:
    if line.startswith((b"new file mode ", b"new mode ")):
        change.mode = line.split()[-1].decode(errors="replace")
    elif line.startswith(b"deleted file mode "):
        change.is_removed = True
    elif line.startswith(b"Binary files "):
        change.is_binary = True


def _path(names: bytes) -> bytes:
    """Return the path in ``a/PATH b/PATH``, where both are the same."""
    if names.startswith(b'"'):
        name = names[1 : len(names) // 2 - 1]
        name = _ESCAPE.sub(_unescaped, name)
    else:
        name = names[: len(names) // 2]
    if not name.startswith(b"a/"):
        raise PatchError(f"the patch names no file in {names!r:.60}")
    return name[2:]


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) > 1 else bytes([_ESCAPED.get(code, code[0])])


def _quoted(name: bytes) -> bytes:
    if not _TO_ESCAPE.search(name):
        return name
    return b'"' + _TO_ESCAPE.sub(lambda match: b"\\%03o" % match[0][0], name) + b'"'
