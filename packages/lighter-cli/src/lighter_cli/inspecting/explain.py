"""Show which places set a value, which argument takes it, and what refers to it: what ``lighter explain`` prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lighter_cli.describing.blame import written_values
from lighter_cli.inspecting.merged_inputs import load_merged
from lighter_cli.runs.varied_values import Varied, varied
from lighter_cli.terminal import output
from lighter_cli.terminal.output import HEADING, PATH, PLACE, Line
from lighter_config import (
    Config,
    ConfigError,
    Finding,
    PathError,
    Place,
    Signature,
    SignatureReader,
    Stage,
    find_references,
    format_path,
    is_computed,
    is_copy,
    nearest_names,
    parse_path,
)
from lighter_config.project import reader_for
from lighter_config.regular_files import is_regular
from lighter_config.signatures import Parameter as Argument
from lighter_config.signatures import ParameterKind
from lighter_config.tree.missing import does_not_exist
from lighter_config.tree.node import Segments
from lighter_config.tree.references import absolute_path

_EXAMPLE = "lighter explain trainer::max_epochs config.yaml"


@dataclass(frozen=True, slots=True)
class _Taker:
    """The argument that a value is, or is inside of.

    Attributes:
        target: The import path of the component that gets the argument.
        path: The path of the argument.
        name: The name of the argument, or its position.
        signature: The parameters of the target; ``None`` when they are not known.
        argument: The parameter that takes the argument; ``None`` when none does.
    """

    target: str
    path: Segments
    name: str
    signature: Signature | None
    argument: Argument | None


@dataclass(frozen=True, slots=True)
class _Use:
    """A reference to a value, to a section around it, or to something inside it."""

    path: str
    text: str
    place: Place


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
    segments = _exact(config, parse_path(path))
    path = format_path(segments)
    taker = _taker_of(config, segments, reader_for(config))
    is_set = config.has(path)
    if not is_set and (taker is None or taker.argument is None or taker.path != segments):
        raise _nothing_at(config, segments, taker)
    uses = list(_uses_of(config, segments))
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


def _exact(config: Config, segments: Segments) -> Segments:
    """Return the path with each negative index, and each name of an item, replaced by the index from the start."""
    exact: list[Any] = []
    for segment in segments:
        holder = config.expanded().get(format_path(tuple(exact)), None)
        if isinstance(holder, list):
            names = [item.get("_name_") if isinstance(item, dict) else None for item in holder]
            if isinstance(segment, int) and -len(holder) <= segment < 0:
                segment += len(holder)
            elif segment in names:
                segment = names.index(segment)
        exact.append(segment)
    return tuple(exact)


def _taker_of(config: Config, segments: Segments, reader: SignatureReader) -> _Taker | None:
    """Find the component that gets the value at a path, as an argument or inside one."""
    expanded = config.expanded()
    for depth in range(len(segments) - 1, -1, -1):
        holder = expanded.get(format_path(segments[:depth]), None)
        target = holder.get("_target_") if isinstance(holder, dict) else None
        if isinstance(target, str) and not is_computed(target):
            return _argument_of(target, segments, depth, reader)
    trainer = expanded.get("trainer::_target_", None)
    if len(segments) > 2 and segments[0] == "args" and segments[1] in tuple(Stage) and isinstance(trainer, str):
        return _argument_of(f"{trainer}.{segments[1]}", segments, 2, reader)
    return None


def _argument_of(target: str, segments: Segments, depth: int, reader: SignatureReader) -> _Taker | None:
    name = segments[depth]
    answer = reader.read(target)
    signature = answer if isinstance(answer, Signature) else None
    if name == "_args_" and len(segments) > depth + 1:
        argument = _argument_at(segments[depth + 1], signature)
        shown = argument.name if argument is not None else f"number {segments[depth + 1]}"
        return _Taker(target, segments[: depth + 2], shown, signature, argument)
    if not isinstance(name, str) or (name.startswith("_") and name.endswith("_")):
        return None
    argument = signature.parameter(name) if signature is not None else None
    return _Taker(target, segments[: depth + 1], name, signature, argument)


def _argument_at(index: Any, signature: Signature | None) -> Argument | None:
    """Find the parameter that gets one item of ``_args_``; ``*args`` gets the items after the named ones."""
    if signature is None or not isinstance(index, int):
        return None
    positional = [parameter for parameter in signature.parameters if parameter.accepts_position]
    rest = [parameter for parameter in signature.parameters if parameter.kind is ParameterKind.VAR_POSITIONAL]
    return next(iter([*positional[index : index + 1], *rest]), None)


def _uses_of(config: Config, segments: Segments) -> Iterator[_Use]:
    """Yield the references to a value, to a section around it, or to something inside it."""
    for at, text, place in written_values(config):
        if not (is_copy(text) or is_computed(text)):
            continue
        try:
            references = find_references(text)
            inside = [reference for reference in references if not reference.file]
            targets = [_exact(config, absolute_path(reference, parse_path(at))) for reference in inside]
        except ConfigError:
            continue  # `lighter check` reports a reference that cannot be read
        if any(target[: len(segments)] == segments or segments[: len(target)] == target for target in targets):
            yield _Use(at, text, place)


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


def _taker_lines(taker: _Taker | None, segments: Segments) -> list[Line]:
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
    config: Config, path: str, *, is_set: bool, taker: _Taker | None, uses: list[_Use], dimension: Varied | None
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


def _nothing_at(config: Config, segments: Segments, taker: _Taker | None) -> PathError:
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
