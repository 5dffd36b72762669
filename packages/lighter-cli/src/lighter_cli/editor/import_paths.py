"""The import paths that begin as somebody types, read from source."""

from collections.abc import Iterator
from dataclasses import dataclass

from lsprotocol import types

from lighter_config import Signature, SignatureReader
from lighter_config.signatures.answers.short_names import PACKAGES, find_in, names_defined

_KINDS = {
    "module": types.CompletionItemKind.Module,
    "class": types.CompletionItemKind.Class,
    "function": types.CompletionItemKind.Function,
}
_MAX_NAMED = 12
_MIN_TYPED = 3


@dataclass(frozen=True, slots=True)
class ImportPath:
    """One way to go on.

    Attributes:
        label: What is shown.
        text: The whole path, as it is written then.
        kind: What it leads to.
        detail: More to show.
        filter_text: What is compared with what is typed.
    """

    label: str
    text: str
    kind: types.CompletionItemKind
    detail: str | None
    filter_text: str


def import_paths(typed: str, reader: SignatureReader) -> Iterator[ImportPath]:
    """Yield the import paths that begin with a text, and for a bare name those of classes that are called so."""
    module, dot, begun = typed.rpartition(".")
    found = [name for name in reader.names(module) if name.name.lower().startswith(begun.lower())]
    if not module:  # of all that is installed, a config names these most
        found.sort(key=lambda name: name.name not in ("project", *PACKAGES))
    for name in found:
        if name.kind != "value":
            path = f"{module}{dot}{name.name}"
            yield ImportPath(name.name, path, _KINDS[name.kind], name.kind, path)
    if not dot and len(begun) >= _MIN_TYPED:
        yield from _named(begun, reader)


def _named(begun: str, reader: SignatureReader) -> Iterator[ImportPath]:
    """Yield the classes and functions whose name begins with a text, as ``describe`` finds them."""
    number = 0
    for package in PACKAGES:
        for name in sorted(names_defined(package)):
            if not name.lower().startswith(begun.lower()):
                continue
            for path in find_in(package, name, reader)[:2]:
                answer = reader.read(path)
                if isinstance(answer, Signature):
                    kind = _KINDS["class" if answer.is_class else "function"]
                    yield ImportPath(name, path, kind, path, name)
                    number += 1
            if number >= _MAX_NAMED:
                return
