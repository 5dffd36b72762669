"""The parameters of a callable, as written in its source."""

import ast
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class ParameterKind(StrEnum):
    """How an argument reaches a parameter; the names of ``inspect.Parameter``, in the order they are written."""

    POSITIONAL_ONLY = "POSITIONAL_ONLY"
    POSITIONAL_OR_KEYWORD = "POSITIONAL_OR_KEYWORD"
    VAR_POSITIONAL = "VAR_POSITIONAL"
    KEYWORD_ONLY = "KEYWORD_ONLY"
    VAR_KEYWORD = "VAR_KEYWORD"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: As written, without ``*``.
        kind: How an argument reaches it.
        default: The default's source text; ``None`` when there is none. ``<factory>`` for a dataclass field that
            calls something for each object.
        annotation: The annotation's source text; ``None`` when there is none.
        module: The module whose names the default and the annotation use.
    """

    name: str
    kind: ParameterKind
    default: str | None = None
    annotation: str | None = None
    module: str = ""

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is None and self.kind not in (ParameterKind.VAR_POSITIONAL, ParameterKind.VAR_KEYWORD)

    @property
    def accepts_keyword(self) -> bool:
        """Whether ``name=value`` reaches it."""
        return self.kind in (ParameterKind.POSITIONAL_OR_KEYWORD, ParameterKind.KEYWORD_ONLY)

    @property
    def accepts_position(self) -> bool:
        """Whether one positional argument reaches it."""
        return self.kind in (ParameterKind.POSITIONAL_ONLY, ParameterKind.POSITIONAL_OR_KEYWORD)


Parameters = tuple[Parameter, ...]

FACTORY_DEFAULT = "<factory>"


def read_parameters(arguments: ast.arguments, module: str, *, owner: str = "") -> Parameters:
    """Read the parameters of one ``def`` or ``lambda``.

    Args:
        arguments: Its syntax.
        module: The module it is written in.
        owner: The class around it, whose name mangles parameters such as ``__x``.

    >>> function = ast.parse("def f(a, /, b: int = 1, *, c=None, **rest): ...").body[0]
    >>> [(p.name, p.kind.value, p.default) for p in read_parameters(function.args, "m")][1]
    ('b', 'POSITIONAL_OR_KEYWORD', '1')
    """
    return tuple(_read(arguments, module, owner))


def mangled(name: str, owner: str) -> str:
    """The name that ``__x`` has inside a class; empty ``owner`` outside of classes."""
    is_private = owner.strip("_") and name.startswith("__") and not name.endswith("__")
    return f"_{owner.lstrip('_')}{name}" if is_private else name


def _read(arguments: ast.arguments, module: str, owner: str) -> Iterator[Parameter]:
    def parameter(node: ast.arg, kind: ParameterKind, default: ast.expr | None = None) -> Parameter:
        return Parameter(
            mangled(node.arg, owner),
            kind,
            None if default is None else ast.unparse(default),
            None if node.annotation is None else ast.unparse(node.annotation),
            module,
        )

    positional = [
        *((node, ParameterKind.POSITIONAL_ONLY) for node in arguments.posonlyargs),
        *((node, ParameterKind.POSITIONAL_OR_KEYWORD) for node in arguments.args),
    ]
    without_default = len(positional) - len(arguments.defaults)
    for index, (node, kind) in enumerate(positional):
        yield parameter(node, kind, arguments.defaults[index - without_default] if index >= without_default else None)
    if arguments.vararg is not None:
        yield parameter(arguments.vararg, ParameterKind.VAR_POSITIONAL)
    for node, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield parameter(node, ParameterKind.KEYWORD_ONLY, default)
    if arguments.kwarg is not None:
        yield parameter(arguments.kwarg, ParameterKind.VAR_KEYWORD)


def without_first(parameters: Parameters) -> Parameters | None:
    """Drop the parameter that binding fills (``self``, ``cls``); ``None`` when there is none to fill."""
    if not parameters or parameters[0].kind in (ParameterKind.KEYWORD_ONLY, ParameterKind.VAR_KEYWORD):
        return None
    return parameters if parameters[0].kind is ParameterKind.VAR_POSITIONAL else parameters[1:]


def partially_applied(
    parameters: Parameters, left_open: Sequence[bool], keywords: Sequence[tuple[str, str]]
) -> Parameters | None:
    """Apply positional and keyword arguments as ``functools.partial`` does; ``None`` when they do not fit.

    A parameter given by keyword stays, with that value as its default, and from there on everything is keyword-only.

    Args:
        parameters: What the function takes.
        left_open: For each positional argument, whether it is a ``functools.Placeholder``: then the parameter stays. It
            is required, and takes an argument by its place only.
        keywords: The names and texts of the keyword arguments.
    """
    given = dict(keywords)
    places = deque(left_open)
    if left_open and left_open[-1]:
        return None  # which is an error
    result: list[Parameter] = []
    is_keyword_only = False
    for parameter in parameters:
        if parameter.accepts_position and places:
            if parameter.name in given and parameter.accepts_keyword:
                return None
            if places.popleft():
                result.append(replace(parameter, kind=ParameterKind.POSITIONAL_ONLY, default=None))
            continue
        if parameter.kind is ParameterKind.VAR_POSITIONAL:
            if any(places):
                return None
            places.clear()
            if not is_keyword_only:
                result.append(parameter)
            continue
        if parameter.accepts_keyword and parameter.name in given:
            is_keyword_only = True
            result.append(replace(parameter, kind=ParameterKind.KEYWORD_ONLY, default=given.pop(parameter.name)))
        elif is_keyword_only and parameter.kind is ParameterKind.POSITIONAL_OR_KEYWORD:
            result.append(replace(parameter, kind=ParameterKind.KEYWORD_ONLY))
        elif parameter.kind is ParameterKind.VAR_KEYWORD:
            given.clear()
            result.append(parameter)
        else:
            result.append(parameter)
    return None if places or given else tuple(result)
