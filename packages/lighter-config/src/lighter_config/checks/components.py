"""The components of a config: what has a ``_target_``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lighter_config.building.resolving import ARGUMENTS, DISABLED, MODE, NOT_ARGUMENTS, TARGET
from lighter_config.sections import NETWORK_PATHS
from lighter_config.tree.node import Segments
from lighter_config.tree.references import is_computed, is_copy

Built = Literal["certainly", "perhaps", "never"]


@dataclass(frozen=True, slots=True)
class Component:
    """One mapping with a ``_target_``.

    Attributes:
        path: Where it stands.
        target: What it names; ``None`` when that is a reference, an expression or no text.
        keywords: The arguments given by name, as written; disabled ones are left out.
        positional: Those of ``_args_``; ``None`` when their number is not known.
        mode: ``_mode_``; ``None`` when it is not known.
        is_certain: Whether a run builds it for sure.
    """

    path: Segments
    target: str | None
    keywords: dict[str, Any]
    positional: tuple[Any, ...] | None
    mode: str | None
    is_certain: bool

    @property
    def short_name(self) -> str:
        """The last part of the target."""
        return (self.target or "").rpartition(".")[2]


def components_in(tree: Any, is_built_at: Callable[[Segments], bool]) -> Iterator[Component]:
    """Yield the components of a plain tree that are not disabled, parents first.

    Args:
        tree: The tree, its ``%`` references expanded.
        is_built_at: Whether a run builds what stands at a path.
    """
    work: list[tuple[Segments, Any, bool]] = [((), tree, True)]
    while work:
        path, value, is_certain = work.pop()
        if isinstance(value, dict):
            built = how_built(value)
            if built == "never":
                continue
            is_certain = is_certain and built == "certainly"
            if TARGET in value:
                yield _component(path, value, is_certain=is_certain and is_built_at(path))
            work.extend(((*path, key), child, is_certain) for key, child in reversed(value.items()))
        elif isinstance(value, list):
            work.extend(((*path, index), value[index], is_certain) for index in range(len(value) - 1, -1, -1))


def how_built(mapping: dict[Any, Any]) -> Built:
    """Read ``_disabled_``: whether a mapping is built together with what holds it."""
    flag = mapping.get(DISABLED)
    if flag is None or flag is False or (isinstance(flag, str) and flag.lower() == "false"):
        return "certainly"
    if flag is True or (isinstance(flag, str) and flag.lower() == "true"):
        return "never"
    return "perhaps"


def _component(path: Segments, mapping: dict[Any, Any], *, is_certain: bool) -> Component:
    target = mapping[TARGET]
    keywords = {
        key: value
        for key, value in mapping.items()
        if isinstance(key, str)
        and key not in NOT_ARGUMENTS
        and not (isinstance(value, dict) and how_built(value) == "never")
    }
    if path in NETWORK_PATHS:
        keywords.pop("compile", None)  # compiles the built network; the target does not see it
    positional = mapping.get(ARGUMENTS, [])
    items: tuple[Any, ...] | None = None
    if isinstance(positional, list) and not any(
        isinstance(item, dict) and how_built(item) == "perhaps" for item in positional
    ):
        items = tuple(item for item in positional if not (isinstance(item, dict) and how_built(item) == "never"))
    mode = mapping.get(MODE, "default")
    is_text = isinstance(target, str) and not is_computed(target) and not is_copy(target)
    is_mode = isinstance(mode, str) and not is_computed(mode) and not is_copy(mode)
    return Component(path, target if is_text else None, keywords, items, mode if is_mode else None, is_certain)
