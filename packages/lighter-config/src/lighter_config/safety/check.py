"""Everything that a config may not do with ``--safe``, by place, before anything is imported."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from lighter_config.building.resolving import MODE, TARGET, imports_of
from lighter_config.checks.context import CheckContext
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.places import Place
from lighter_config.safety.allowance import PROJECT, Allowance, listed_targets
from lighter_config.safety.expression_refusals import expression_refusals
from lighter_config.sections import ARGS, IMPORTS, NETWORK_PATHS, REQUIRES
from lighter_config.stages import Stage
from lighter_config.tree.expressions import KNOWN_NAMES, parse_expression
from lighter_config.tree.node import Node, Segments
from lighter_config.tree.references import is_expression

_COMPILE_OPTIONS = ("backend", "dynamic", "fullgraph", "mode")
_BACKENDS = ("inductor", "eager", "aot_eager", "cudagraphs")
_DEBUG = "_debug_"
_MODES = ("default", "partial", "callable")
"""What ``_mode_`` may be. The others, and the key ``_debug_``, start a debugger, which runs what it reads."""

_EXPECTED = "a target in lighter_config/safety/targets.txt, in your project, or named by --allow"


@dataclass(frozen=True, slots=True)
class SafetyCheck:
    """Report what is not allowed: a check for ``lighter_config.check``.

    Attributes:
        allowance: What may be named beside the list.
    """

    allowance: Allowance

    def __call__(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a refusal for each target, expression, import and flag that is not allowed."""
        yield from self._wrong_names()
        try:
            imports = dict(imports_of(context.subject._root))
        except ConfigError as error:
            yield from error.findings
            return
        known = {**KNOWN_NAMES, **imports}
        for path, node in chain([((), context.subject._root)], context.subject._nodes):
            if is_expression(node.value) and REQUIRES not in path[-2:]:
                yield from self._expression(context, path, node.value, known)
            if type(node.value) is not dict:
                continue
            if TARGET in node.value:
                yield from self._target(context, (*path, TARGET), node.value[TARGET].value)
                yield from _debugger(context, path, node)
            if IMPORTS in node.value or REQUIRES in node.value:
                yield from self._imports(context, path, node)
        yield from _compiler_options(context)
        yield from _unpickling(context)

    def _wrong_names(self) -> Iterator[Finding]:
        for name in self.allowance.names:
            if not all(part.isidentifier() for part in name.split(".")):
                yield Finding(
                    message=f"--allow must name a package or a callable, is {name!r}",
                    place=Place("option --allow"),
                    excerpt=name,
                    fix="write a dotted import path: --allow torchvision.transforms",
                )

    def _target(self, context: CheckContext, path: Segments, target: Any) -> Iterator[Finding]:
        if callable(target):  # an object that Python code put into the config, which no file can
            return
        if not isinstance(target, str) or target[:1] in "@%$":
            yield context.finding(
                path,
                f"--safe refuses {target!r:.50}, a target known only when it is built",
                expected=("a dotted import path",),
                fix="name the target itself",
            )
        elif reason := self.allowance.why_not(target, context.reader):
            nearest = _nearest(target)
            yield context.finding(
                path,
                f"--safe refuses {target}, which {reason}",
                expected=(_EXPECTED,),
                nearest=nearest,
                fix=(f"write {nearest[0]}, or " if nearest else "") + f"add --allow {target} if you trust it",
            )

    def _imports(self, context: CheckContext, path: Segments, mapping: Node) -> Iterator[Finding]:
        """Refuse a module of which nothing may be named; what is named in it is judged where it is used."""
        for key in (IMPORTS, REQUIRES):
            if key not in mapping.value:
                continue
            given = mapping.value[key]
            for name, target in imports_of(mapping.like({key: given})):
                where = (*path, key, name) if type(given.value) is dict and name in given.value else (*path, key)
                yield from self._import(context, where, target)

    def _import(self, context: CheckContext, where: Segments, target: str) -> Iterator[Finding]:
        if not self._holds_something(target):
            yield context.finding(
                where,
                f"--safe refuses {target}, which is not on its list",
                expected=(_EXPECTED,),
                fix=f"add --allow {target} if you trust it",
            )

    def _holds_something(self, target: str) -> bool:
        names = {*listed_targets(), *self.allowance.names, *([PROJECT] if self.allowance.trusts_project else [])}
        return any(f"{name}.".startswith(f"{target}.") or target.startswith(f"{name}.") for name in names)

    def _expression(self, context: CheckContext, path: Segments, text: str, known: dict[str, str]) -> Iterator[Finding]:
        try:
            expression = parse_expression(text)
        except ConfigError as error:
            reasons = [error.findings[0].message]
        else:
            reasons = list(
                expression_refusals(
                    expression, known.get, lambda target: self.allowance.why_not(target, context.reader)
                )
            )
        for reason in dict.fromkeys(reasons):
            yield context.finding(
                path,
                reason,
                expected=("literals, arithmetic, and attributes and calls of values of the config",),
                fix="put the code into your project, name what you trust with --allow, or run without --safe",
            )


def _debugger(context: CheckContext, path: Segments, component: Node) -> Iterator[Finding]:
    mode = component.value.get(MODE)
    for key, is_refused in ((_DEBUG, _DEBUG in component.value), (MODE, mode is not None and mode.value not in _MODES)):
        if is_refused:
            yield context.finding(
                (*path, key),
                f"--safe refuses `{key}`: {component.value[key].value!r:.30}, which may start a debugger",
                expected=(f"`{MODE}` as one of {', '.join(_MODES)}",),
                fix="remove it, or run without --safe",
            )


def _compiler_options(context: CheckContext) -> Iterator[Finding]:
    """Refuse options of the network's ``compile``: among them is the program that compiles."""
    for path in NETWORK_PATHS:
        options = context.value((*path, "compile"))
        if options is None or isinstance(options, bool):
            continue
        names = options if isinstance(options, dict) else {"what it leads to": None}
        for name in names:
            if name not in _COMPILE_OPTIONS or (name == "backend" and options[name] not in _BACKENDS):
                yield context.finding(
                    (*path, "compile", *([name] if isinstance(options, dict) else [])),
                    f"--safe refuses `compile` with {name}, which may start any program",
                    expected=(f"true, or {', '.join(_COMPILE_OPTIONS)}",),
                    fix="remove it, or run without --safe if you trust the config",
                )


def _unpickling(context: CheckContext) -> Iterator[Finding]:
    for stage in Stage:
        path = (ARGS, str(stage), "weights_only")
        if context.value(path, True) not in (True, None):
            yield context.finding(
                path,
                "--safe refuses to load more than tensors and plain values from a checkpoint",
                expected=("true",),
                fix="give the option --no-weights-only if you trust whoever wrote the checkpoint",
            )


def _nearest(target: str) -> tuple[str, ...]:
    """Return the listed names of the same package that end in the same word."""
    package, last = target.partition(".")[0], target.rpartition(".")[2]
    same = sorted(name for name in listed_targets() if name.startswith(f"{package}.") and name.endswith(f".{last}"))
    return tuple(same[:3])
