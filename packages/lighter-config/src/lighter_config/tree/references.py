"""References and expressions in text: ``@path``, ``%path``, ``$expression``.

Finding them needs no tree and evaluates nothing.
"""

import re
from functools import lru_cache
from typing import Any, Literal

from lighter_config.errors import ReferenceNotFoundError
from lighter_config.findings import Finding
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.node import Segments
from lighter_config.tree.paths import format_path, format_segment
from lighter_config.tree.reference_syntax import DEFAULT_MARK, Reference, reference_in
from lighter_config.tree.scalars import scalar

_FILE = re.compile(r"(?P<file>.+?\.ya?ml)(?:::(?P<path>.*))?", re.DOTALL)
INTERPOLATION = re.compile(r"\$\{([A-Za-z_][\w.]*(?::[^}]{0,1000})?)\}")
"""The ``${name}`` and ``${resolver:argument}`` of other tools."""
_ESCAPED = re.compile(r"\\+[@%$]")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def is_copy(value: Any) -> bool:
    """Return whether a value of a config is a ``%`` reference, to be replaced by a copy of its target.

    >>> is_copy("%system::model"), is_copy("50 %"), is_copy("%")
    (True, False, False)
    """
    return type(value) is str and value[:1] == "%" and len(value) > 1


def is_literal(value: Any) -> bool:
    """Return whether a value is text as it is written, without references and expressions."""
    return isinstance(value, str) and not is_computed(value) and not is_copy(value)


def is_reference(value: Any) -> bool:
    """Return whether a leaf is an ``@`` reference."""
    return type(value) is str and value[:1] == "@" and len(value) > 1


def is_expression(value: Any) -> bool:
    """Return whether a leaf is a ``$`` expression; the ``${name}`` of other tools is text.

    >>> is_expression("$1 + 1"), is_expression("${name}"), is_expression('${"a": 1}')
    (True, False, True)
    """
    return type(value) is str and value[:1] == "$" and len(value) > 1 and not is_interpolation(value)


def is_interpolation(value: str) -> bool:
    """Return whether text is the ``${name}`` of other tools.

    >>> [is_interpolation(text) for text in ("${name}", "${oc.env:HOME}", "${a.b}/c", '${"a": 1}')]
    [True, True, True, False]
    """
    return value[:2] == "${" and INTERPOLATION.match(value) is not None


def is_computed(value: Any) -> bool:
    """Return whether a value is known only when the config is built: an ``@`` reference or a ``$`` expression.

    >>> is_computed("@system::model"), is_computed("$1 + 1"), is_computed("%vars::lr"), is_computed(3)
    (True, True, False, False)
    """
    return is_reference(value) or is_expression(value)


def literal_text(value: str) -> str:
    r"""Return text without the backslash that keeps it from being a reference.

    >>> literal_text(r"\%Y-%m"), literal_text(r"C:\temp")
    ('%Y-%m', 'C:\\temp')
    """
    return value[1:] if value[:1] == "\\" and _ESCAPED.match(value) else value


@lru_cache(maxsize=50_000)
def find_references(value: str) -> tuple[Reference, ...]:
    """Find the references in one text: the whole of ``@path`` or ``%path``, or those inside a ``$`` expression.

    Raises:
        ReferenceNotFoundError: The text is a reference whose path cannot be read.
        ExpressionError: The expression ends in the middle of a string or a reference.

    >>> [str(reference) for reference in find_references("$@a::b + len(%c)")]
    ['@a::b', '%c']
    >>> find_references("plain @text")
    ()
    """
    if is_copy(value) or is_reference(value):
        return (_whole_reference(value),)
    if is_expression(value):
        return parse_expression(value).references
    return ()


def _whole_reference(value: str) -> Reference:
    kind: Literal["@", "%"] = value[0]  # type: ignore[assignment]
    text, file = value[1:], ""
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1]
    named, mark, default = text.partition(DEFAULT_MARK)
    if kind == "%" and (match := _FILE.fullmatch(named)):
        file, text = match["file"], (match["path"] or "") + mark + default
        if not match["path"]:
            return Reference(kind, (), 0, file, 0, len(value))
    return reference_in(kind, text, 0, len(value), value, file=file)


def default_of(reference: Reference) -> Any:
    """Return the value of a reference that leads nowhere, read as one scalar of YAML.

    >>> [default_of(find_references(text)[0]) for text in ("@vars::lr?1e-3", "@a?", "@a?null", "@a?[1, 2]")]
    [0.001, '', None, '[1, 2]']
    """
    return scalar(reference.default) if reference.default else reference.default


def absolute_path(reference: Reference, at: Segments) -> Segments:
    """Return the absolute path that a reference in a text at the path ``at`` refers to.

    Raises:
        ReferenceNotFoundError: A relative reference starts above the root.

    >>> absolute_path(find_references("@::lr")[0], ("model", "optimizer", "weight_decay"))
    ('model', 'optimizer', 'lr')
    >>> absolute_path(find_references("@::::lr")[0], ("model", "optimizer", "weight_decay"))
    ('model', 'lr')
    """
    if not reference.levels:
        return reference.path
    if reference.levels > len(at):
        message = f"{reference} starts {reference.levels} levels up, above the root"
        raise ReferenceNotFoundError(Finding(message=message, path=format_path(at)))
    return (*at[: len(at) - reference.levels], *reference.path)


def written(reference: Reference, path: Segments, *, in_expression: bool) -> str:
    """Write a reference to another absolute path in the form that its text needs."""
    text = format_path(path)
    if reference.default is not None:
        text += DEFAULT_MARK + reference.default
        return f"{reference.kind}{{{text}}}" if in_expression else f"{reference.kind}{text}"
    plain = all(type(segment) is int or _IDENTIFIER.fullmatch(format_segment(segment)) for segment in path)
    if in_expression and not (plain and path and type(path[0]) is str):
        return f"{reference.kind}{{{text}}}"
    return f"{reference.kind}{text}"
