"""Literal values that do not fit the annotation of their parameter.

Annotations are promises that nobody enforces, and some are wrong, so a mismatch is a warning. Text or a mapping for a
number or a truth value is an error.
"""

import re
from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import ARGUMENTS, TARGET
from lighter_config.checks.argument_classes import wrong_classes
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.signatures import UNWRITTEN, Mismatch, Parameter, Signature
from lighter_config.suggestions import nearest_names
from lighter_config.tree.credentials import is_credential, is_secret, passwords_in
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy, literal_text
from lighter_config.tree.scalars import PLACEHOLDER


def check_argument_types(context: CheckContext) -> Iterator[Finding]:
    """Report literals that certainly do not fit, and components of a class that does not."""
    for component in context.components:
        signature = context.reader.read(component.target) if component.target is not None else None
        if not isinstance(signature, Signature):
            continue
        for name, value in component.keywords.items():
            parameter = signature.parameter(name)
            if parameter is not None:
                path = (*component.path, name)
                yield from _compare(context, component, path, parameter, value)
                if isinstance(value, str):
                    yield from _choose(context, component, path, value)
        yield from wrong_classes(context, component, signature)
        if not component.positional:
            continue
        by_position = [parameter for parameter in signature.parameters if parameter.accepts_position]
        written = context.value((*component.path, ARGUMENTS), [])
        if len(component.positional) == len(written):
            for index, (parameter, value) in enumerate(zip(by_position, component.positional, strict=False)):
                yield from _compare(context, component, (*component.path, ARGUMENTS, index), parameter, value)


def _compare(
    context: CheckContext, component: Component, path: Segments, parameter: Parameter, value: Any
) -> Iterator[Finding]:
    mismatch = context.reader.mismatch(parameter, written_part(value, path[-1]))
    if mismatch is None:
        return
    where = (*path, *mismatch.path)
    part = context.value(where)
    if _is_placeholder(context, where, part):
        return  # which is reported
    choices = list(
        dict.fromkeys(choice if isinstance(choice, str) else _as_yaml(choice) for choice in mismatch.choices)
    )
    nearest = nearest_names(part, choices) if isinstance(part, str) else ()
    fix = _how_to_write(part, mismatch)
    # Lighter's own classes take no other values than those that they list
    is_refused = mismatch.is_certain or (bool(choices) and parameter.module.partition(".")[0] == "lighter")
    is_named = path[len(component.path)] != ARGUMENTS
    named = format_path(where) if is_named else f"{parameter.name} ({format_path(where)})"
    yield context.finding(
        where,
        f"{component.short_name} does not take {_shown(part)} as {named}",
        severity=Severity.ERROR if is_refused and component.is_certain else Severity.WARNING,
        expected=choices or (mismatch.expected,),
        nearest=nearest,
        fix=fix or (f"write {nearest[0]}" if nearest else ""),
    )


def _is_placeholder(context: CheckContext, path: Segments, value: Any) -> bool:
    return value == PLACEHOLDER and (node := context.subject._node_at(path)) is not None and node.is_suspect


def _choose(context: CheckContext, component: Component, path: Segments, value: str) -> Iterator[Finding]:
    """Report text that the source of the target refuses: it raises for all but a few values."""
    if written_part(value) is UNWRITTEN or _is_placeholder(context, path, value):
        return
    text = literal_text(value)
    choices = context.reader.choices(str(component.target), str(path[-1]))
    if choices and text not in choices:
        nearest = nearest_names(text, choices)
        yield context.finding(
            path,
            f"{component.short_name} does not take {text!r} as {format_path(path)}",
            severity=Severity.ERROR if component.is_certain else Severity.WARNING,
            expected=choices,
            nearest=nearest,
            fix=f"write {nearest[0]}" if nearest else "write one of these",
        )


def _how_to_write(part: Any, mismatch: Mismatch) -> str:
    """Say how to write what an argument takes instead of a literal."""
    if isinstance(part, str) and _is_number(part):
        return "write the number without quotes"
    if isinstance(part, float) and part.is_integer() and "int" in mismatch.expected:
        return f"write {int(part)}"
    if isinstance(part, str) and part[:1] == "(" and not _TUPLE.fullmatch(part):
        return "write a list in brackets: YAML has no tuples"
    if isinstance(part, str) and _TUPLE.fullmatch(part):
        return f"write [{part.strip()[1:-1].strip()}]"
    if mismatch.wanted == "dtype":
        return f'write "$torch.{str(part).removeprefix("torch.")}"'
    if mismatch.wanted == "tensor" and (not isinstance(part, str) or _is_number(part)):
        return f'write "$torch.tensor({part})"'
    if mismatch.wanted == "enum":
        return f'write "$module.{mismatch.expected.rpartition(".")[2]}.NAME", with the module in _imports_'
    if mismatch.wanted == "object" and isinstance(part, str) and _DOTTED.fullmatch(part):
        return f"write {{_target_: {part}}} to build one"
    if "Optimizer" in mismatch.expected and isinstance(part, dict | list) and _holds_components(part):
        return "combine them in a lighter.optimizers.CombinedOptimizer; for several losses see examples/gan"
    if mismatch.wanted == "object" and isinstance(part, dict):
        return "write a list of components, each with a _target_" if _holds_components(part) else "add a _target_"
    return "write a mapping with a _target_, or a reference to one" if mismatch.wanted == "object" else ""


def _holds_components(part: dict[Any, Any] | list[Any]) -> bool:
    items = part.values() if isinstance(part, dict) else part
    return any(isinstance(item, dict) and TARGET in item for item in items)


_TUPLE = re.compile(r"\s*\(.*,.*\)\s*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")


def _shown(part: Any) -> str:
    """Write a value as a message shows it: a long one is cut."""
    text = _as_yaml(part)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


_LONGEST_SHOWN = 40


def _as_yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else repr(value)


def written_part(value: Any, key: object = None) -> Any:
    """Return the value as it will arrive, with ``UNWRITTEN`` for what is built first, and for secrets.

    Questions about values are kept on the disk of the user, where a secret must not be.

    >>> written_part({"name": "a", "api_key": "abc", "network": {"_target_": "torch.nn.ReLU"}}, "options")
    {'name': 'a', 'api_key': UNWRITTEN, 'network': UNWRITTEN}
    """
    if isinstance(value, dict):
        if TARGET in value:
            return UNWRITTEN
        return {name: written_part(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [written_part(item, key) for item in value]
    if is_computed(value) or is_copy(value):
        return UNWRITTEN
    if isinstance(value, str) and ((is_credential(key) and is_secret(value)) or passwords_in(value)):
        return UNWRITTEN
    return literal_text(value) if isinstance(value, str) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
