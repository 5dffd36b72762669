"""What a sweep would run, for `--dry-run`: the trials of a grid, or the space and some draws."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from lighter_cli.sweeps.chance import draws
from lighter_cli.sweeps.rehearsed_cases import Rehearsed, num_configs
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH, PLACE, Line
from lighter_cli.terminal.table import Column, table_lines
from lighter_config import Secrets
from lighter_config.space import Choice, Dimension, Range, Space

NUM_DRAWS = 5
_MAX_SHOWN = 20
_MAX_CHOICES = 8


def preview_lines(space: Space, width: int | None = None, rehearsed: Sequence[Rehearsed] = ()) -> Iterator[Line]:
    """Yield the lines for people.

    Args:
        space: The space.
        width: The columns of the terminal; ``None`` breaks no line.
        rehearsed: What would be rehearsed before the first trial.

    Raises:
        ConfigError: ``where`` cannot be decided.
    """
    hide = Secrets(space.config).hidden_in
    yield [("dimensions", HEADING)]
    yield from output.rows(
        [
            ((dimension.name, PATH), hide(_domain(dimension)), (str(dimension.place), PLACE))
            for dimension in space.all_dimensions()
        ]
    )
    if space.repeats:
        yield [""]
        yield [(f"repeats, {space.num_repeats} runs of each trial", HEADING)]
        yield from output.rows(
            [((one.path, PATH), hide(_domain(one)), (str(one.place), PLACE)) for one in space.repeats]
        )
    yield from _settings(space)
    if rehearsed:
        yield [""]
        yield [(f"rehearsed before the first trial, {num_configs(len(rehearsed))}", HEADING)]
        yield from _table([one.values for one in rehearsed], width, hide, is_numbered=False)
    if space.is_grid:
        yield from _grid_lines(space, width, hide)
    else:
        yield from _search_lines(space, width, hide)


def _settings(space: Space) -> Iterator[Line]:
    rows: list[Line] = [
        *((one.direction, one.name) for one in space.objectives),
        *(("where", one.text) for one in space.where),
        *(("constraint", f"{one.name} {one.operator} {one.limit}") for one in space.constraints),
    ]
    if not space.is_grid:
        rows.append(("sampler", _component(space.sampler) or "tpe"))
    if space.pruner is not None:
        rows.append(("pruner", _component(space.pruner)))
    ends = [
        *([f"{space.trials} trials"] if space.trials is not None else []),
        *([f"{space.hours:g} hours"] if space.hours is not None else []),
        *([f"{space.patience} trials without a better one"] if space.patience is not None else []),
    ]
    if ends:
        rows.append(("until", " or ".join(ends)))
    if rows:
        yield [""]
        yield from output.rows(rows, indent=0)


def _component(given: Any) -> str:
    return str(given.get("_target_")) if isinstance(given, dict) else given or ""


def _grid_lines(space: Space, width: int | None, hide: Any) -> Iterator[Line]:
    num_trials = space.size() or 0
    yield [""]
    yield [(f"a grid of {_counted(num_trials, space)}", HEADING)]
    shown = list(islice(space.grid(), _MAX_SHOWN))
    if space.dimensions:
        yield from _table([one.values for one in shown], width, hide)
    if num_trials > len(shown):
        yield [f"... and {num_trials - len(shown)} more"]


def _search_lines(space: Space, width: int | None, hide: Any) -> Iterator[Line]:
    if space.first:
        yield [""]
        yield [("tried first", HEADING)]
        yield from _table([one.values for one in space.first], width, hide, is_numbered=True)
    yield [""]
    drawn = list(draws(space, NUM_DRAWS))
    if not drawn:
        yield ["no trial was found for which `where` holds"]
        return
    yield [(f"{len(drawn)} trials by chance, as examples", HEADING)]
    yield from _table([one.values for one in drawn], width, hide, is_numbered=False)
    if space.trials is not None:
        yield [""]
        yield [f"{_counted(space.trials, space)} would run"]


def _counted(num_trials: int, space: Space) -> str:
    trials = f"{num_trials} trial{'s' * (num_trials != 1)}"
    if space.num_repeats == 1:
        return trials
    return f"{trials} x {space.num_repeats} repeats = {num_trials * space.num_repeats} runs"


def _table(
    trials: Sequence[Mapping[str, Any]], width: int | None, hide: Any, *, is_numbered: bool = True
) -> list[Line]:
    names = list(dict.fromkeys(name for trial in trials for name in trial))
    columns = [Column("trial", [str(number) for number in range(len(trials))], is_number=True)] if is_numbered else []
    for name in names:
        values = [trial.get(name, "") for trial in trials]
        is_number = any(isinstance(value, int | float) for value in values)
        columns.append(Column(name, [hide(_shown(value)) for value in values], is_number=is_number))
    return list(table_lines(columns, width=width)[0])


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _domain(dimension: Dimension) -> str:
    if isinstance(dimension.domain, Range):
        return str(dimension.node.value)
    labels = [choice.label for choice in dimension.domain]
    more = f", ... ({len(labels)} choices)" if len(labels) > _MAX_CHOICES else ""
    return ", ".join(labels[:_MAX_CHOICES]) + more


def preview_json(space: Space, rehearsed: Sequence[Rehearsed] = ()) -> dict[str, Any]:
    """Return the JSON for tools, which docs/reference/commands.md describes; fields are only ever added.

    Args:
        space: The space.
        rehearsed: What would be rehearsed before the first trial.

    Raises:
        ConfigError: ``where`` cannot be decided.
    """
    tried: dict[str, Any] = {"draws": [trial.values for trial in draws(space, NUM_DRAWS)]}
    if space.is_grid:
        tried = {"trials": [{"number": number, "values": one.values} for number, one in enumerate(space.grid())]}
    content = {
        "version": 1,
        "is_grid": space.is_grid,
        "num_trials": space.num_trials,
        "num_repeats": space.num_repeats,
        "dimensions": [_json_of(one) for one in (*space.all_dimensions(), *space.repeats)],
        "objectives": [{"name": one.name, "direction": one.direction} for one in space.objectives],
        "where": [one.text for one in space.where],
        "constraints": [{"name": one.name, "operator": one.operator, "limit": one.limit} for one in space.constraints],
        "take": space.take,
        "sampler": space.used_sampler,
        "pruner": space.pruner,
        "hours": space.hours,
        "patience": space.patience,
        "first": [one.values for one in space.first],
        "rehearsed": [one.values for one in rehearsed],
        **tried,
    }
    hidden: dict[str, Any] = Secrets(space.config).hidden_in(content)
    return hidden


def _json_of(dimension: Dimension) -> dict[str, Any]:
    domain = dimension.domain
    content = {"name": dimension.name, "path": dimension.path, "place": str(dimension.place)}
    if isinstance(domain, Range):
        ends = {"low": domain.low, "high": domain.high, "step": domain.step, "log": domain.log}
        return {**content, "repeats": dimension.repeats, **ends}
    return {**content, "repeats": dimension.repeats, "choices": [_choice(choice) for choice in domain]}


def _choice(choice: Choice) -> dict[str, Any]:
    inside = [dimension.name for dimension in choice.dimensions]
    return {"label": choice.label, "value": choice.value, "is_file": choice.is_file, "dimensions": inside}
