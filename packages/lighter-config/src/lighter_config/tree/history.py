"""The settings of one value, as the user is told about them."""

from collections.abc import Iterator
from typing import NamedTuple

from lighter_config.places import Place
from lighter_config.tree.node import BeforeAppending, Node


class Setting(NamedTuple):
    """One setting of a value.

    Attributes:
        place: Where it is written.
        text: What the user wrote there, one line.
        effect: What it did to a list that was there before: ``replaced`` or ``appended 2 items``; else nothing.
    """

    place: Place
    text: str
    effect: str


def settings_of(node: Node) -> Iterator[Setting]:
    """Yield every setting of a value, newest first."""
    for trace in node.traces():
        effect = ""
        if isinstance(trace.previous, BeforeAppending):
            num_items = trace.previous.num_appended
            effect = f"appended {num_items} item{'s' * (num_items != 1)}"
        elif node.is_list and trace.previous is not None and not trace.via:
            effect = "replaced"
        # the key of a copy stands at its reference, in another line than what was copied
        yield Setting(trace.place, trace.origin.excerpt(trace.mark) if trace.via else trace.excerpt, effect)
