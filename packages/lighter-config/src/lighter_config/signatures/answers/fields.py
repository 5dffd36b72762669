"""The fields of dataclasses and attrs classes, and the decorators that make constructors of them."""

import ast
from dataclasses import dataclass, replace

from lighter_config.signatures.answers.keeping import MAKERS
from lighter_config.signatures.answers.subclass_hooks import making_hook
from lighter_config.signatures.namespaces.namespace import Assignment
from lighter_config.signatures.text.function_bodies import own_nodes
from lighter_config.signatures.text.parameters import FACTORY_DEFAULT, Parameter, ParameterKind, mangled
from lighter_config.signatures.values.class_order import python_type
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
class Field:
    """One field of a dataclass or an attrs class.

    Attributes:
        name: Its name in the class.
        parameter: What the constructor takes for it.
        in_init: Whether the constructor takes it.
    """

    name: str
    parameter: Parameter
    in_init: bool = True

    @property
    def is_keyword_only(self) -> bool:
        """Whether the constructor takes it by keyword alone."""
        return self.parameter.kind is ParameterKind.KEYWORD_ONLY


@dataclass(frozen=True, slots=True)
class Maker:
    """What generates a constructor, and its options.

    Attributes:
        kind: ``dataclass``, ``attr.s`` or ``attrs.define``.
        options: The options that are given by keyword.
        is_complete: Whether there are no others.
        changed: The attributes that the class gets before its fields are read.
    """

    kind: str
    options: dict[str, ast.expr]
    is_complete: bool
    changed: frozenset[str] = frozenset()

    def flag(self, name: str, default: bool | None = False) -> bool | Unclear | None:
        """Return the value of an option that is ``True``, ``False`` or ``None``."""
        node = self.options.get(name)
        if node is None:
            return default
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
            return node.value
        return Unclear(f"option {name} is computed")


_FIELDS = ("attr._make.attrib", "attr._next_gen.field", "dataclasses.field")


def is_maker(library: Library, cls: ClassValue, decorator: ast.expr) -> bool:
    """Return whether a decorator of a class generates its constructor, and leaves the rest of the class alone."""
    return _maker_of(library, cls, decorator) is not None


def maker_of(library: Library, cls: ClassValue) -> Maker | None:
    """Return what generates the constructor of a class; ``None`` if its statements do not say so."""
    makers = (_maker_of(library, cls, decorator) for decorator in cls.node.decorator_list)
    maker = next((maker for maker in makers if maker is not None), None)
    hook = making_hook(library, cls)
    if hook is None:
        return maker
    # one dataclass over another finds the fields without what was written for them
    return Maker("dataclass", hook.options, is_complete=maker is None, changed=hook.changed)


def _maker_of(library: Library, cls: ClassValue, decorator: ast.expr) -> Maker | None:
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
    if isinstance(value, FunctionValue) and value.name in MAKERS:
        return Maker(MAKERS[value.name], options, is_complete)
    return None


def own_fields(library: Library, cls: ClassValue, kind: str) -> list[Field] | Unclear:
    """Return the fields that the statements of a class add, if a maker of this kind generates its constructor."""
    maker = maker_of(library, cls)
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
    fields: list[Field] = []
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
        last = library.classes.body(cls).candidates(name)
        is_last = len(last) == 1 and isinstance(last[0], Assignment) and last[0].value is value
        if maker.kind == "dataclass" and value is not None and not is_last:
            return Unclear(f"{cls.name}.{name} is bound anew after its field")
        if name in maker.changed:
            return Unclear(f"the default of {cls.name}.{name} is changed before it is read")
        call = _field_call(library, value, cls)
        if isinstance(call, Unclear):
            return call
        if call is None and not only_annotated:
            continue
        field = reader(cls, name, annotation, value, call, bool(kw_only))
        if maker.kind == "dataclass" and value is None and not isinstance(field, Unclear):
            inherited = _inherited_default(library, cls, name)
            if isinstance(inherited, Unclear):
                return inherited
            field = replace(field, parameter=replace(field.parameter, default=inherited))
        if isinstance(field, Unclear):
            return field
        fields.append(field)
    return fields


