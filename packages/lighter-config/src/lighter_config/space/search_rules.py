"""What the parts of a sweep must have of each other: a range an objective, a grid no end beyond its own."""

from collections.abc import Iterator

from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.sections import SWEEP
from lighter_config.space.domains import Dimension, Range
from lighter_config.space.settings import SpaceOptions
from lighter_config.space.space import Space
from lighter_config.tree.node import Node
from lighter_config.tree.paths import SEPARATOR

_WITHOUT_OBJECTIVE = ("grid", "random", "qmc")
"""The samplers that need not know which trials are good."""


def broken_rules(space: Space, section: Node, options: SpaceOptions) -> Iterator[Finding]:
    """Yield an error for each rule that a space breaks.

    Args:
        space: The space.
        section: The ``sweep`` section.
        options: The options of the command.
    """
    if not space.dimensions and not space.repeats:
        yield Finding(
            message="nothing varies: the sweep has no dimension",
            path=SWEEP,
            expected=("PATH:=DIMENSION among the inputs, or `over` in the section `sweep`",),
            fix="add one: system::optimizer::lr:=1e-4..1e-1:log",
        )
        return
    endless = next((one for one in space.all_dimensions() if _is_endless(one)), None)
    yield from _about_endless(space, section, options, endless)
    yield from _about_pruning(space, section, options)
    yield from _about_number(space, section, options, endless)


def _is_endless(dimension: Dimension) -> bool:
    return isinstance(dimension.domain, Range) and not dimension.domain.is_finite


def _about_endless(space: Space, section: Node, options: SpaceOptions, endless: Dimension | None) -> Iterator[Finding]:
    if endless is not None and space.sampler == "grid":
        yield _of(endless, f"a grid needs choices or steps, but {endless.path} is a range", fix=_as_grid(endless))
    elif not space.objectives and isinstance(space.used_sampler, str) and space.used_sampler not in _WITHOUT_OBJECTIVE:
        if endless is not None:
            fix = "add --max NAME or --min NAME, or --sampler random"
            if space.sampler is not None:
                fix = "add --max NAME or --min NAME"
            yield _of(endless, f"{endless.path} is a range, and nothing says which values are good", fix=fix)
        elif space.sampler is not None:
            message = f"the sampler {space.sampler} needs an objective, which is missing"
            node = section.value.get("sampler") if options.sampler is None else None
            fix = "add --max NAME or --min NAME"
            yield _at(message, f"{SWEEP}{SEPARATOR}sampler", node, "--sampler", str(options.sampler), fix)


def _as_grid(dimension: Dimension) -> str:
    domain = dimension.domain
    assert isinstance(domain, Range)
    if domain.log:
        values: list[str] = []
        value = float(domain.low)
        while value <= domain.high * 1.0001 and len(values) < 8:
            values.append(f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e"))
            value *= 10
        listed = ", ".join(values if len(values) > 1 else [str(domain.low), str(domain.high)])
        return f"write the values: [{listed}]"
    step = (domain.high - domain.low) / 4
    return f"write steps: {domain.low}..{domain.high}:{step:g}"


def _about_pruning(space: Space, section: Node, options: SpaceOptions) -> Iterator[Finding]:
    if space.pruner is None or len(space.objectives) == 1:
        return
    node = section.value.get("pruner") if options.pruner is None else None
    if space.objectives:
        message = f"pruning needs one objective, and the sweep has {len(space.objectives)}"
        fix = "keep one objective, or leave --prune out"
    else:
        message, fix = "pruning needs an objective, which is missing", "add --max NAME or --min NAME"
    yield _at(message, f"{SWEEP}{SEPARATOR}pruner", node, "--prune", str(options.pruner), fix)


def _about_number(space: Space, section: Node, options: SpaceOptions, endless: Dimension | None) -> Iterator[Finding]:
    node = section.value.get("trials") if options.trials is None else None
    path = f"{SWEEP}{SEPARATOR}trials"
    if space.is_grid and endless is None and space.trials is not None:
        try:
            size = space.size()
        except ConfigError:
            return  # the condition is reported
        if size is not None and space.trials < size:
            message = f"the grid has {size} trials, and {space.trials} leave {size - space.trials} out"
            fix = f"write --trials {size}, or --sampler random"
            yield _at(message, path, node, "--trials", str(space.trials), fix)
    elif not space.is_grid and (space.trials, space.hours, space.patience) == (None, None, None):
        message = "the search never ends: it has neither a number of trials nor a time limit"
        fix = "add --trials N, --hours H or --patience N"
        if endless is None and space.sampler is None:
            fix += ", or --sampler grid to run every combination once"
        yield Finding(message=message, path=path, fix=fix)


def _of(dimension: Dimension, message: str, *, fix: str) -> Finding:
    node = dimension.node
    return Finding(message=message, path=dimension.path, place=node.place, excerpt=node.excerpt, fix=fix)


def _at(message: str, path: str, node: Node | None, option: str, value: str, fix: str) -> Finding:
    if node is not None:
        return Finding(message=message, path=path, place=node.place, excerpt=node.excerpt, fix=fix)
    return Finding(message=message, path=path, place=Place(f"option {option}"), excerpt=value, fix=fix)
