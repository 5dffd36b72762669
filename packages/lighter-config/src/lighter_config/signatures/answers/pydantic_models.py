"""What models of pydantic 2 take: each field by its name or alias, as ``pydantic._internal._signature`` says it."""

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.function_bodies import own_nodes
from lighter_config.signatures.text.parameters import FACTORY_DEFAULT, Parameter, ParameterKind, Parameters
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import (
    BuiltinValue,
    ChoiceValue,
    ClassValue,
    ConstantValue,
    ExpressionValue,
    FunctionValue,
    ModuleValue,
    Scope,
    Unclear,
)

BASE_MODEL = "pydantic.main.BaseModel"
_FIELD = "pydantic.fields.Field"
_OWN_WAYS = frozenset({"__init__", "__new__", "__init_subclass__", "__signature__", "__get_pydantic_core_schema__"})
_CONFIG_CALLS = ("ConfigDict", "SettingsConfigDict", "dict")
_TELLING = ("extra", "alias_generator", "populate_by_name", "validate_by_alias", "validate_by_name")
_PLAIN_BASES = ("abc.ABC", "builtins.object", "typing.Generic", "typing.Protocol")


class _UnclearError(Exception):
    """The text does not tell it."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes.

    Attributes:
        parameters: One keyword for each field, and one for all others if the model keeps them.
        is_exact: Whether what no parameter takes is certainly refused.
    """

    parameters: Parameters
    is_exact: bool


@dataclass(slots=True)
class _Field:
    """A field as far as it is written: its default's text, and the name that it is given by."""

    module: str
    annotation: ast.expr
    default: str | None = None
    alias: str = ""
    validation_alias: str = ""
    is_told_elsewhere: bool = False


def is_model(order: Sequence[ClassValue | BuiltinValue]) -> bool:
    """Return whether a class with these bases is a model of pydantic 2, other than their base itself."""
    return any(base.name == BASE_MODEL for base in order[1:])


def read_model(library: Library, cls: ClassValue, order: Sequence[ClassValue | BuiltinValue]) -> Model | Unclear:
    """Read what a model takes.

    Args:
        library: Says what names and expressions stand for.
        cls: A model.
        order: The order of its bases, the class first.
    """
    bases = [base for base in order if base.name != BASE_MODEL]
    fields: dict[str, _Field] = {}
    try:
        for base in reversed(bases):
            if isinstance(base, ClassValue):
                _add_fields(library, base, fields)
            elif base.name not in _PLAIN_BASES:
                raise _UnclearError(f"{cls.name} derives from {base.name}")
        config = _config(library, cls)
    except _UnclearError as error:
        return Unclear(str(error))
    parameters = [_parameter(name, field) for name, field in fields.items()]
    if len({parameter.name for parameter in parameters}) != len(parameters):
        return Unclear(f"two fields of {cls.name} have one alias")
    if config.get("extra") == "allow":
        name = "extra_data"
        while name in fields or name in (parameter.name for parameter in parameters):
            name += "_"
        parameters.append(Parameter(name, ParameterKind.VAR_KEYWORD, None, None, cls.module))
    is_exact = config.get("extra") == "forbid" and not any(_may_take_more(one) for one in fields.values())
    return Model(tuple(parameters), is_exact and not any(_validates_before(base) for base in bases))


def _add_fields(library: Library, cls: ClassValue, fields: dict[str, _Field]) -> None:
    body = library.classes.body(cls)
    if found := next((name for name in body.names if name in _OWN_WAYS), None):
        raise _UnclearError(f"{cls.name} has a {found} of its own")
    if any(keyword.arg in (None, "metaclass") for keyword in cls.node.keywords):
        raise _UnclearError(f"{cls.name} may have a metaclass of its own")
    is_of_model = _derives_from_model(library, cls)
    for statement in cls.node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                if name.startswith("_") or name == "model_config" or _is_class_variable(library, annotation, cls):
                    continue
                if not is_of_model or (value is None and len(body.candidates(name)) > 0):
                    raise _UnclearError(f"the field {cls.name}.{name} is not written out")
                fields[name] = _field(library, cls, name, annotation, value)
            case ast.Assign(targets=targets) if any(last_name(target) in fields for target in targets):
                raise _UnclearError(f"{cls.name} binds a field anew")
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if statement.name in fields or statement.name == "Config":
                    raise _UnclearError(f"{cls.name}.{statement.name} changes the model")
            case ast.If() | ast.Try() | ast.With() | ast.For():
                if any(isinstance(node, ast.AnnAssign) for node in own_nodes(statement)):
                    raise _UnclearError(f"{cls.name} has fields that depend on a condition")
            case _:
                pass


