"""One change of a tree, from a file or an override, and the error of a change that cannot be made."""

from dataclasses import dataclass, replace
from typing import Literal

from lighter_config.errors import MergeError
from lighter_config.findings import Finding
from lighter_config.tree.node import Node, Segments, Trace
from lighter_config.tree.origins import Word
from lighter_config.tree.paths import format_path


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a tree.

    Attributes:
        kind: ``merge`` combines as a later file does; ``set`` replaces, but merges a mapping; ``replace`` replaces
            whatever was there; ``delete`` removes; ``append`` extends a list.
        path: Where, from the node that the change is applied to.
        value: What to put there; for a deletion, the node that requests it.
        from_word: Whether a word of the command line requests it: then parents must exist.
    """

    kind: Literal["merge", "set", "replace", "delete", "append"]
    path: Segments
    value: Node
    from_word: bool = False

    def below(self, depth: int) -> "Change":
        """Return the change as seen from ``depth`` levels further down."""
        return replace(self, path=self.path[depth:])


def merge_error(
    message: str,
    path: Segments,
    cause: Trace,
    *,
    nearest: tuple[str, ...] = (),
    expected: tuple[str, ...] = (),
    fix: str = "",
) -> MergeError:
    """Make the error of a change; of several near names the first is offered as the fix."""
    if nearest and not fix:
        wrong, near = format_path(path), format_path((*path[:-1], nearest[0]))
        is_override = isinstance(cause.origin, Word) and cause.origin.text.lstrip("=").startswith(wrong)
        fix = f"write {cause.excerpt.replace(wrong, near, 1) if is_override else near}"
    return MergeError(
        Finding(
            message=message,
            path=format_path(path),
            place=cause.key_place,
            excerpt=cause.excerpt,
            nearest=nearest,
            expected=expected,
            fix=fix,
        )
    )
