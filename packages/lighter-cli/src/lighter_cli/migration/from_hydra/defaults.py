"""Write the `defaults` list as `_base_`, for files whose keys stand at the root, and as copies of whole files."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.from_hydra.choices import Choice, choices_of
from lighter_cli.migration.tree import mappings, put_in, quoted, rename_key, splice, take_out
from lighter_config import Severity, format_path

_BASE = "_base_"


def write_defaults(documents: Sequence[Document]) -> None:
    """Write `model: mnist` as `model: "%model/mnist.yaml"`, changes of it as paths, and plain files as `_base_`."""
    for document in documents:
        entries = document.root.get("defaults")
        if not isinstance(entries, CommentedSeq):
            continue
        choices = list(choices_of(document))
        own = next((choice.index for choice in choices if choice.is_self), len(choices))
        bases: list[str] = []
        copies: list[Choice] = []
        for choice in choices:
            if _is_reported(document, entries, choice):
                continue
            if not choice.key:
                bases.append(str(choice.file))
                if choice.index > own:
                    message = f"{choice.file} was read after the keys of this file, which win now"
                    fix = f"remove the keys that {choice.file} has too, or give it as an input after this file"
                    document.say(message, entries, choice.index, fix=fix)
                continue
            copies.append(choice)
            if choice.index > own and choice.key[0] in document.root:
                message = f"{choice.file} was read after `{choice.key[0]}` here, which wins now"
                fix = "remove what the file has too"
                document.say(message, document.root, choice.key[0], fix=fix)
        _write(document, bases, copies)


def _is_reported(document: Document, entries: CommentedSeq, choice: Choice) -> bool:
    """Return whether an entry is not written; say why."""
    if choice.is_self:
        return True
    if choice.group.strip("/").partition("/")[0] == "hydra":
        message = f"`{choice.group}` is removed: it configures Hydra"
        document.say(message, entries, choice.index, severity=Severity.NOTE)
        return True
    if choice.option is None:
        message = f"`{choice.group}: null` is removed: no file was chosen"
        fix = "give a file of that folder as an input, after this one"
        document.say(message, entries, choice.index, fix=fix, severity=Severity.NOTE)
        return True
    if isinstance(choice.option, str) and choice.file is not None:
        return False
    if choice.is_optional:
        document.say(
            f"`{choice.group}: {choice.option}` is removed: it is optional, and there is no such file",
            entries,
            choice.index,
            severity=Severity.NOTE,
        )
    elif isinstance(choice.option, str) and not choice.option.startswith(("%", "$", "...")):
        file = f"{choice.group.strip('/')}/{choice.option}.yaml".lstrip("/")
        fix = f'write `{choice.group.strip("/") or "KEY"}: "%{file}"`, with the path from this file'
        document.say(f"there is no file {file} beside this one", entries, choice.index, fix=fix)
    elif isinstance(choice.option, CommentedSeq):
        fix = 'give the files as inputs, or copy each: `first: "%callbacks/first.yaml::first"`'
        document.say("a choice of several files has no equivalent", entries, choice.index, fix=fix)
    else:
        fix = "name the file, or give it as an input"
        document.say("a choice that is computed has no equivalent", entries, choice.index, fix=fix)
    return True


def _write(document: Document, bases: list[str], copies: Sequence[Choice]) -> None:
    root = document.root
    position = list(root).index("defaults")
    take_out(root, "defaults")
    if bases:
        value: Any = bases[0]
        if len(bases) > 1:
            value = CommentedSeq(bases)
            value.fa.set_flow_style()
        put_in(root, _BASE, value, position=position)
        position += 1
    for choice in copies:
        name = format_path(choice.key)
        if isinstance(root.get(name), CommentedMap):
            _write_as_changes(root, name)
        elif name in root:
            continue  # the file's own value is what counts
        key = f"={name}" if choice.overrides else name
        put_in(root, key, quoted(f"%{choice.file}"), position=position)
        position += 1


def _write_as_changes(root: CommentedMap, key: str) -> None:
    """Write what a mapping changes of a copy as paths beside it."""
    changes = root[key]
    for _, mapping in list(mappings(changes)):
        for name in list(mapping):
            if isinstance(mapping[name], CommentedSeq):
                rename_key(mapping, name, f"={name}")
    for name in list(changes):
        operator, bare = ("=", str(name)[1:]) if str(name).startswith("=") else ("", str(name))
        rename_key(changes, name, f"{operator}{format_path((key, bare))}")
    if changes:
        splice(root, key)
    else:
        take_out(root, key)
