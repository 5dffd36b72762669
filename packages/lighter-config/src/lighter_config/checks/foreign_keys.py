"""Keys that other tools know, and keys of this language whose values cannot be used."""

from collections.abc import Iterator
from typing import Any

from lighter_config.building.resolving import ARGUMENTS, DISABLED, TARGET
from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.signatures import Signature
from lighter_config.sources.bases import BASE
from lighter_config.suggestions import NEARLY_THE_SAME, nearest_names
from lighter_config.tree.node import NAME, Segments
from lighter_config.tree.paths import format_path
from lighter_config.tree.references import is_computed, is_copy
from lighter_config.tree.walking import walk

FORMS = {
    "_partial_": "write `_mode_: partial`",
    "_convert_": "remove it: values are plain dicts and lists",
    "_recursive_": "remove it: everything below is built",
    "_delete_": "write `=key:` for the mapping that replaces",
    "_desc_": "write a comment",
    "_requires": "write `_requires_`",
    BASE: "write it at the root of the file",
    "class_path": "write `_target_` for class_path, with the arguments beside it",
    "init_args": "write the arguments beside `_target_`",
    "dict_kwargs": "write the arguments beside `_target_`",
}
"""Keys of Hydra, MMEngine and LightningCLI, and what to write instead."""


def check_foreign_keys(context: CheckContext) -> Iterator[Finding]:
    """Report keys of other tools, mistyped keys of this language, and values that these cannot have."""
    for path, node in walk(context.subject._root):
        if not node.is_mapping or path == ():
            continue
        for key in node.value:
            if key in FORMS and not _is_judged_as_argument(context, node.value):
                yield context.finding(
                    (*path, key),
                    f"{format_path((*path, key))} is a key of another tool, which nothing reads",
                    at_key=True,
                    severity=Severity.WARNING,
                    fix=FORMS[key],
                    config=context.subject,
                )
        if TARGET not in node.value:
            yield from _mistyped_target(context, path, node.value)
        yield from _unusable_values(context, path, node.value)


def _is_judged_as_argument(context: CheckContext, mapping: dict[Any, Any]) -> bool:
    """Return whether the check of arguments reports what the target does not take."""
    target = mapping[TARGET].value if TARGET in mapping else None
    answer = context.reader.read(target) if isinstance(target, str) and not _is_later(target) else None
    return isinstance(answer, Signature) and not answer.accepts_any_keyword


def _mistyped_target(context: CheckContext, path: Segments, mapping: dict[Any, Any]) -> Iterator[Finding]:
    """Report a key such as ``_targt_`` in a mapping that then builds nothing."""
    for key in mapping:
        is_near = isinstance(key, str) and key[:1] == key[-1:] == "_" and key not in (NAME, *FORMS)
        if is_near and nearest_names(key, [TARGET], likeness=NEARLY_THE_SAME):
            yield context.finding(
                (*path, key),
                f"{format_path((*path, key))} is not a key of components: {format_path(path)} has no {TARGET}",
                at_key=True,
                severity=Severity.ERROR if context.is_built(path) else Severity.WARNING,
                nearest=(TARGET,),
                fix=f"rename the key to {TARGET}",
                config=context.subject,
            )


def _unusable_values(context: CheckContext, path: Segments, mapping: dict[Any, Any]) -> Iterator[Finding]:
    severity = Severity.ERROR if context.is_built(path) else Severity.WARNING
    positional, flag = mapping.get(ARGUMENTS), mapping.get(DISABLED)
    if TARGET in mapping and positional is not None and not positional.is_list and not _is_later(positional.value):
        message = f"{format_path((*path, ARGUMENTS))} must be a list, is {_shown(positional.plain())}"
        fix = "write the arguments in brackets: [1, 2]"
        yield context.finding((*path, ARGUMENTS), message, severity=severity, fix=fix)
    if flag is not None and not _is_later(flag.value) and not _is_truth(flag.value):
        message = f"{format_path((*path, DISABLED))} must be true or false, is {_shown(flag.plain())}"
        yield context.finding((*path, DISABLED), message, severity=severity, expected=("true", "false"))


def _is_later(value: Any) -> bool:
    return is_computed(value) or is_copy(value)


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value)
