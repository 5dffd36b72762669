"""Run through the statements of a module or a class body, keeping what each name may be bound to at the end."""

import ast
import re
from collections.abc import Iterable, Sequence

from lighter_config.signatures.namespaces.additions import may_add_names, note_additions
from lighter_config.signatures.namespaces.branches import ends_in_raise, merged
from lighter_config.signatures.namespaces.namespace import (
    Assignment,
    Binding,
    Bound,
    Decision,
    Definition,
    ModuleImport,
    NameImport,
    Namespace,
    Opaque,
    StarImport,
    Unbound,
    Unpacked,
)
from lighter_config.signatures.text.conditions import is_for_type_checkers, last_name, static_truth
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.text.outline import Definition as Node
from lighter_config.signatures.text.outline import Outline, Piece, is_compiled

_EXPORTS, _GLOBAL = re.compile(rb"__all__"), re.compile(rb"(?:^|[:;])\s*global\b")

_MAX_SIZE = 4 << 20
"""Longer source is not read: its tree takes hundreds of times as much memory."""


def read_module(module: Module, text: bytes) -> Namespace:
    """Read the names of a module from its source.

    Raises:
        SyntaxError: The text is not Python of this version.
        ValueError: It holds null bytes, or is too long.
    """
    if len(text) > _MAX_SIZE:
        raise ValueError(f"more than {_MAX_SIZE >> 20} MiB of source")
    is_valid = module.kind == "stub" or (module.file is not None and is_compiled(module.file))
    outline = Outline(text, module.file or module.name, is_valid=is_valid)
    namespace = Namespace(module, docstring=outline.docstring)
    if module.kind == "source" and may_add_names(text):
        note_additions(namespace, outline)
    if b"__all__" in text and _functions_mention_exports(outline):
        namespace.name_lists = None
    rebound = _names_bound_by_functions(outline) if b"global " in text else ()
    for statement in outline.statements:
        if isinstance(statement, Piece):
            statement.prepare(_drop_bodies)
        else:
            _drop_bodies(statement)
    _Walker(namespace, may_bind_in_expressions=b":=" in text).run(outline.statements)
    for name in rebound:
        before = namespace.candidates(name)
        namespace.names[name] = Bound(namespace.position(name), (*before, Opaque("a function may bind it anew")))
    return namespace


def read_class_body(module: Module, node: ast.ClassDef) -> Namespace:
    """Read the statements of a class body."""
    namespace = Namespace(module)
    _Walker(namespace).run(node.body)
    return namespace


# Their bodies say what a decorator, a lazy module or a base class does to others.
_TELLING_METHODS = frozenset({"__call__", "__new__", "__init__", "__init_subclass__", "__getattr__"})


def _drop_bodies(node: ast.stmt) -> None:
    """Forget the bodies of methods, which no question is about: they are most of a syntax tree's memory."""
    if isinstance(node, ast.ClassDef):
        for child in node.body:
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and child.name not in _TELLING_METHODS:
                del child.body[1:]
    for field in ("body", "orelse", "finalbody"):
        for child in getattr(node, field, ()):
            _drop_bodies(child)


