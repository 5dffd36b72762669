"""The placeholder ``...`` in what ``%`` copies from another file, which loading the config does not see."""

from collections.abc import Iterator
from dataclasses import replace

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding
from lighter_config.tree.node import Node
from lighter_config.tree.paths import format_path
from lighter_config.tree.scalars import PLACEHOLDER
from lighter_config.tree.walking import walk


def check_placeholders(context: CheckContext) -> Iterator[Finding]:
    """Report each placeholder that is left in a copy; those of the config's own files are notes of loading."""
    reported = {note.place for note in context.config.notes}  # a copy of one is the same mistake
    for path, node in walk(context.expanded._root):
        if node.value == PLACEHOLDER and _is_placeholder(node) and replace(node.place, via="") not in reported:
            yield context.finding(
                path,
                f"{format_path(path)} is the placeholder `...`",
                fix="put a value in its place, or quote it if it is text",
            )


def _is_placeholder(node: Node) -> bool:
    suspects = node.origin.suspects
    return any(kind == "placeholder" and suspect.mark == node.mark for suspect, kind in suspects)
