"""Show which places set a value, which argument takes it, and what refers to it: what ``lighter explain`` prints."""

from collections.abc import Iterator, Sequence
from typing import Any

from lighter_cli.describing.takers import Taker, exact, taker_of
from lighter_cli.describing.uses import Use, uses_of
from lighter_cli.inspecting.merged_inputs import load_merged
from lighter_cli.runs.varied_values import Varied, varied
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH, PLACE, Line
from lighter_config import Config, Finding, PathError, format_path, is_copy, nearest_names, parse_path
from lighter_config.project import reader_for
from lighter_config.regular_files import is_regular
from lighter_config.tree.missing import does_not_exist
from lighter_config.tree.node import Segments

_EXAMPLE = "lighter explain trainer::max_epochs config.yaml"


def explain_value(path: str, inputs: Sequence[str], *, json: bool = False) -> None:
    """Print which places set a value, newest first, which argument takes it, and what refers to it.

    Args:
        path: The path of the value.
        inputs: Files, runs and overrides.
        json: Whether JSON is printed.

    Raises:
        ConfigError: There is no such path, or the inputs do not make a config.
    """
    if not inputs or is_regular(path):
        fix = f"the path comes first, then its config: {_EXAMPLE}"
        message = f"{path!r} is a file, not a path in a config" if is_regular(path) else "no config given"
        raise PathError(Finding(message=message, fix=fix))
    config = load_merged(inputs, example=_EXAMPLE)
    segments = exact(config, parse_path(path))
    path = format_path(segments)
    taker = taker_of(config, segments, reader_for(config))
    is_set = config.has(path)
    if not is_set and (taker is None or taker.argument is None or taker.path != segments):
        raise _nothing_at(config, segments, taker)
    uses = list(uses_of(config, segments))
    dimension = varied(config, segments) if is_set else None
    if json:
        output.write_json(_as_json(config, path, is_set=is_set, taker=taker, uses=uses, dimension=dimension))
        return
    output.write_lines(_value_lines(config, path) if is_set else [[(path, PATH), " is not set"]])
    if is_set:
        settings = config.expanded().history(path)
        history = [((str(place), PLACE), text, effect) for place, text, effect in settings]
        output.write_lines(_section("set by, newest first" if len(history) > 1 else "set by", output.rows(history)))
    output.write_lines(_dimension_lines(dimension))
    output.write_lines(_taker_lines(taker, segments))
    found = [((use.path, PATH), use.text, (str(use.place), PLACE)) for use in uses]
    output.write_lines(_section("referred to by", output.rows(found) or [["  nothing"]]))


def _value_lines(config: Config, path: str) -> Iterator[Line]:
    value = config.get(path)
    first, *rest = output.yaml_lines(value)
    if rest or (isinstance(value, dict) and value):
        yield [(path, PATH), ":"]
        yield from ([f"  {line}"] for line in (first, *rest))
    else:
        yield [(path, PATH), f": {first}"]
    copied = config.expanded().get(path)
    if is_copy(value) and copied != value:
        yield ["which copies"]
        yield from ([f"  {line}"] for line in output.yaml_lines(copied))


def _dimension_lines(dimension: Varied | None) -> list[Line]:
    if dimension is None:
        return []
    first, *rest = output.yaml_lines(dimension.written)
    rows: list[Line] = [((dimension.dimension, PATH), first, (str(dimension.place), PLACE))]
    rows += [("", line, "") for line in rest]
    return _section(f"varied by trial {dimension.trial} of {dimension.sweep}", output.rows(rows))


def _taker_lines(taker: Taker | None, segments: Segments) -> list[Line]:
    if taker is None:
        return []
    relation = "argument" if taker.path == segments else "inside the argument"
    title = f"{relation} {taker.name} of {taker.target}"
    if taker.signature is None:
        return _section(title, [["  what it takes is not known without importing it"]])
    if taker.argument is None:
        text = "taken by **kwargs" if taker.signature.accepts_any_keyword else "it takes no such argument"
        return _section(title, [[f"  {text}"]])
    return _section(
        title,
        output.rows(
            [
                ("type", taker.argument.annotation or "not annotated"),
                (
                    "default",
                    taker.argument.default or ("none: it must be given" if taker.argument.required else "none"),
                ),
                ("defined", (f"{taker.signature.file}:{taker.signature.line}", PLACE)),
            ]
        ),
    )


def _section(title: str, lines: list[Line]) -> list[Line]:
    return [[""], [(title, HEADING)], *lines]


def _as_json(
    config: Config, path: str, *, is_set: bool, taker: Taker | None, uses: list[Use], dimension: Varied | None
) -> dict[str, Any]:
    argument = taker.argument if taker is not None else None
    return {
        "path": path,
        "is_set": is_set,
        "value": config.get(path, None),
        "copied": config.expanded().get(path, None),
        "set_by": [
            {"place": str(place), "text": text, "effect": effect or None}
            for place, text, effect in config.expanded().history(path)
        ],
        "varied": None
        if dimension is None
        else {
            "sweep": dimension.sweep,
            "trial": dimension.trial,
            "dimension": dimension.dimension,
            "written": dimension.written,
            "place": str(dimension.place),
        },
        "argument": None
        if taker is None
        else {
            "target": taker.target,
            "path": format_path(taker.path),
            "name": taker.name,
            "type": argument.annotation if argument is not None else None,
            "default": argument.default if argument is not None else None,
            "required": argument.required if argument is not None else None,
        },
        "referred_to_by": [{"path": use.path, "text": use.text, "place": str(use.place)} for use in uses],
    }


def _nothing_at(config: Config, segments: Segments, taker: Taker | None) -> PathError:
    """Return the error for a path that does not exist, with the names that exist at the last section on the way."""
    expanded = config.expanded()
    depth = next(depth for depth in range(len(segments) - 1, -1, -1) if expanded.has(format_path(segments[:depth])))
    holder, prefix = expanded.get(format_path(segments[:depth])), segments[:depth]
    inside = list(holder) if isinstance(holder, dict) else list(range(len(holder))) if isinstance(holder, list) else []
    if taker is not None and taker.signature is not None and taker.path == segments[: depth + 1]:
        inside += [name for name in taker.signature.keywords if name not in inside]
    missing = format_path(segments[depth : depth + 1])
    nearest = [format_path((*prefix, name)) for name in nearest_names(missing, map(str, inside))]
    # a name without its section
    leaves = (format_path(path) for path, _ in expanded.walk() if path[-len(segments) :] == segments)
    nearest += [path for path in leaves if path not in nearest]
    where = format_path(prefix)
    return PathError(
        Finding(
            message=does_not_exist(format_path(segments), segments, depth, holder),
            path=format_path(segments),
            place=config.key_place(where) if prefix else None,
            excerpt=config.key_excerpt(where) if prefix else "",
            expected=tuple(str(name) for name in inside),
            nearest=tuple(nearest[:3]),
            fix=f"name {nearest[0]}" if nearest else "",
        )
    )
