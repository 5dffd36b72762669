"""Arguments that a target does not take, lacks, or gets twice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lighter_config.building.resolving import NOT_ARGUMENTS, TARGET
from lighter_config.checks.components import Component
from lighter_config.checks.context import CheckContext
from lighter_config.checks.foreign_keys import FORMS
from lighter_config.checks.parameter_groups import is_in_combined
from lighter_config.findings import Finding, Severity
from lighter_config.loading.unread_overrides import paths_elsewhere, written_at
from lighter_config.places import Place
from lighter_config.sections import ARGS, GIVEN_BY_STAGES, TRAINER
from lighter_config.signatures import ParameterKind, Signature
from lighter_config.sources.words import DimensionSource, MappingSource, OverrideSource, RunSource, Source, StdinSource
from lighter_config.stages import Stage
from lighter_config.suggestions import NEARLY_THE_SAME, nearest_names
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy
from lighter_config.tree.walking import Reached

_NUM_NEAREST = 3


def check_arguments(context: CheckContext) -> Iterator[Finding]:
    """Report arguments that are unknown, missing or given twice."""
    for component in context.components:
        if component.target is None:
            continue
        signature = context.reader.read(component.target)
        if isinstance(signature, Signature):
            severity = Severity.ERROR if component.is_certain and signature.is_exact else Severity.WARNING
            yield from _positional(context, component, signature, severity)
            yield from _unknown(context, component, signature, severity)
            if component.mode in ("default", "debug") and not context.is_fragment:
                yield from _missing(context, component, signature, severity)


def check_stage_arguments(context: CheckContext) -> Iterator[Finding]:
    """Report ``args`` that are not mappings, and keys of ``args::stage`` that the trainer's method does not take."""
    trainer = context.value((TRAINER, TARGET))
    for at in ((ARGS,), *((ARGS, stage) for stage in Stage)):
        given = context.reached(context.subject, at)
        value = None if given is None else given.node.plain()
        if given is None or value is None or is_computed(value) or is_copy(value):
            continue
        if not given.node.is_mapping:
            yield context.finding(at, f"{format_path(at)} must be a mapping, is {value!r}")
        elif at != (ARGS,) and isinstance(trainer, str):
            yield from _of_stage(context, Stage(at[1]), trainer, at, given)


def _of_stage(context: CheckContext, stage: Stage, trainer: str, at: Segments, given: Reached) -> Iterator[Finding]:
    """Report keys that the trainer's method does not take; they may be behind a reference."""
    method = context.reader.read(f"{trainer}.{stage}")
    if not isinstance(method, Signature) or method.accepts_any_keyword:
        return
    valid = [name for name in method.keywords if name not in ("self", *GIVEN_BY_STAGES)]
    for name in given.node.value:
        path = (*given.path, name)
        if name in GIVEN_BY_STAGES and name in method.keywords:
            yield context.finding(
                path, f"Trainer.{stage} gets {name} from the config's sections, not from args", at_key=True
            )
        elif name not in valid:
            source = "" if given.path == at else f", to which {format_path(at)} gives it"
            yield context.finding(
                path,
                f"{format_path(path)} is not an argument of Trainer.{stage}{source}",
                at_key=True,
                expected=valid,
                nearest=nearest_names(str(name), valid),
                fix=f"rename the key, or remove it with ~{format_path(path)}",
            )


def _unknown(
    context: CheckContext, component: Component, signature: Signature, severity: Severity
) -> Iterator[Finding]:
    unknown = [name for name in component.keywords if signature.parameter(name) is None]
    valid = [name for name in signature.keywords if name not in component.keywords] if unknown else []
    for name in unknown:
        path = (*component.path, name)
        if signature.accepts_any_keyword:
            near = nearest_names(name, valid, likeness=NEARLY_THE_SAME)
            if near:
                yield context.finding(
                    path,
                    f"{format_path(path)} is not named by {component.short_name}, only taken by its **kwargs",
                    at_key=True,
                    severity=Severity.WARNING,
                    nearest=near,
                    fix=f"write {near[0]}, if that is meant",
                )
            continue
        yield _unknown_argument(context, component, signature, path, valid, severity)


