"""Modules that make names when they are asked for."""

import ast
from collections.abc import Iterator

from lighter_config.signatures.namespaces.namespace import Assignment, Binding, Namespace, Unbound
from lighter_config.signatures.namespaces.statements import absolute_name


class LazyNames:
    """Read a module's ``__getattr__``: which names it answers, and from which modules it takes them."""

    def __init__(self, namespace: Namespace, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.namespace = namespace
        self.function = function
        self.asked = function.args.args[0].arg if function.args.args else ""

    def names(self) -> set[str] | None:
        """Every name for which it may not raise ``AttributeError``; ``None`` when that cannot be told."""
        if not isinstance(self.function.body[-1], (ast.Raise, ast.Try)):
            return None
        names: set[str] = set()
        known: set[str] | None
        for node in _outside_refusals(self.function):
            match node:
                case ast.Compare(left=ast.Name(id=asked), ops=[ast.Eq()], comparators=[ast.Constant(value=str(key))]):
                    known = {key} if asked == self.asked else set()
                case ast.Compare(left=ast.Name(id=asked), ops=[ast.In() | ast.NotIn()], comparators=[container]):
                    known = self._keys(container) if asked == self.asked else set()
                case ast.Call(func=ast.Attribute(value=container, attr="get"), args=[ast.Name(id=asked), *_]):
                    known = self._keys(container) if asked == self.asked else set()
                case ast.Subscript(value=container, slice=ast.Name(id=asked)) if asked == self.asked:
                    known = self._keys(container)
                case ast.Call(args=arguments) if any(_is_name(argument, self.asked) for argument in arguments):
                    # the name goes somewhere else; what happens to it there is not followed
                    known = None if not _is_error_or_table_import(node, self.asked) else set()
                case _:
                    continue
            if known is None:
                return None
            names |= known
        return names

    def modules_of(self, name: str) -> Iterator[str]:
        """Follow ``return getattr(import_module(TABLE[name]), name)`` with a table of module names."""
        text = ast.unparse(self.function)
        if "import_module(" not in text or "getattr(" not in text:
            return
        for node in ast.walk(self.function):
            if isinstance(node, ast.Name):
                for binding in self.namespace.candidates(node.id):
                    where = self._table_entry(binding, name)
                    if where is not None:
                        yield where

    def _table_entry(self, binding: Binding, name: str) -> str | None:
        if not isinstance(binding, Assignment) or not isinstance(binding.value, ast.Dict):
            return None
        for key, value in zip(binding.value.keys, binding.value.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == name:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    level = len(value.value) - len(value.value.lstrip("."))
                    module = value.value[level:]
                    statement = ast.ImportFrom(module=module, names=[], level=level)
                    return absolute_name(statement, self.namespace.module)
                return None
        return None

    def _keys(self, container: ast.expr) -> set[str] | None:
        match container:
            case ast.Dict(keys=keys):
                values = [key.value for key in keys if isinstance(key, ast.Constant)]
                return {str(value) for value in values} if len(values) == len(keys) else None
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                values = [item.value for item in items if isinstance(item, ast.Constant)]
                return {str(value) for value in values} if len(values) == len(items) else None
            case ast.Call(func=ast.Name(id="globals")):
                return set()
            case ast.Name(id=name):
                found: set[str] = set()
                bindings = [one for one in self.namespace.candidates(name) if not isinstance(one, Unbound)]
                for binding in bindings:
                    bound = self._keys(binding.value) if isinstance(binding, Assignment) else None
                    if bound is None:
                        return None
                    found |= bound
                return found if bindings else None
            case _:
                return None


def _outside_refusals(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without the branches that do nothing but raise."""
    pending = [function]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and isinstance(node.body[0], ast.Raise):
            pending.extend(node.orelse)
            continue
        yield node
        pending.extend(ast.iter_child_nodes(node))


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_error_or_table_import(call: ast.Call, asked: str) -> bool:
    """Return whether a call that gets the name raises an error, or takes it from a module that a table names."""
    callee = ast.unparse(call.func).rpartition(".")[2]
    if callee == "getattr" and isinstance(call.args[0], ast.Call):
        return "import_module" in ast.unparse(call.args[0].func) and any(
            isinstance(part, ast.Subscript) and _is_name(part.slice, asked) for part in ast.walk(call.args[0])
        )
    return callee in ("AttributeError", "ImportError", "warn")