def _inherited_default(library: Library, cls: ClassValue, name: str) -> str | Unclear | None:
    """Return the text of the default that a field without one gets: the attribute of that name which its class has."""
    order = library.classes.mro(cls)
    for base in () if isinstance(order, Unclear) else order:
        unclear = Unclear(f"the default of {cls.name}.{name} is what {base.name} has under that name")
        if isinstance(base, BuiltinValue):
            if base.name != "builtins.object" and hasattr(python_type(base), name):
                return unclear
            continue
        if any(one in (base.qualname, "*") and attribute == name for one, attribute in library.classes.patches(base)):
            return unclear
        candidates = library.classes.body(base).candidates(name)
        if not candidates:
            continue
        maker = maker_of(library, base) if base != cls else None
        value = candidates[0].value if len(candidates) == 1 and isinstance(candidates[0], Assignment) else None
        if value is None or (maker is not None and (maker.kind != "dataclass" or "slots" in maker.options)):
            return unclear
        call = _field_call(library, value, base)
        if isinstance(call, Unclear):
            return call
        if call is not None:
            value = next((keyword.value for keyword in call.keywords if keyword.arg == "default"), None)
            if value is None:
                continue  # the attribute is removed
        return ast.unparse(value) if base.module == cls.module or isinstance(value, ast.Constant) else unclear
    return None


def _uses_annotations(library: Library, cls: ClassValue, maker: Maker) -> bool:
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
    if value == BuiltinValue("typing.ClassVar") or ast.unparse(node).rpartition(".")[2] == "ClassVar":
        return "ClassVar"
    return "KW_ONLY" if ast.unparse(node).rpartition(".")[2] == "KW_ONLY" else ""


def _dataclass_field(
    cls: ClassValue,
    name: str,
    annotation: ast.expr | None,
    value: ast.expr | None,
    call: ast.Call | None,
    kw_only: bool,
) -> Field | Unclear:
    parameter = _parameter(cls, name, annotation, kw_only)
    if call is not None:
        return _field_from_call(cls, name, parameter, call, factory="default_factory")
    return Field(name, parameter if value is None else replace(parameter, default=_text(cls, value)))


def _attrs_field(
    cls: ClassValue,
    name: str,
    annotation: ast.expr | None,
    value: ast.expr | None,
    call: ast.Call | None,
    kw_only: bool,
) -> Field | Unclear:
    parameter = _parameter(cls, name, annotation, kw_only)
    parameter = replace(parameter, name=parameter.name.lstrip("_"))
    if call is not None:
        if _has_default_method(cls, name):
            parameter = replace(parameter, default=FACTORY_DEFAULT)
        return _field_from_call(cls, name, parameter, call, factory="factory")
    if value is None:
        return Field(name, parameter)
    return Field(name, replace(parameter, default=FACTORY_DEFAULT if _is_factory(value) else _text(cls, value)))


def _parameter(cls: ClassValue, name: str, annotation: ast.expr | None, kw_only: bool) -> Parameter:
    return Parameter(
        mangled(name, cls.node.name),
        ParameterKind.KEYWORD_ONLY if kw_only else ParameterKind.POSITIONAL_OR_KEYWORD,
        None,
        None if annotation is None else ast.unparse(annotation),
        cls.module,
    )


def _field_from_call(
    cls: ClassValue, name: str, parameter: Parameter, call: ast.Call, *, factory: str
) -> Field | Unclear:
    unclear = Unclear(f"the field {cls.name}.{name} is not written out")
    in_init = True
    if len(call.args) > 1 or any(keyword.arg is None for keyword in call.keywords):
        return unclear
    if call.args:
        parameter = replace(parameter, default=_text(cls, call.args[0]))
    for keyword in call.keywords:
        match keyword.arg, keyword.value:
            case "default", value:
                parameter = replace(parameter, default=FACTORY_DEFAULT if _is_factory(value) else _text(cls, value))
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
    return Field(name, parameter, in_init)


def _text(cls: ClassValue, value: ast.expr) -> str:
    """The source of a default; a name that the class statement binds is one of the class."""
    if isinstance(value, ast.Name) and any(
        isinstance(node, ast.Name) and node.id == value.id and isinstance(node.ctx, ast.Store)
        for node in own_nodes(cls.node)
    ):
        return f"{cls.qualname}.{value.id}"
    return ast.unparse(value)


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