class _Walker:
    """Run statements in order, keeping for each name every binding that may be the last one."""

    def __init__(self, namespace: Namespace, *, may_bind_in_expressions: bool = True) -> None:
        self.namespace = namespace
        self.may_bind_in_expressions = may_bind_in_expressions
        self.bound: dict[str, Bound] = namespace.names
        self.is_certain = True
        self.branches: tuple[tuple[Decision, int], ...] = ()
        self.count = 0

    def run(self, statements: Iterable[ast.stmt | Piece]) -> None:
        for statement in statements:
            if isinstance(statement, Piece):
                self._define(statement, statement.decorators)
            else:
                self._run(statement)

    def _run(self, statement: ast.stmt) -> None:
        if self.may_bind_in_expressions:
            self._bind_in_expressions(statement)
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(statement, [last_name(decorator) for decorator in statement.decorator_list])
            case ast.Import():
                for alias in statement.names:
                    if alias.asname is not None:
                        self._bind(alias.asname, ModuleImport(alias.name))
                    else:
                        top = alias.name.partition(".")[0]
                        self._bind(top, ModuleImport(top))
            case ast.ImportFrom():
                self._import_names(statement)
            case ast.Assign():
                for target in statement.targets:
                    self._assign(target, statement.value)
            case ast.AnnAssign():
                if statement.value is not None:
                    self._assign(statement.target, statement.value)
                elif self.namespace.module.kind == "stub" and isinstance(statement.target, ast.Name):
                    self._bind(statement.target.id, Opaque("a stub tells only its type"))
            case ast.AugAssign(target=ast.Name(id="__all__")):
                self._extend_all(statement.value)
            case ast.AugAssign(target=ast.Name(id=name)):
                self._bind(name, Opaque("changed in place"))
            case ast.Expr(value=ast.Call() as call):
                self._call(call)
            case ast.If():
                self._branch(statement)
            case ast.Try() | ast.TryStar():
                self._try(statement)
            case ast.For() | ast.AsyncFor():
                self._bind_opaque(statement.target, "a loop variable")
                self._alternatives([[], [*statement.body, *statement.orelse]])
                self._patch_items(_names_in(statement.target), statement.iter)
            case ast.While():
                self._alternatives([[], [*statement.body, *statement.orelse]])
            case ast.With() | ast.AsyncWith():
                for item in statement.items:
                    if item.optional_vars is not None:
                        self._bind_opaque(item.optional_vars, "a context manager's value")
                self.run(statement.body)
            case ast.Match():
                self._alternatives([[], *(case.body for case in statement.cases)])
            case ast.Delete():
                for target in statement.targets:
                    match target:
                        case ast.Name(id=name):
                            self._bind(name, Unbound())
                        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                            self._patch(name, attribute)
                        case _:
                            pass
            case _:
                pass

    def _define(self, source: Node | Piece, decorators: Sequence[str]) -> None:
        if "setter" in decorators or "deleter" in decorators:
            return
        if "overload" in decorators and self.namespace.module.kind == "stub" and source.name in self.bound:
            self._bind(source.name, Opaque("a stub gives several signatures"))
            return
        self._bind(source.name, Definition(source))

    def _import_names(self, statement: ast.ImportFrom) -> None:
        module = absolute_name(statement, self.namespace.module)
        for alias in statement.names:
            if alias.name == "*":
                self.namespace.stars.append(StarImport(module, self._next(), self.is_certain, self.branches))
            else:
                self._bind(alias.asname or alias.name, NameImport(module, alias.name))
                if self.namespace.module.kind == "stub" and alias.asname is None:
                    self.namespace.kept_back.add(alias.name)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id="__all__"):
                if self.is_certain and self.namespace.name_lists is not None and "__all__" not in _names_in(value):
                    self.namespace.name_lists = []
                self._extend_all(value)
                self._bind("__all__", Assignment(value))
            case ast.Name(id=name):
                before = self.bound.get(name) if isinstance(value, ast.Call) and name in _names_in(value) else None
                self._bind(name, Assignment(value, before.candidates if before is not None else ()))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                self._patch(name, attribute)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id=owner), attr=name), attr=attribute):
                self._patch(f"{owner}.{name}", attribute)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else None
                if values is not None and len(values) == len(targets) and not _has_star([*targets, *values]):
                    for one_target, one_value in zip(targets, values, strict=True):
                        self._assign(one_target, one_value)
                else:
                    self._unpack(targets, value)
            case ast.Starred():
                self._bind_opaque(target, "unpacked from a value")
            case _:
                pass

    def _unpack(self, targets: Sequence[ast.expr], value: ast.expr) -> None:
        for index, target in enumerate(targets):
            if isinstance(target, ast.Name) and not _has_star(targets):
                self._bind(target.id, Unpacked(value, index))
            else:
                self._bind_opaque(target, "unpacked from a value")

    def _call(self, call: ast.Call) -> None:
        match call.func, call.args:
            case ast.Attribute(value=ast.Name(id="__all__"), attr="extend"), [value]:
                self._extend_all(value)
            case ast.Attribute(value=ast.Name(id="__all__"), attr="append"), [value]:
                self._extend_all(ast.List(elts=[value]))
            case ast.Attribute(value=ast.Name(id="__all__")), _:
                self.namespace.name_lists = None
            case ast.Name(id="setattr"), [ast.Name(id=name), ast.Constant(value=str(attribute)), _]:
                self._patch(name, attribute)
            case func, [ast.Name(id=name), *_] if last_name(func) == "update_wrapper":
                self._patch(name, "__wrapped__")
            case _:
                pass
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            for name in _names_in(argument):
                self.namespace.handed_over.setdefault(name, []).append(call.func)

    def _patch(self, name: str, attribute: str) -> None:
        """Note that an attribute of what a name stands for is set, and of what it is another name of."""
        self.namespace.patched.add((name, attribute))
        bound = self.bound.get(name)
        for binding in bound.candidates if bound is not None else ():
            match binding:
                case Assignment(value=ast.Name(id=other)) if other != name:
                    self._patch(other, attribute)
                case _:
                    pass

    def _patch_items(self, variables: set[str], items: ast.expr) -> None:
        """Note that a loop sets attributes of the items that it runs over, all names if they are not written out."""
        names = _names_in(items) if isinstance(items, (ast.List, ast.Tuple, ast.Set)) else {"*"}
        for variable, attribute in list(self.namespace.patched):
            if variable in variables:
                self.namespace.patched.update((name, attribute) for name in names)

    def _extend_all(self, value: ast.expr) -> None:
        if self.namespace.name_lists is not None:
            if self.is_certain:
                self.namespace.name_lists.append(value)
            else:
                self.namespace.name_lists = None

    def _branch(self, statement: ast.If) -> None:
        if is_for_type_checkers(statement.test) and self.namespace.module.kind != "stub":
            self._keep_typing_names(statement.body)
            self.run(statement.orelse)
            return
        if _is_also_for_type_checkers(statement.test):
            self._keep_typing_names(statement.body)
        truth = static_truth(statement.test, is_stub=self.namespace.module.kind == "stub")
        if truth is None:
            self._alternatives([statement.body, statement.orelse], Decision(statement, dict(self.bound)))
        else:
            self.run(statement.body if truth else statement.orelse)

    def _keep_typing_names(self, statements: Sequence[ast.stmt]) -> None:
        if self.namespace.typing is None:
            self.namespace.typing = Namespace(self.namespace.module)
        walker = _Walker(self.namespace.typing)
        walker.count = self.count
        walker.run(statements)

    def _try(self, statement: ast.Try | ast.TryStar) -> None:
        paths: list[list[ast.stmt]] = [[*statement.body, *statement.orelse]]
        paths.extend(handler.body for handler in statement.handlers)
        if all(ends_in_raise(path) for path in paths[1:]):
            self.run(paths[0])
        else:
            self._alternatives(paths, Decision(statement, dict(self.bound)))
        self.run(statement.finalbody)

    def _alternatives(self, paths: Sequence[Sequence[ast.stmt]], decision: Decision | None = None) -> None:
        """Run each path from the same start and keep what any of them may leave behind."""
        start, was_certain, branches = dict(self.bound), self.is_certain, self.branches
        self.is_certain = False
        ends: list[dict[str, Bound] | None] = []
        for index, path in enumerate(paths):
            self.bound = dict(start)
            self.branches = branches if decision is None else (*branches, (decision, index))
            self.run(path)
            ends.append(None if ends_in_raise(path) else self.bound)
        self.is_certain, self.branches = was_certain, branches
        self.namespace.names = self.bound = merged(ends, start, decision)

    def _bind(self, name: str, binding: Binding) -> None:
        before, self.bound[name] = self.bound.get(name), Bound(self._next(), (binding,))
        if isinstance(binding, (ModuleImport, NameImport)):
            if before is not None and not all(one in (binding, Unbound()) for one in before.candidates):
                self.namespace.rebound_by_import[name] = self.count
        else:
            # a class defined anew has none of the attributes that were set on the old one
            self.namespace.patched = {patch for patch in self.namespace.patched if patch[0] != name}

    def _bind_opaque(self, target: ast.expr, reason: str) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bind(node.id, Opaque(reason))

    def _bind_in_expressions(self, statement: ast.stmt) -> None:
        """Bind ``name`` of ``(name := value)``; only as a statement of its own it certainly runs."""
        match statement:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                return
            case ast.Expr(value=ast.NamedExpr(target=ast.Name(id=name), value=value)):
                self._bind(name, Assignment(value))
                return
            case _:
                pass
        for child in ast.iter_child_nodes(statement):
            for node in () if isinstance(child, (ast.stmt, ast.excepthandler, ast.match_case)) else ast.walk(child):
                if isinstance(node, ast.NamedExpr):
                    self._bind_opaque(node.target, "bound in an expression")

    def _next(self) -> int:
        self.count += 1
        return self.count


def _is_also_for_type_checkers(test: ast.expr) -> bool:
    """Return whether type checkers take a branch that programs may take too: ``TYPE_CHECKING or EAGER``."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(is_for_type_checkers(value) for value in values)
        case _:
            return False


def absolute_name(statement: ast.ImportFrom, module: Module) -> str:
    """The module that a ``from`` import names, with leading dots resolved."""
    if not statement.level:
        return statement.module or ""
    package = module.package
    for _ in range(statement.level - 1):
        package = package.rpartition(".")[0]
    return ".".join(part for part in (package, statement.module) if part)


def _names_in(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _has_star(nodes: Iterable[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def _functions_mention_exports(outline: Outline) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == "__all__"
        for function in outline.matching([b"__all__"], _EXPORTS)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and function.name not in ("__dir__", "__getattr__")
        for node in ast.walk(function)
    )


def _names_bound_by_functions(outline: Outline) -> list[str]:
    return [
        name for node in outline.matching([b"global"], _GLOBAL) if isinstance(node, ast.Global) for name in node.names
    ]
