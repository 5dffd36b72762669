"""Constructors that nobody writes: of dataclasses, attrs classes and named tuples."""

import ast
from dataclasses import dataclass

from lighter_config.signatures.answers.fields import Field, maker_of, own_fields
from lighter_config.signatures.namespaces.namespace import Assignment
from lighter_config.signatures.text.parameters import Parameter, ParameterKind, Parameters
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import (
    BuiltinValue,
    ClassValue,
    Unclear,
)


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated constructor.

    Attributes:
        method: ``__init__`` or ``__new__``.
        parameters: What it takes, without the object itself.
    """

    method: str
    parameters: Parameters | Unclear


def generated_parameters(library: Library, cls: ClassValue) -> Generated | None:
    """The constructor that a class statement generates; ``None`` when it does not generate one."""
    if any(library.evaluate(base, cls.scope) == BuiltinValue("typing.NamedTuple") for base in cls.node.bases):
        return Generated("__new__", _named_tuple_fields(library, cls))
    maker = maker_of(library, cls)
    if maker is None:
        return None
    if not maker.is_complete:
        return Generated("__init__", Unclear(f"the options of {maker.kind} are not written out"))
    init = maker.flag("init", True)
    if isinstance(init, Unclear):
        return Generated("__init__", init)
    if init is False or (init is None and "__init__" in library.classes.body(cls).names):
        return None
    order = library.classes.mro(cls)
    assert not isinstance(order, Unclear)  # it was asked for the class whose order has this one
    fields: dict[str, Field] = {}
    num_own = 0
    for base in reversed(order):
        if isinstance(base, ClassValue):
            found = own_fields(library, base, maker.kind)
            if isinstance(found, Unclear):
                return Generated("__init__", found)
            for field in found:
                if maker.kind != "dataclass":
                    fields.pop(field.name, None)  # attrs moves an overridden field to the end
                fields[field.name] = field
            num_own = len(found)  # the class itself comes last
    if maker.kind != "dataclass" and maker.flag("kw_only") is not False and len(fields) != num_own:
        return Generated(
            "__init__", Unclear("whether inherited fields are keyword-only depends on the version of attrs")
        )
    used = [field for field in fields.values() if field.in_init]
    positional = [field.parameter for field in used if not field.is_keyword_only]
    keyword_only = [field.parameter for field in used if field.is_keyword_only]
    return Generated("__init__", (*positional, *keyword_only))


def named_tuple_parameters(call: ast.Call, module: str) -> Parameters | Unclear:
    """The parameters of ``namedtuple("P", "x y")`` or ``NamedTuple("P", [("x", int)])``."""
    unclear = Unclear("a named tuple whose fields are computed")
    if len(call.args) != 2:
        return unclear
    defaults: list[str | None] = []
    for keyword in call.keywords:
        if keyword.arg == "defaults" and isinstance(keyword.value, (ast.Tuple, ast.List)):
            if any(isinstance(item, ast.Starred) for item in keyword.value.elts):
                return unclear
            defaults = [ast.unparse(item) for item in keyword.value.elts]
        elif keyword.arg != "module":
            return unclear
    try:
        fields = ast.literal_eval(call.args[1])
    except ValueError:
        pairs = call.args[1]
        if not isinstance(pairs, (ast.List, ast.Tuple)):
            return unclear
        fields = []
        for pair in pairs.elts:
            match pair:
                case ast.Tuple(elts=[ast.Constant(value=str(name)), _]):
                    fields.append(name)
                case _:
                    return unclear
    names = fields.replace(",", " ").split() if isinstance(fields, str) else fields
    if (
        not isinstance(names, (list, tuple))
        or not all(isinstance(name, str) for name in names)
        or len(defaults) > len(names)
    ):
        return unclear
    padded = [*[None] * (len(names) - len(defaults)), *defaults]
    return tuple(
        Parameter(name, ParameterKind.POSITIONAL_OR_KEYWORD, default, None, module)
        for name, default in zip(names, padded, strict=True)
    )


def _named_tuple_fields(library: Library, cls: ClassValue) -> Parameters | Unclear:
    """The fields of a class statement, each with what its name is bound to at the end as default."""
    fields: dict[str, Parameter] = {}
    for statement in cls.node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                bound = library.classes.body(cls).candidates(name)
                value = bound[0].value if len(bound) == 1 and isinstance(bound[0], Assignment) else None
                if bound and value is None:
                    return Unclear(f"{cls.name}.{name} is bound anew after its field")
                default = None if value is None else ast.unparse(value)
                kind = ParameterKind.POSITIONAL_OR_KEYWORD
                fields[name] = Parameter(name, kind, default, ast.unparse(annotation), cls.module)
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While() | ast.Match():
                if any(isinstance(part, ast.AnnAssign) for part in ast.walk(statement)):
                    return Unclear(f"{cls.name} has fields that depend on a condition")
            case _:
                pass
    return tuple(fields.values())
