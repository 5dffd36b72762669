"""A ``last.ckpt`` that is not of the last epoch, because a monitor decides when it is written."""

from collections.abc import Iterator

from lighter_config.building.resolving import TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.lightning_packages import PACKAGES
from lighter_config.findings import Finding, Severity
from lighter_config.sections import TRAINER
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_literal

_CALLBACKS = (TRAINER, "callbacks")
_LIGHTNING = tuple(f"{package}.callbacks." for package in PACKAGES)
_KNOWN = (*_LIGHTNING, "lighter.callbacks.")


def late_last_checkpoint(context: CheckContext) -> Iterator[Finding]:
    """Report ``save_last`` of a ModelCheckpoint that writes it in some epochs only, if no other saves every epoch.

    Lightning 2.6 writes ``last.ckpt`` together with a checkpoint that it keeps: with a monitor, one of the best.
    """
    callbacks = [component for component in context.components if component.path[:2] == _CALLBACKS]
    late = [component for component in callbacks if _writes_last_late(component)]
    if not late or _has_unknown_callback(context):
        return
    if any(_may_save_every_epoch(context, component) for component in callbacks):
        return
    for component in late:
        same_folder = " with the same dirpath" if "dirpath" in component.keywords else ""
        yield context.finding(
            (*component.path, "save_last"),
            "`last.ckpt` is written only in epochs whose `monitor` value is among the best",
            severity=Severity.WARNING,
            expected=["a second ModelCheckpoint without `monitor`, which writes it in every epoch"],
            fix=f"remove save_last, and append {{_target_: {component.target}, filename: last}}{same_folder}"
            f" to {format_path(_CALLBACKS)}",
        )


def _writes_last_late(component: Component) -> bool:
    keywords = component.keywords
    save_top_k = keywords.get("save_top_k", 1)
    return (
        _is_model_checkpoint(component)
        and component.is_certain
        and component.positional == ()
        and is_literal(keywords.get("monitor"))
        and (keywords.get("save_last") is True or keywords.get("save_last") == "link")
        and type(save_top_k) is int
        and save_top_k > 0
    )


def _is_model_checkpoint(component: Component) -> bool:
    return component.short_name == "ModelCheckpoint" and (component.target or "").startswith(_LIGHTNING)


def _may_save_every_epoch(context: CheckContext, component: Component) -> bool:
    """Return whether a callback may be a ModelCheckpoint that saves whatever a monitor says."""
    if component.target is None:
        return True
    if not _is_model_checkpoint(component):
        bases = [f"{library}ModelCheckpoint" for library in _LIGHTNING]
        is_other = component.target.startswith(_KNOWN)
        return not is_other and any(context.reader.is_subclass(component.target, base) is not False for base in bases)
    save_top_k = component.keywords.get("save_top_k")
    has_monitor = component.positional == () and is_literal(component.keywords.get("monitor"))
    return save_top_k == -1 or (not has_monitor and save_top_k != 0)


def _has_unknown_callback(context: CheckContext) -> bool:
    """Return whether a callback is a reference or an expression."""
    callbacks = context.value(_CALLBACKS, [])
    items = callbacks if isinstance(callbacks, list) else [callbacks]
    if isinstance(callbacks, dict) and TARGET not in callbacks:
        items = list(callbacks.values())
    return any(isinstance(item, str) for item in items)
