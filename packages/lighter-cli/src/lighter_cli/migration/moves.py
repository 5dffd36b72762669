"""Update the references to, the references in, and the path keys of parts that move."""

from collections.abc import Mapping

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import Segments, key_text, mappings, rename_key, replace_text, segments_of, texts
from lighter_config import ConfigError, find_references
from lighter_config.tree.references import absolute_path, is_expression, written

Moves = Mapping[Segments, Segments]
"""New paths by old ones; everything below a path moves with it."""


def follow(document: Document, moves: Moves) -> None:
    """Rewrite references and path keys for parts that are about to move.

    A relative reference that would have another target at its new place becomes absolute.
    """
    for path, container, key, text in list(texts(document.root)):
        try:
            references = find_references(text)
            changed = text
            for reference in reversed(references):
                if reference.file:
                    continue
                target = absolute_path(reference, path)
                new = moved(target, moves)
                if absolute_path(reference, moved(path, moves)) != new:
                    new_text = written(reference, new, in_expression=is_expression(text))
                    changed = changed[: reference.start] + new_text + changed[reference.end :]
        except ConfigError:
            continue  # `lighter check` reports it
        if changed != text:
            replace_text(container, key, changed)
    for path, mapping in list(mappings(document.root)):
        for key in list(mapping):
            _follow_key(document, mapping, path, key, moves)


def moved(path: Segments, moves: Moves) -> Segments:
    """Return the path after the moves; of several moves that fit, the longest path counts."""
    for length in range(len(path), 0, -1):
        if path[:length] in moves:
            return (*moves[path[:length]], *path[length:])
    return path


def _follow_key(document: Document, mapping: CommentedMap, path: Segments, key: object, moves: Moves) -> None:
    segments = segments_of(key)
    if len(segments) == 1:
        return
    old = (*path, *segments)
    new = moved(old, moves)
    if new == old:
        return
    operator = str(key)[0] if str(key)[0] in "=~" else ""
    if new[: len(path)] == path:
        rename_key(mapping, key, key_text(operator, new[len(path) :]))
    else:
        fix = f"write it at the top of the file, as {key_text(operator, new)}"
        document.say(f"{key_text('', old)} is now {key_text('', new)}", mapping, key, fix=fix)
