"""Functions that replace a class's ``__init__`` by one with the same signature.

A class decorator or a metaclass does so to warn, or to check arguments::

    def warns(cls):
        original = cls.__init__

        @functools.wraps(original)
        def init(self, *args, **kwargs): ...

        cls.__init__ = init
        return cls
"""

import ast

from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.function_bodies import DECIDING_NAMES, own_nodes, reached

_INIT = "__init__"


def wrappers_of_init(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.FunctionDef] | None:
    """Return the functions that stand for ``__init__`` with its signature; ``None`` if anything else is changed.

    Every mention of a name that decides on a signature has to be one of: reading ``__init__``, giving a wrapper the
    signature of what was read, and putting that wrapper in its place.
    """
    nodes = own_nodes(function)
    body = _Body(nodes)
    stores = [stored for node in nodes if (stored := _stored_init(node)) is not None]
    wrappers = [body.wrapper(value) for value in stores]
    found = [wrapper for wrapper in wrappers if wrapper is not None]
    if not found or len(found) != len(stores):
        return None
    inner = [part for wrapper in found for part in ast.walk(wrapper) if part is not wrapper]
    of_wrappers = {id(part) for part in inner}
    allowed = sum(_is_reading(node) or _stored_init(node) is not None for node in nodes)
    allowed += sum(body.is_signature_store(node) for node in nodes)
    mentions = sum(_mentions(node) for node in nodes if id(node) not in of_wrappers)
    return found if mentions == allowed else None


def chooses_keywords(function: ast.FunctionDef | ast.AsyncFunctionDef, wrapper: ast.FunctionDef) -> bool:
    """Return whether a wrapper takes every keyword, and gives the wrapped ``__init__`` only those that it chooses.

    Such a wrapper refuses no name::

        def init(self, *args, **kwargs):
            original(self, *args, **{name: value for name, value in kwargs.items() if name in known})
    """
    body, inner = _Body(own_nodes(function)), [node for statement in wrapper.body for node in ast.walk(statement)]
    calls = [node for node in inner if isinstance(node, ast.Call) and body.is_original(node.func)]
    given = [keyword.value for call in calls for keyword in call.keywords if keyword.arg is None]
    mentions = [node for node in inner if isinstance(node, ast.expr) and body.is_original(node)]
    others = [node for node in inner if isinstance(node, ast.Attribute) and node.attr == _INIT]
    is_chosen = all(isinstance(one, ast.DictComp) and all(part.ifs for part in one.generators) for one in given)
    return wrapper.args.kwarg is not None and len(mentions) == len(calls) and not others and is_chosen


def changes_body_alone(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a metaclass puts its wrapper into the mapping of a class body, around what that wrote."""
    nodes = own_nodes(function)
    stores = [node for node in nodes if _stored_init(node) is not None]
    reads = [node for node in nodes if _is_reading(node)]
    return all(
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) for node in stores
    ) and not any(isinstance(node, ast.Attribute) or _is_getattr(node) for node in reads)


def changes_bases(new: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Return whether a metaclass's ``__new__`` makes a class of other bases, or with a body of computed names."""
    syntax = new.args
    names = [one.arg for one in (*syntax.posonlyargs, *syntax.args)]
    for node in own_nodes(new if isinstance(new, ast.Lambda) else ast.Module(reached(new.body), [])):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) if name in names:
                return True
            case ast.Subscript(value=ast.Name(id=name), slice=key, ctx=ast.Store()) if name in names[3:4]:
                if not isinstance(key, ast.Constant):
                    return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update" | "setdefault")):
                if name in names[3:4]:
                    return True
            case ast.Call(func=ast.Attribute(attr="__new__") | ast.Name(id="type"), args=[_, _, bases, *_]):
                starred = syntax.vararg is not None and isinstance(bases, ast.Starred)
                if not starred and not (isinstance(bases, ast.Name) and [bases.id] == names[2:3]):
                    return True
            case _:
                pass
    return False


def _is_getattr(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


class _Body:
    """The nodes of a function, with what they bind."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
        self.values: dict[str, list[ast.expr]] = {}
        for node in nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self.values.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self.values.setdefault(name, []).append(value)
                case _:
                    pass
        self.signed = {
            node.targets[0].value.id  # type: ignore[attr-defined]
            for node in nodes
            if self.is_signature_store(node)
        }

    def value(self, node: ast.expr) -> ast.expr:
        """What a name was bound to, once; any other expression as it is."""
        values = self.values.get(node.id, []) if isinstance(node, ast.Name) else []
        return values[0] if len(values) == 1 else node

    def is_original(self, node: ast.expr) -> bool:
        """Return whether an expression is the ``__init__`` that was there before."""
        return _is_reading(self.value(node))

    def is_signature_store(self, node: ast.AST) -> bool:
        """Return whether a statement is ``wrapper.__signature__ = signature(original)``."""
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(), attr="__signature__")], value=value):
                match self.value(value):
                    case ast.Call(func=func, args=[original], keywords=[]):
                        return last_name(func) == "signature" and self.is_original(original)
        return False

    def wrapper(self, node: ast.expr) -> ast.FunctionDef | None:
        """The function that an expression gives, if it has the signature of the original."""
        match node:
            case ast.Name(id=name):
                function = self.functions.get(name)
                if function is None or name in self.values:
                    return None
                match function.decorator_list:
                    case [ast.Call(func=func, args=[original], keywords=[])] if last_name(func) == "wraps":
                        return function if self.is_original(original) and name not in self.signed else None
                    case []:
                        return function if name in self.signed else None
            case ast.Call(func=ast.Call(func=func, args=[original], keywords=[]), args=[inner], keywords=[]):
                if last_name(func) == "wraps" and self.is_original(original) and isinstance(inner, ast.Name):
                    return self.functions.get(inner.id) if inner.id not in self.signed else None
        return None


def _is_reading(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(), attr="__init__", ctx=ast.Load()):
            return True
        case ast.Subscript(value=ast.Name(), slice=ast.Constant(value="__init__"), ctx=ast.Load()):
            return True
        case ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(), ast.Constant(value="__init__")]):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(), attr="get"), args=[ast.Constant(value="__init__")]):
            return True
        case ast.Compare(left=ast.Constant(value="__init__"), ops=[ast.In() | ast.NotIn()]):
            return True
        case _:
            return False


def _stored_init(node: ast.AST) -> ast.expr | None:
    """What a statement puts in the place of ``__init__``."""
    match node:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(), attr="__init__")], value=value):
            return value
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(), slice=ast.Constant(value="__init__"))], value=value):
            return value
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(), ast.Constant(value="__init__"), value]):
            return value
        case _:
            return None


def _mentions(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in DECIDING_NAMES and not _is_super(node.value)
    return isinstance(node, ast.Constant) and node.value in DECIDING_NAMES


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "super"
