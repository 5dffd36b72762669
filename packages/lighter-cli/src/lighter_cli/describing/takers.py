"""Find the argument of a component that a value in a config is, or is inside of."""

from dataclasses import dataclass
from typing import Any

from lighter_config import Config, Signature, SignatureReader, Stage, format_path, is_computed
from lighter_config.sections import ARGS, GIVEN_BY_STAGES
from lighter_config.signatures import Parameter as Argument
from lighter_config.signatures import ParameterKind
from lighter_config.tree.node import Segments


@dataclass(frozen=True, slots=True)
class Taker:
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


def exact(config: Config, segments: Segments) -> Segments:
    """Return the path with each negative index, and each name of an item, replaced by the index from the start."""
    found: list[Any] = []
    for segment in segments:
        holder = config.expanded().get(format_path(tuple(found)), None)
        if isinstance(holder, list):
            names = [item.get("_name_") if isinstance(item, dict) else None for item in holder]
            if isinstance(segment, int) and -len(holder) <= segment < 0:
                segment += len(holder)
            elif segment in names:
                segment = names.index(segment)
        found.append(segment)
    return tuple(found)


def taker_of(config: Config, segments: Segments, reader: SignatureReader) -> Taker | None:
    """Find the component that gets the value at a path, as an argument or inside one."""
    for depth in range(len(segments) - 1, -1, -1):
        target = target_at(config, segments[:depth])
        if target is not None:
            return _argument_of(target, segments, depth, reader)
    return None


def target_at(config: Config, holder: Segments) -> str | None:
    """Return the import path whose arguments the keys of a mapping are: its target, or for ``args::fit`` a method."""
    expanded = config.expanded()
    held = expanded.get(format_path(holder), None)
    target = held.get("_target_") if isinstance(held, dict) else None
    if _is_of_stage(holder):
        trainer = expanded.get("trainer::_target_", None)
        target = f"{trainer}.{holder[1]}" if isinstance(trainer, str) else None
    return target if isinstance(target, str) and not is_computed(target) else None


def arguments_for(target: str | None, holder: Segments, reader: SignatureReader) -> list[Argument]:
    """Return the arguments of a target that the keys of a mapping may give; none if its source does not tell them."""
    answer = reader.read(target) if target is not None else None
    if not isinstance(answer, Signature):
        return []
    hidden = ("self", *GIVEN_BY_STAGES) if _is_of_stage(holder) else ()
    return [one for one in answer.parameters if one.accepts_keyword and one.name not in hidden]


def _is_of_stage(holder: Segments) -> bool:
    return len(holder) == 2 and holder[0] == ARGS and holder[1] in tuple(Stage)


def _argument_of(target: str, segments: Segments, depth: int, reader: SignatureReader) -> Taker | None:
    name = segments[depth]
    answer = reader.read(target)
    signature = answer if isinstance(answer, Signature) else None
    if name == "_args_" and len(segments) > depth + 1:
        argument = _argument_at(segments[depth + 1], signature)
        shown = argument.name if argument is not None else f"number {segments[depth + 1]}"
        return Taker(target, segments[: depth + 2], shown, signature, argument)
    if not isinstance(name, str) or (name.startswith("_") and name.endswith("_")):
        return None
    argument = signature.parameter(name) if signature is not None else None
    return Taker(target, segments[: depth + 1], name, signature, argument)


def _argument_at(index: Any, signature: Signature | None) -> Argument | None:
    """Find the parameter that gets one item of ``_args_``; ``*args`` gets the items after the named ones."""
    if signature is None or not isinstance(index, int):
        return None
    positional = [parameter for parameter in signature.parameters if parameter.accepts_position]
    rest = [parameter for parameter in signature.parameters if parameter.kind is ParameterKind.VAR_POSITIONAL]
    return next(iter([*positional[index : index + 1], *rest]), None)
