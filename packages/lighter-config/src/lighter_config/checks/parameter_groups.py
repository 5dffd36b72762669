"""The keys and values of ``lighter.optimizers``, which are not arguments of a target."""

from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.signatures import Signature
from lighter_config.suggestions import nearest_names
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy

COMBINED = ("lighter.optimizers.CombinedOptimizer", "lighter.optimizers.combined_optimizer.CombinedOptimizer")

TARGETS = ("lighter.optimizers.groups", "lighter.optimizers.parameter_groups.groups")

SELECTORS = ("names", "name_starts_with", "modules", "except_names", "except_name_starts_with", "types")
"""What selects parameters; the same as ``lighter.optimizers.parameter_groups.SELECTORS``."""


def check_parameter_groups(context: CheckContext) -> Iterator[Finding]:
    """Report groups that select nothing, selections that are not names, and options that no optimizer takes."""
    for component in context.components:
        if component.target in COMBINED:
            yield from _combined(context, component)
        if component.target not in TARGETS:
            continue
        groups, exempt = component.keywords.get("groups"), component.keywords.get("no_weight_decay")
        if _is_written(groups) and not isinstance(groups, dict):
            path = (*component.path, "groups")
            yield context.finding(
                path,
                f"{format_path(path)} must be a mapping, is {groups!r}",
                expected=["groups by name, such as `head: {modules: [head], lr: 0.1}`"],
            )
        if isinstance(groups, dict) and TARGET not in groups:
            optimizer = _optimizer_of(context, component)
            for name, group in groups.items():
                yield from _group(context, (*component.path, "groups", name), group, optimizer)
        if _is_written(exempt):
            yield from _group(context, (*component.path, "no_weight_decay"), exempt, (), has_options=False)
        yield from _layers(context, component)


def is_in_combined(context: CheckContext, component: Component) -> bool:
    """Return whether a component is one of the optimizers of a `CombinedOptimizer`."""
    path = component.path
    if len(path) < 3 or path[-1] != "optimizer" or path[-3] != "optimizers":
        return False
    return context.value((*path[:-3], TARGET)) in COMBINED


def _combined(context: CheckContext, component: Component) -> Iterator[Finding]:
    optimizers, alternate = component.keywords.get("optimizers"), component.keywords.get("alternate")
    if isinstance(optimizers, dict) and TARGET not in optimizers:
        for name, described in optimizers.items():
            path = (*component.path, "optimizers", name)
            yield from _group(context, path, described, ("optimizer",), is_rest=True)
            if isinstance(described, dict) and TARGET not in described and "optimizer" not in described:
                yield context.finding(
                    path,
                    f"{format_path(path)} needs optimizer, which is missing",
                    at_key=True,
                    fix="add for example `optimizer: {_target_: torch.optim.AdamW, _mode_: partial, lr: 0.001}`",
                )
        for name in alternate if isinstance(alternate, dict) and TARGET not in alternate else ():
            if name not in optimizers:
                path = (*component.path, "alternate", name)
                yield context.finding(
                    path,
                    f"unknown optimizer {name!r} in `alternate`",
                    at_key=True,
                    expected=map(str, optimizers),
                    nearest=nearest_names(str(name), map(str, optimizers)),
                )
    if _is_written(exempt := component.keywords.get("no_weight_decay")):
        yield from _group(context, (*component.path, "no_weight_decay"), exempt, (), has_options=False)


def _optimizer_of(context: CheckContext, component: Component) -> tuple[str, ...] | None:
    """Return the options of the optimizer that gets the groups; None if they are not known."""
    *parent, name = component.path
    target = context.value((*parent, TARGET)) if name == "params" else None
    signature = context.reader.read(target) if isinstance(target, str) else None
    if not isinstance(signature, Signature) or signature.accepts_any_keyword or not signature.is_exact:
        return None
    return tuple(option for option in signature.keywords if option != "params")


def _group(
    context: CheckContext,
    path: Segments,
    group: Any,
    options: tuple[str, ...] | None,
    *,
    has_options: bool = True,
    is_rest: bool = False,
) -> Iterator[Finding]:
    """Report what is wrong with a group; one that ``is_rest`` may select nothing."""
    if not _is_written(group):
        return
    if not isinstance(group, dict):
        yield context.finding(
            path,
            f"{format_path(path)} must be a mapping, is {group!r}",
            expected=[f"what it selects: {', '.join(SELECTORS)}"],
        )
        return
    if TARGET in group:
        return
    is_selected = any(key in SELECTORS or nearest_names(str(key), SELECTORS) for key in group)
    if not (is_selected or is_rest):
        yield context.finding(
            path,
            f"{format_path(path)} selects no parameters",
            at_key=True,
            expected=[f"at least one of {', '.join(SELECTORS)}"],
            fix="add for example `modules: [head]`",
        )
    for key, value in group.items():
        if key in SELECTORS:
            yield from _names(context, (*path, key), value)
        else:
            yield from _option(context, (*path, key), options, has_options=has_options)


def _names(context: CheckContext, path: Segments, value: Any) -> Iterator[Finding]:
    for name in value if isinstance(value, list) else [value]:
        if not isinstance(name, str) and _is_written(name):
            yield context.finding(
                path, f"{format_path(path)} must be names, is {value!r}", expected=["a name, or a list of names"]
            )
            return


def _option(
    context: CheckContext, path: Segments, options: tuple[str, ...] | None, *, has_options: bool
) -> Iterator[Finding]:
    key = str(path[-1])
    if key in (options or ()):
        return
    near = nearest_names(key, [*SELECTORS, *(options or ())])
    if options is None and not near:
        return
    yield context.finding(
        path,
        f"{format_path(path)} is neither a selection nor an option of the optimizer"
        if has_options
        else f"{format_path(path)} selects no parameters",
        at_key=True,
        severity=Severity.ERROR if near or not has_options else Severity.WARNING,  # a few optimizers read other keys
        expected=[*SELECTORS, *(options or ())],
        nearest=near,
        fix=f"rename the key, or remove it with ~{format_path(path)}",
    )


def _layers(context: CheckContext, component: Component) -> Iterator[Finding]:
    decay, layers = component.keywords.get("layer_decay"), component.keywords.get("layers")
    for name, other in (("layer_decay", layers), ("layers", decay)):
        if component.keywords.get(name) is not None and other is None:
            path = (*component.path, name)
            yield context.finding(
                path,
                f"{format_path(path)} needs {'layers' if name == 'layer_decay' else 'layer_decay'}, which is missing",
                at_key=True,
                expected=["a factor, and a list of the layers from input to output"],
            )
    if isinstance(decay, int | float) and not isinstance(decay, bool) and not 0 < decay <= 1:
        path = (*component.path, "layer_decay")
        yield context.finding(path, f"{format_path(path)} must be in (0, 1], is {decay!r}")


def _is_written(value: Any) -> bool:
    """Return whether a value is given, and is no reference or expression, which may be anything."""
    return value is not None and not is_computed(value) and not is_copy(value)