def _unknown_argument(
    context: CheckContext,
    component: Component,
    signature: Signature,
    path: Segments,
    valid: list[str],
    severity: Severity,
) -> Finding:
    name = str(path[-1])
    message = f"{format_path(path)} is not an argument of {component.short_name}"
    fix = f"rename the key, or remove it with ~{format_path(path)}"
    if any(parameter.name == name for parameter in signature.parameters):
        message = f"{format_path(path)} cannot be given by name to {component.short_name}"
        fix = "give it in _args_"
    elif _is_left_over(context, component, path):
        changed = context.subject.place(format_path((*component.path, TARGET)))
        message += f"; it was given before _target_ was changed at {changed}"
        fix = f"remove it with ~{format_path(path)}"
    nearest = nearest_names(name, signature.keywords)
    if nearest and nearest[0] in component.keywords:
        near = format_path((*component.path, nearest[0]))
        place, given = context.subject.place(format_path(path)), context.subject.key_place(near)
        if place is not None and place.word is not None:
            fix = f"write {near} to change what is given at {given}"
        else:
            fix = f"remove it with ~{format_path(path)}: {nearest[0]} is given at {given}"
    fix = FORMS.get(name, fix)
    if name[:1] == name[-1:] == "_" and not nearest:
        nearest = nearest_names(name, sorted(NOT_ARGUMENTS))
        fix = f"write {nearest[0]}, or remove it with ~{format_path(path)}" if nearest else fix
    if fix.startswith("rename") and (elsewhere := paths_elsewhere(context.config, context.reader, path)):
        place = context.subject.place(format_path(path))
        if not nearest and place is not None and place.word is not None:
            fix = f"write {written_at(elsewhere[0], path, context.subject.excerpt(format_path(path)))}"
        nearest = (*nearest, *elsewhere)[:_NUM_NEAREST]
    none_left = "no further argument" if signature.keywords else "no arguments by name"
    expected = valid or (f"{component.short_name} takes {none_left}",)
    return context.finding(
        path,
        message,
        at_key=True,
        severity=severity,
        expected=expected,
        nearest=nearest,
        fix=fix,
    )


def _is_left_over(context: CheckContext, component: Component, path: Segments) -> bool:
    """Return whether a later source changed the target after this argument was given."""
    targets = context.subject.chain(format_path((*component.path, TARGET)))
    given = context.subject.chain(format_path(path))
    if len(targets) < 2 or not given:
        return False
    sources = context.subject.sources
    return _source_index(sources, given[0]) < _source_index(sources, targets[0])


def _source_index(sources: Sequence[Source], place: Place) -> int:
    """Which source a place is in; -1 for a place of the run that wrote a checkpoint or record among them."""
    for index, source in reversed(list(enumerate(sources))):
        match source:
            case OverrideSource(word=word, caller=caller) | DimensionSource(word=word, caller=caller):
                is_there = replace(place, via="", trial=None) == Place.of_input(word, caller)
            case MappingSource(place=line):
                is_there = place == line
            case RunSource(name=folder):
                is_there = place.source.startswith(folder)
            case StdinSource():
                is_there = place.source == "standard input"
            case _:
                is_there = place.source == source.name
        if is_there:
            return index
    return -1


def _missing(
    context: CheckContext, component: Component, signature: Signature, severity: Severity
) -> Iterator[Finding]:
    if component.positional is None:
        return
    not_named = [
        parameter.name
        for parameter in signature.parameters
        if parameter.required and not (parameter.accepts_keyword and parameter.name in component.keywords)
    ]
    by_position = [parameter for parameter in signature.parameters if parameter.accepts_position] if not_named else []
    filled = {parameter.name for parameter in by_position[: len(component.positional)]}
    missing = [name for name in not_named if name not in filled]
    if missing:
        names = " and ".join(missing) if len(missing) < 3 else ", ".join(missing)
        is_missing = "is missing" if len(missing) == 1 else "are missing"
        where = format_path(component.path)
        fix = "add " + ", ".join(f"`{name}:`" for name in missing) + f" to {where}"
        if is_in_combined(context, component):
            fix = f"add `_mode_: partial` to {where}: the CombinedOptimizer gives {names}"
        finding = context.finding(
            (*component.path, TARGET),
            f"{component.short_name} needs {names}, which {is_missing} in {where}",
            severity=severity,
            fix=fix,
        )
        yield context.blamed(finding, (*component.path, missing[0]))


def _positional(
    context: CheckContext, component: Component, signature: Signature, severity: Severity
) -> Iterator[Finding]:
    if not component.positional:
        return
    by_position = [parameter for parameter in signature.parameters if parameter.accepts_position]
    path = (*component.path, "_args_")
    takes_more = any(parameter.kind is ParameterKind.VAR_POSITIONAL for parameter in signature.parameters)
    if len(component.positional) > len(by_position) and not takes_more:
        yield context.finding(
            path,
            f"{component.short_name} takes at most {len(by_position)} positional arguments; "
            f"{format_path(path)} has {len(component.positional)}",
            at_key=True,
            severity=severity,
            expected=[parameter.name for parameter in by_position],
        )
    for index, parameter in enumerate(by_position[: len(component.positional)]):
        if parameter.accepts_keyword and parameter.name in component.keywords:
            twice = (*component.path, parameter.name)
            yield context.finding(
                twice,
                f"{format_path(twice)} is given twice: by name and as _args_::{index}",
                at_key=True,
                severity=severity,
                fix="remove one of the two",
            )
