"""The only file that knows Sparkwheel: one target and its arguments in, the object out.

Sparkwheel's resolver scans all items for each item and drops ``None`` (quadratic, and wrong), so order, references and
expressions are ours; what is used is its component, for how a callable is called in each mode.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sparkwheel import Component, InstantiationError


def call(target: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any], mode: str) -> Any:
    """Call a target as a component in ``mode``: ``default``, ``callable`` or ``debug``.

    Raises:
        Exception: What the target raises, as it is, with its traceback.
    """
    component = Component({**keywords, "_target_": target, "_args_": list(arguments), "_mode_": mode})
    try:
        return component.instantiate()
    except InstantiationError as error:
        wrapped = error.__cause__
        original = wrapped.__cause__ if isinstance(wrapped, InstantiationError) else wrapped
        if original is None:
            raise
    raise original  # outside of `except`, so that Sparkwheel's wrapping does not become its context
