"""Objects of the wrong class: a network that is not a Module, an optimizer that is not an Optimizer."""

import re
from collections.abc import Iterator
from typing import Any

from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.signatures import Parameter, Signature
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import absolute_path, find_references, is_reference

_CLASSES = ("torch.nn.Module", "torch.optim.Optimizer")
"""Classes that nothing else can stand for; what other annotations name may have a substitute with the same methods."""

_NAMES = tuple(one.rpartition(".")[2] for one in _CLASSES)
_ANNOTATION = re.compile(r"([A-Za-z_][\w.]*)(?: \| None)?|Optional\[([A-Za-z_][\w.]*)\]")


def wrong_classes(context: CheckContext, component: Component, signature: Signature) -> Iterator[Finding]:
    """Report arguments that are, or refer to, a component whose class is certainly not that of the annotation."""
    for name, value in component.keywords.items():
        parameter = signature.parameter(name)
        expected = None if parameter is None else _class_of(context, parameter)
        path = (*component.path, name)
        given = None if expected is None else _component_given(context, path, value)
        if given is None or expected is None or not _makes_another(context, given.target, expected):
            continue
        is_here = given.path == path
        yield context.finding(
            path,
            f"{format_path(path)} must be a {expected}, is a {given.short_name}",
            severity=Severity.ERROR if component.is_certain else Severity.WARNING,
            expected=[f"a _target_ that makes a {expected}" if is_here else f"a reference to a {expected}"],
        )


def _class_of(context: CheckContext, parameter: Parameter) -> str | None:
    """Return the class that an annotation names, alone or beside null, if nothing else can stand for it."""
    annotation = parameter.annotation or ""
    if not any(name in annotation for name in _NAMES):  # most: trying a pattern takes longer
        return None
    match = _ANNOTATION.fullmatch(annotation)
    name = "" if match is None else match[1] or match[2]
    named = f"{parameter.module}.{name}"
    for one in _CLASSES:
        is_named_so = name.rpartition(".")[2] == one.rpartition(".")[2]
        if is_named_so and context.reader.is_subclass(named, one) and context.reader.is_subclass(one, named):
            return one
    return None


def _component_given(context: CheckContext, path: Segments, value: Any) -> Component | None:
    """Return the component that an argument is, or refers to, if it is built as it is by default."""
    if is_reference(value):
        try:
            reference = find_references(value)[0]
            reached = None if reference.file else context.reached(context.subject, absolute_path(reference, path))
        except ConfigError:
            return None  # reported by the check of references
        path = path if reached is None else reached.path
    return next((one for one in context.components if one.path == path and one.mode == "default"), None)


def _makes_another(context: CheckContext, target: str | None, expected: str) -> bool:
    """Return whether a target is a class whose objects are certainly not of the class that is expected."""
    if target is None or context.reader.is_subclass(target, expected) is not False:
        return False
    return not isinstance(context.reader.read(f"{target}.__new__"), Signature)  # which may make anything