def _derives_from_model(library: Library, cls: ClassValue) -> bool:
    order = library.classes.mro(cls)
    return not isinstance(order, Unclear) and is_model(order)


def _field(library: Library, cls: ClassValue, name: str, annotation: ast.expr, value: ast.expr | None) -> _Field:
    field = _Field(cls.module, annotation)
    _read_annotation(library, annotation, cls.scope, field, 0)
    if value is None:
        return field
    found = library.evaluate(value, cls.scope)
    for option in found.options if isinstance(found, ChoiceValue) else (found,):
        if isinstance(option, ExpressionValue) and isinstance(option.node, ast.Call):
            callee = library.evaluate(option.node.func, option.scope)
            if isinstance(callee, FunctionValue) and callee.name == _FIELD and option is found:
                _read_call(library, option.node, option.scope, field)
                return field
            if not isinstance(callee, (ClassValue, BuiltinValue)) and not _is_of_python(library, option):
                raise _UnclearError(f"the field {cls.name}.{name} may be made by {ast.unparse(option.node.func)}(...)")
        elif not isinstance(option, (ExpressionValue, ConstantValue, ClassValue, FunctionValue, BuiltinValue)):
            holder = library.evaluate(value.value, cls.scope) if isinstance(value, ast.Attribute) else None
            if not isinstance(holder, ClassValue):  # of which it is a member, as of an enum
                raise _UnclearError(f"the default of {cls.name}.{name} is not known")
    field.default = None if isinstance(value, ast.Constant) and value.value is ... else ast.unparse(value)
    return field


def _is_of_python(library: Library, call: ExpressionValue) -> bool:
    """Return whether a call is one of a function in a module of Python, which makes no field."""
    match call.node:
        case ast.Call(func=ast.Attribute(value=holder)):
            module = library.evaluate(holder, call.scope)
            return isinstance(module, ModuleValue) and module.name.partition(".")[0] in sys.stdlib_module_names
        case _:
            return False


