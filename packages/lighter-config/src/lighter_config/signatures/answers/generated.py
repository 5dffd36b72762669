"""Constructors that nobody writes: of dataclasses, attrs classes and named tuples."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lighter_config.signatures.text.parameters import FACTORY_DEFAULT, Parameter, ParameterKind, Parameters
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import (
    BuiltinValue,
    ChoiceValue,
    ClassValue,
    ExpressionValue,
    FunctionValue,
    Unclear,
    Value,
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


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    parameter: Parameter
    in_init: bool = True

    @property
    def is_keyword_only(self) -> bool:
        return self.parameter.kind is ParameterKind.KEYWORD_ONLY


@dataclass(frozen=True, slots=True)
class _Maker:
    """The class decorator that generates the constructor, and its options."""

    kind: str
    options: dict[str, ast.expr]
    is_complete: bool

    def flag(self, name: str, default: bool | None = False) -> bool | Unclear | None:
        node = self.options.get(name)
        if node is None:
            return default
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
            return node.value
        return Unclear(f"option {name} is computed")


_ATTRS_MAKERS = {"attr._make.attrs": "attr.s", "attr._next_gen.define": "attrs.define"}
_FIELDS = ("attr._make.attrib", "attr._next_gen.field", "dataclasses.field")


def generated_parameters(library: Library, cls: ClassValue) -> Generated | None:
    """The constructor that a class statement generates; ``None`` when it does not generate one."""
    if any(library.evaluate(base, cls.scope) == BuiltinValue("typing.NamedTuple") for base in cls.node.bases):
        return Generated("__new__", tuple(_named_tuple_fields(cls)))
    maker = _maker(library, cls)
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
    fields: dict[str, _Field] = {}
    num_own = 0
    for base in reversed(order):
        if isinstance(base, ClassValue):
            found = _fields(library, base, maker.kind)
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


def _named_tuple_fields(cls: ClassValue) -> Iterator[Parameter]:
    for statement in cls.node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                default = None if value is None else ast.unparse(value)
                yield Parameter(name, ParameterKind.POSITIONAL_OR_KEYWORD, default, ast.unparse(annotation), cls.module)
            case _:
                pass


def is_maker(library: Library, cls: ClassValue, decorator: ast.expr) -> bool:
    """Return whether a decorator of a class generates its constructor, and leaves the rest of the class alone."""
    return _maker_of(library, cls, decorator) is not None


def _maker(library: Library, cls: ClassValue) -> _Maker | None:
    makers = (_maker_of(library, cls, decorator) for decorator in cls.node.decorator_list)
    return next((maker for maker in makers if maker is not None), None)


def _maker_of(library: Library, cls: ClassValue, decorator: ast.expr) -> _Maker | None:
    options: dict[str, ast.expr] = {}
    is_complete = True
    node = decorator
    if isinstance(node, ast.Call):
        options = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        is_complete = not node.args and len(options) == len(node.keywords)
        node = node.func
    value = library.evaluate(node, cls.scope)
    match value:
        # attrs.frozen and attr.dataclass are partials of the makers
        case ExpressionValue(node=ast.Call(args=[inner]) as partial, scope=scope) if library.evaluate(
            partial.func, scope
        ) == BuiltinValue("functools.partial"):
            options = {**{keyword.arg: keyword.value for keyword in partial.keywords if keyword.arg}, **options}
            value = library.evaluate(inner, scope)
        case _:
            pass
    if isinstance(value, FunctionValue):
        if value.name == "dataclasses.dataclass":
            return _Maker("dataclass", options, is_complete)
        if value.name in _ATTRS_MAKERS:
            return _Maker(_ATTRS_MAKERS[value.name], options, is_complete)
    return None


def _fields(library: Library, cls: ClassValue, kind: str) -> list[_Field] | Unclear:
    maker = _maker(library, cls)
    if maker is None or (maker.kind == "dataclass") != (kind == "dataclass"):
        return []
    if not maker.is_complete or "these" in maker.options or "field_transformer" in maker.options:
        return Unclear(f"the options of {maker.kind} on {cls.name} are not written out")
    kw_only = maker.flag("kw_only")
    if isinstance(kw_only, Unclear):
        return kw_only
    if any(isinstance(part, ast.AnnAssign) for statement in cls.node.body for part in _nested(statement)):
        return Unclear(f"{cls.name} has fields that depend on a condition")
    reader = _dataclass_field if maker.kind == "dataclass" else _attrs_field
    fields: list[_Field] = []
    only_annotated = maker.kind == "dataclass" or _uses_annotations(library, cls, maker)
    annotation: ast.expr | None
    for statement in cls.node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.expr() as annotation, value=value):
                special = _special_annotation(library, annotation, cls)
                if special == "KW_ONLY":
                    kw_only = True
                    continue
                if special == "ClassVar":
                    continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not only_annotated:
                annotation = None
            case _:
                continue
        call = _field_call(library, value, cls)
        if isinstance(call, Unclear):
            return call
        if call is None and not only_annotated:
            continue
        field = reader(cls, name, annotation, value, call, bool(kw_only))
        if isinstance(field, Unclear):
            return field
        fields.append(field)
    return fields


def _uses_annotations(library: Library, cls: ClassValue, maker: _Maker) -> bool:
    """Return whether attrs takes every annotated name as a field, or only those made with ``field()``."""
    option = maker.flag("auto_attribs", None if maker.kind == "attrs.define" else False)
    if isinstance(option, bool):
        return option
    return not any(
        isinstance(statement, ast.Assign) and _field_call(library, statement.value, cls) is not None
        for statement in cls.node.body
    )


def _field_call(library: Library, value: ast.expr | None, cls: ClassValue) -> ast.Call | Unclear | None:
    """The call of ``field()`` that the value of a field comes to; ``None`` when it is a value like any other."""
    found = None if value is None else library.evaluate(value, cls.scope)
    for option in found.options if isinstance(found, ChoiceValue) else (found,):
        if isinstance(option, ExpressionValue) and isinstance(option.node, ast.Call) and not _is_factory(option.node):
            callee = library.evaluate(option.node.func, option.scope)
            is_field = isinstance(callee, FunctionValue) and callee.name in _FIELDS
            if is_field and option is found and option.scope.module == cls.module:
                return option.node
            if is_field or not isinstance(callee, (ClassValue, BuiltinValue)):
                return Unclear(f"a field of {cls.name} may be made by {ast.unparse(option.node.func)}(...)")
    return None


def _special_annotation(library: Library, annotation: ast.expr, cls: ClassValue) -> str:
    """``ClassVar`` or ``KW_ONLY`` when the annotation says that this is no ordinary field."""
    node: ast.expr = annotation
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return ""
    if isinstance(node, ast.Subscript):
        node = node.value
    value: Value = library.evaluate(node, cls.scope)
    if value == BuiltinValue("typing.ClassVar"):
        return "ClassVar"
    return "KW_ONLY" if ast.unparse(node).rpartition(".")[2] == "KW_ONLY" else ""


def _dataclass_field(
    cls: ClassValue,
    name: str,
    annotation: ast.expr | None,
    value: ast.expr | None,
    call: ast.Call | None,
    kw_only: bool,
) -> _Field | Unclear:
    parameter = _parameter(cls, name, annotation, kw_only)
    if call is not None:
        return _field_from_call(cls, name, parameter, call, factory="default_factory")
    return _Field(name, parameter if value is None else replace(parameter, default=ast.unparse(value)))


def _attrs_field(
    cls: ClassValue,
    name: str,
    annotation: ast.expr | None,
    value: ast.expr | None,
    call: ast.Call | None,
    kw_only: bool,
) -> _Field | Unclear:
    parameter = _parameter(cls, name.lstrip("_"), annotation, kw_only)
    if call is not None:
        if _has_default_method(cls, name):
            parameter = replace(parameter, default=FACTORY_DEFAULT)
        return _field_from_call(cls, name, parameter, call, factory="factory")
    if value is None:
        return _Field(name, parameter)
    return _Field(name, replace(parameter, default=FACTORY_DEFAULT if _is_factory(value) else ast.unparse(value)))


def _parameter(cls: ClassValue, name: str, annotation: ast.expr | None, kw_only: bool) -> Parameter:
    return Parameter(
        name,
        ParameterKind.KEYWORD_ONLY if kw_only else ParameterKind.POSITIONAL_OR_KEYWORD,
        None,
        None if annotation is None else ast.unparse(annotation),
        cls.module,
    )


def _field_from_call(
    cls: ClassValue, name: str, parameter: Parameter, call: ast.Call, *, factory: str
) -> _Field | Unclear:
    unclear = Unclear(f"the field {cls.name}.{name} is not written out")
    in_init = True
    if len(call.args) > 1 or any(keyword.arg is None for keyword in call.keywords):
        return unclear
    if call.args:
        parameter = replace(parameter, default=ast.unparse(call.args[0]))
    for keyword in call.keywords:
        match keyword.arg, keyword.value:
            case "default", value:
                parameter = replace(parameter, default=FACTORY_DEFAULT if _is_factory(value) else ast.unparse(value))
            case ("default_factory" | "factory") as given, _ if given == factory:
                parameter = replace(parameter, default=FACTORY_DEFAULT)
            case "alias", ast.Constant(value=str(alias)):
                parameter = replace(parameter, name=alias)
            case "init", ast.Constant(value=bool(flag)):
                in_init = flag
            case "kw_only", ast.Constant(value=bool(flag)):
                kind = ParameterKind.KEYWORD_ONLY if flag else ParameterKind.POSITIONAL_OR_KEYWORD
                parameter = replace(parameter, kind=kind)
            case (("init" | "kw_only" | "alias"), _):
                return unclear
            case _:
                pass
    return _Field(name, parameter, in_init)


def _is_factory(value: ast.expr) -> bool:
    """Return whether a value is ``attrs.Factory(...)``."""
    return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "Factory"


def _has_default_method(cls: ClassValue, name: str) -> bool:
    """Return whether ``@name.default`` decorates a method of the class."""
    return any(
        ast.unparse(decorator) == f"{name}.default"
        for statement in cls.node.body
        if isinstance(statement, ast.FunctionDef)
        for decorator in statement.decorator_list
    )


def _nested(statement: ast.stmt) -> list[ast.AST]:
    """What stands inside a statement of a class body, functions and classes aside."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign)):
        return []
    return [node for node in ast.walk(statement) if node is not statement]
