"""Lists of a module that its statements fill one by one, such as the bases of a class that depend on what is installed.

``class Logger(*bases)`` follows from::

    bases = []
    try:
        from lightning.pytorch.loggers import Logger as Other
        bases.append(Other)
    except ImportError:
        pass
"""

import ast
import re
from collections.abc import Sequence

from lighter_config.regular_files import read_regular
from lighter_config.signatures.namespaces.namespace import (
    Assignment,
    Definition,
    ModuleImport,
    NameImport,
    Namespace,
    Unbound,
)
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.modules import Module
from lighter_config.signatures.text.parsing import parse_module
from lighter_config.signatures.values.frame import Frame, RaisedError, ReturnedError, UndecidedError, World, handler_of

_CHANGES = (
    r"\b{0}\s*(?:\.\s*(?:add|append|clear|discard|extend|insert|pop|popitem|remove|reverse|setdefault|sort|update|__\w+)\b"
    r"|\[[^\]\n]*\](?:\[[^\]\n]*\])*\s*(?:[-+*/|&^%]|//|\*\*)?=(?!=)|[-+*|&^]=)"
    r"|\bdel\s+{0}\b|[(,=\[:]\s*\*{{0,2}}{0}\s*(?:[,)\]}}\n#]|$)"
)


class WrittenLists:
    """Follows the statements that fill a list of a module.

    Args:
        world: What decides on imports and tests.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._texts: dict[Module, str] = {}

    def may_change(self, module: Module, name: str) -> bool:
        """Return whether any line of a module may change the list or the mapping that a name stands for."""
        return re.search(_CHANGES.format(re.escape(name)), self._text(module), re.MULTILINE) is not None

    def items(self, module: Module, name: str, namespace: Namespace, until: ast.stmt) -> list[ast.expr]:
        """The expressions that a list holds when a statement of its module runs.

        Raises:
            UndecidedError: Not all that it holds is written out.
        """
        follower = _Follower(Frame(self._world, module, namespace.names), name, until.lineno)
        if not follower.runs_to_end(parse_module(self._text(module)).body):
            return follower.found(namespace)
        raise UndecidedError

    def _text(self, module: Module) -> str:
        if module not in self._texts:
            try:
                self._texts[module] = read_regular(module.file or "").decode(errors="replace")
            except OSError as error:
                raise UndecidedError from error
        return self._texts[module]


class _Follower:
    """Follows statements up to a line, keeping what they put into one list."""

    def __init__(self, frame: Frame, name: str, line: int) -> None:
        self._frame = frame
        self._name = name
        self._line = line
        self._items: list[ast.expr] | None = None

    def found(self, namespace: Namespace) -> list[ast.expr]:
        """The items, each a name that stands for one thing alone."""
        if self._items is None or not all(_is_constant(item, namespace) for item in self._items):
            raise UndecidedError
        return self._items

    def runs_to_end(self, statements: Sequence[ast.stmt]) -> bool:
        """Follow statements; return whether all of them lie before the line."""
        return all(self._follow(statement) for statement in statements)

    def _follow(self, statement: ast.stmt) -> bool:
        if self._line <= statement.lineno:
            return False
        is_around = self._line <= (statement.end_lineno or statement.lineno)
        names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
        if self._name not in names and not is_around:
            return True
        match statement:
            case ast.If():
                return self.runs_to_end(statement.body if self._is_taken(statement, is_around) else statement.orelse)
            case ast.Try():
                return self._try(statement, is_around)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == self._name:
                self._items = _written(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name == self._name:
                self._items = _written(value)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value) if name == self._name:
                self._put(_written(value))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=arguments)):
                if name != self._name:
                    raise UndecidedError
                self._call(method, arguments)
            case ast.ClassDef(body=body, bases=bases):
                inside = (node for one in body for node in ast.walk(one))
                if any(isinstance(node, ast.Name) and node.id == self._name for node in inside) or not bases:
                    raise UndecidedError
            case _:
                raise UndecidedError
        return True

    def _is_taken(self, statement: ast.If, is_around: bool) -> bool:
        if is_around:  # the line is in this branch, whatever the test says
            return self._line <= (statement.body[-1].end_lineno or 0)
        if self._items is not None:
            self._frame.local[self._name] = tuple(ast.unparse(item) for item in self._items)
        return self._frame.truth(statement.test)

    def _try(self, statement: ast.Try, is_around: bool) -> bool:
        if is_around:
            raise UndecidedError
        try:
            for one in statement.body:
                if self._is_change(one):
                    self._follow(one)
                else:
                    self._frame.run([one])
        except RaisedError as error:
            index = handler_of(statement.handlers, error.name)
            if index is None:
                raise UndecidedError from error
            return self.runs_to_end([*statement.handlers[index - 1].body, *statement.finalbody])
        except ReturnedError as error:
            raise UndecidedError from error
        return self.runs_to_end([*statement.orelse, *statement.finalbody])

    def _is_change(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
                return name == self._name
            case _:
                return False

    def _call(self, method: str, arguments: Sequence[ast.expr]) -> None:
        match method, arguments:
            case "append", [item]:
                self._put([item])
            case "extend", [several]:
                self._put(_written(several))
            case "insert", [ast.Constant(value=0), item] if self._items is not None:
                self._items.insert(0, item)
            case _:
                raise UndecidedError

    def _put(self, items: Sequence[ast.expr]) -> None:
        if self._items is None or any(last_name(item) == self._name for item in items):
            raise UndecidedError
        self._items.extend(items)


def _is_constant(item: ast.expr, namespace: Namespace) -> bool:
    """Return whether an item is a name that stood for the same thing when it was put into the list as in the end."""
    root = item
    while isinstance(root, ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return isinstance(root, ast.Constant)
    bindings = [one for one in namespace.candidates(root.id) if not isinstance(one, Unbound)]
    match bindings:
        case [Definition(source=definition)]:
            return definition.lineno < item.lineno
        case [Assignment(value=value)]:
            return value.lineno < item.lineno
        case [NameImport() | ModuleImport()]:
            return root.id not in namespace.rebound_by_import
        case _:
            return False


def _written(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, (ast.List, ast.Tuple)) and not any(isinstance(item, ast.Starred) for item in node.elts):
        return list(node.elts)
    raise UndecidedError