def _read_annotation(library: Library, node: ast.expr, scope: Scope, field: _Field, depth: int) -> None:
    """Read ``Annotated[T, Field(alias="x")]``, also behind a name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError as error:
            raise _UnclearError("an annotation is not an expression") from error
    value = library.evaluate(node, scope)
    if not isinstance(value, ExpressionValue) or not isinstance(value.node, ast.Subscript) or depth > 9:
        return
    base = library.evaluate(value.node.value, value.scope)
    if base == BuiltinValue("typing.Final"):
        raise _UnclearError("a field is final")
    if base != BuiltinValue("typing.Annotated") or not isinstance(value.node.slice, ast.Tuple):
        return
    inner, *metadata = value.node.slice.elts
    _read_annotation(library, inner, value.scope, field, depth + 1)
    for one in metadata:
        found = library.evaluate(one, value.scope)
        if isinstance(found, ExpressionValue) and isinstance(found.node, ast.Call):
            callee = library.evaluate(found.node.func, found.scope)
            if isinstance(callee, FunctionValue) and callee.name == _FIELD:
                _read_call(library, found.node, found.scope, field)
            elif not isinstance(callee, (ClassValue, BuiltinValue)):
                raise _UnclearError(f"the metadata {ast.unparse(one)} of a field is not known")


def _read_call(library: Library, call: ast.Call, scope: Scope, field: _Field) -> None:
    """Read ``Field(default, alias=...)``."""
    if len(call.args) > 1 or any(isinstance(one, ast.Starred) for one in call.args):
        raise _UnclearError("a field is not written out")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in given or "init" in given:
        raise _UnclearError("a field is not written out")
    default = call.args[0] if call.args else given.get("default")
    if default is not None and last_name(default) in ("PydanticUndefined", "Undefined"):
        raise _UnclearError("a field is not written out")
    if default is not None and not (isinstance(default, ast.Constant) and default.value is ...):
        is_near = scope.module == field.module
        field.default = ast.unparse(default) if is_near or isinstance(default, ast.Constant) else FACTORY_DEFAULT
    if "default_factory" in given:
        field.default = FACTORY_DEFAULT
    for name in ("alias", "validation_alias"):
        match library.evaluate(given[name], scope) if name in given else None:
            case None | ConstantValue(value=None):
                pass
            case ConstantValue(value=str(alias)) if alias.isidentifier():
                setattr(field, name, alias)
            case ConstantValue():
                field.is_told_elsewhere = True
            case ExpressionValue(node=ast.Call(func=func)) if last_name(func) in ("AliasChoices", "AliasPath"):
                field.is_told_elsewhere = True
            case _:
                raise _UnclearError("an alias of a field is computed")


def _parameter(name: str, field: _Field) -> Parameter:
    name = field.alias or field.validation_alias or name
    return Parameter(name, ParameterKind.KEYWORD_ONLY, field.default, ast.unparse(field.annotation), field.module)


def _may_take_more(field: _Field) -> bool:
    """Return whether a field may be given by another name, too."""
    return bool(field.alias or field.validation_alias or field.is_told_elsewhere)


def _validates_before(base: ClassValue | BuiltinValue) -> bool:
    """Return whether a class looks at what it is given as a whole, and may take out more than its fields."""
    return isinstance(base, ClassValue) and any(
        last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        in ("model_validator", "root_validator")
        and "after" not in ast.unparse(decorator)
        for statement in base.node.body
        if isinstance(statement, ast.FunctionDef)
        for decorator in statement.decorator_list
    )


def _is_class_variable(library: Library, annotation: ast.expr, cls: ClassValue) -> bool:
    node = annotation
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("typing.", "").startswith("ClassVar")
    if isinstance(node, ast.Subscript):
        node = node.value
    return library.evaluate(node, cls.scope) == BuiltinValue("typing.ClassVar")


def _config(library: Library, cls: ClassValue) -> dict[str, object]:
    """The settings of a model that decide on what it takes: those of its bases, its own, and those of its statement."""
    config: dict[str, object] = {}
    for node in cls.node.bases:
        base = library.classes.unsubscripted(library.evaluate(node, cls.scope))
        if isinstance(base, ClassValue) and base.name != BASE_MODEL:
            config.update(_config(library, base))
    for statement in cls.node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="model_config")], value=value)
                | ast.AnnAssign(target=ast.Name(id="model_config"), value=ast.expr() as value)
            ):
                config.update(_settings(value, cls))
            case _:
                pass
    config.update(_telling({str(keyword.arg): keyword.value for keyword in cls.node.keywords}, cls))
    if config.get("alias_generator") or config.get("validate_by_alias") is False:
        raise _UnclearError(f"{cls.name} makes the names of its fields")
    return config


def _settings(value: ast.expr, cls: ClassValue) -> dict[str, object]:
    match value:
        case ast.Call(func=func, args=[], keywords=keywords) if last_name(func) in _CONFIG_CALLS:
            given = {str(keyword.arg): keyword.value for keyword in keywords}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            given = {str(key.value) if isinstance(key, ast.Constant) else "None": one for key, one in pairs}
        case _:
            raise _UnclearError(f"the settings of {cls.name} are computed")
    if "None" in given:
        raise _UnclearError(f"the settings of {cls.name} are computed")
    return _telling(given, cls)


def _telling(given: dict[str, ast.expr], cls: ClassValue) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in _TELLING:
        value = given.get(name)
        if value is not None and not isinstance(value, ast.Constant):
            raise _UnclearError(f"the setting {name} of {cls.name} is computed")
        if value is not None:
            found[name] = value.value
    return found
