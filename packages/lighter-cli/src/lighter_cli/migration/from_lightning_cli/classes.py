"""Write `class_path`, `init_args` and `dict_kwargs` as components."""

import re
from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import Segments, mappings, put_in, rename_key, replace_text, splice, texts
from lighter_config import Severity, Signature, SignatureReader
from lighter_config.signatures.answers.short_names import find_named

_CLASS, _ARGUMENTS = "class_path", ("init_args", "dict_kwargs")
_LIGHTNING = "lightning.pytorch"
_INSTALLED = "pytorch_lightning"
_SAVED_BY = re.compile(r"\A# lightning\.pytorch==")
"""The first line of a config that LightningCLI saved."""
_CLASS_KEYS = (_CLASS, "_target_")
_PACKAGES = {
    "callbacks": "callbacks",
    "logger": "loggers",
    "strategy": "strategies",
    "profiler": "profilers",
    "plugins": "plugins",
}
"""Where the classes are that an argument of the Trainer takes, in Lightning."""
_CALLED_LATER = {"torch.optim.lr_scheduler.": "optimizer", "torch.optim.": "params"}
"""What a module gives to classes of these packages, which are called when the module asks for them."""


def write_targets(documents: Sequence[Document]) -> None:
    """Write components with `_target_`, the arguments beside it; short names become import paths."""
    lightning = lightning_of(documents)
    reader: SignatureReader | None = None
    for document in documents:
        for path, container, key, text in list(texts(document.root)):
            is_class = key == _CLASS or (path[:1] == ("trainer",) and text.isidentifier() and _is_class_place(path))
            if not is_class or not text[:1].isalpha() or "." in text:
                continue
            reader = reader or SignatureReader()
            _lengthen(document, container, key, text, path, lightning, reader)
        for path, mapping in list(mappings(document.root)):
            if _CLASS in mapping or (mapping and set(mapping) <= set(_ARGUMENTS)):
                _flatten(document, mapping, path)


def lightning_of(documents: Sequence[Document]) -> str:
    """Return the package that the files take Lightning's classes from."""
    if any(_SAVED_BY.search(document.text) for document in documents):
        return _LIGHTNING
    classes = (text for document in documents for _, _, key, text in texts(document.root) if key in _CLASS_KEYS)
    return _LIGHTNING if any(name.startswith("lightning.") for name in classes) else _INSTALLED


def _is_class_place(path: Segments) -> bool:
    """Return whether an argument of the trainer is a class that is given by its name alone, in a list."""
    return len(path) == 3 and path[1] in ("callbacks", "logger") and type(path[2]) is int


def _lengthen(
    document: Document, container: Any, key: Any, name: str, path: Segments, lightning: str, reader: SignatureReader
) -> None:
    """Write the import path of a class that is given by its name alone."""
    inside = _PACKAGES.get(str(path[1])) if path[:1] == ("trainer",) and len(path) > 1 else None
    found: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    if inside and isinstance(reader.read(f"{_INSTALLED}.{inside}.{name}"), Signature):
        found = (f"{lightning}.{inside}.{name}",)
    else:
        named = find_named(name, reader)
        found, nearest = named.targets, named.nearest
    if not found:
        fix = f"write its import path, `package.{name}`: LightningCLI knew it from an import of the script"
        document.say(f"{name} is not in an installed library", container, key, fix=fix, nearest=nearest)
        return
    if len(found) > 1 and found[0].count(".") == found[1].count("."):
        document.say(f"{name} could be {' or '.join(found[:3])}", container, key, fix="write the one that is meant")
        return
    if len(found) > 1:
        message = f"{name} is read as {found[0]}; {found[1]} has the same name"
        document.say(message, container, key, severity=Severity.NOTE)
    if key == _CLASS:
        replace_text(container, key, found[0])
    else:
        container[key] = CommentedMap({_CLASS: found[0]})


def _flatten(document: Document, mapping: CommentedMap, path: Segments) -> None:
    for arguments in _ARGUMENTS:
        if isinstance(mapping.get(arguments), CommentedMap):
            for name in splice(mapping, arguments):
                document.say(f"{name} is given twice", mapping, name, fix=f"remove one; {arguments} had the other")
        elif arguments in mapping and mapping[arguments] is None:
            del mapping[arguments]
    if _CLASS not in mapping:
        return
    rename_key(mapping, _CLASS, "_target_")
    target = str(mapping["_target_"])
    taken = next((name for package, name in _CALLED_LATER.items() if target.startswith(package)), None)
    if taken is not None and taken not in mapping and "_args_" not in mapping and path[:1] in (("model",), ("data",)):
        put_in(mapping, "_mode_", "partial", position=list(mapping).index("_target_") + 1)
