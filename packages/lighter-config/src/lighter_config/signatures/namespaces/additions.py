"""The ways in which a module gains names that its statements do not bind."""

import ast
import re
from dataclasses import replace

from lighter_config.signatures.namespaces.namespace import Addition, Namespace, NamingCall
from lighter_config.signatures.text.conditions import last_name

_WAYS_TO_ADD_NAMES = re.compile(rb"globals|sys\.modules|exec\(|vars\(|locals\(|__dict__|\(\s*__name__\s*,")


def may_add_names(text: bytes) -> bool:
    """Whether a module may have names beside those that its statements bind."""
    return _WAYS_TO_ADD_NAMES.search(text) is not None


def note_additions(namespace: Namespace, tree: ast.Module) -> None:
    """Record every way in which the module may gain names that its statements do not bind."""
    module = _ModuleText(tree)
    for node in ast.walk(tree):
        addition = _through_globals(node, module) or _through_module_object(node, module)
        if addition is not None:
            namespace.additions.append(replace(addition, is_asked_for=node in module.inside_getattr))
        elif isinstance(node, ast.Call):
            _note_call(namespace, node, module)


class _ModuleText:
    """The tree of a module, with what the rules below ask about it.

    Attributes:
        tree: The tree.
        own_names: The variables that hold the module object: ``module = sys.modules[__name__]``.
        inside_getattr: The nodes of the module's ``__getattr__``.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.own_names: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if self.is_itself(value):
                    self.own_names.add(name)
                case _:
                    pass
        self.inside_getattr = {
            part
            for statement in tree.body
            if isinstance(statement, ast.FunctionDef) and statement.name == "__getattr__"
            for part in ast.walk(statement)
        }

    def is_itself(self, node: ast.expr) -> bool:
        """Return whether an expression is the module object."""
        if isinstance(node, ast.Name):
            return node.id in self.own_names
        return isinstance(node, ast.Subscript) and ast.unparse(node) == "sys.modules[__name__]"

    def always_runs(self, call: ast.Call) -> bool:
        """Return whether a call is a statement of the module itself."""
        return any(isinstance(statement, ast.Expr) and statement.value is call for statement in self.tree.body)

    def is_parameter(self, name: str, call: ast.Call) -> bool:
        """Return whether a name in a call is a parameter of the function around it."""
        functions = [one for one in self.tree.body if isinstance(one, ast.FunctionDef) and call in ast.walk(one)]
        return any(argument.arg == name for one in functions for argument in (*one.args.args, *one.args.kwonlyargs))

    def loop_around(self, node: ast.AST) -> ast.For | None:
        """Return the loop of the module that holds a node."""
        return next((one for one in self.tree.body if isinstance(one, ast.For) and node in ast.walk(one)), None)


def _through_globals(node: ast.AST, module: _ModuleText) -> Addition | None:
    """Say how a node changes ``globals()``: by a method, by a key, or by code in a text."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")))):
            return Addition(f"it changes its own names in line {node.lineno}")
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")), ctx=ast.Store()):
            reason = f"it binds computed names in line {node.lineno}"
            loop = module.loop_around(node)
            return Addition(reason) if loop is None else _in_loop(loop, node, reason)
        case ast.Call(func=ast.Name(id="exec"), args=[_, *where]):
            if not where or "globals()" in ast.unparse(where[0]):
                return Addition(f"it runs text as code in line {node.lineno}")
        case _:
            pass
    return None


def _through_module_object(node: ast.AST, module: _ModuleText) -> Addition | None:
    """Say how a node changes the module object: replaces it, or sets an attribute of it."""
    match node:
        case ast.Assign(targets=[ast.Name()], value=value) if module.is_itself(value):
            return None
        case ast.Assign(targets=targets) if any(module.is_itself(target) for target in targets):
            return Addition("it puts another object in its own place")
        case ast.Call(func=ast.Name(id="setattr"), args=[target, name, *_]) if module.is_itself(target):
            is_for_callers = isinstance(name, ast.Name) and module.is_parameter(name.id, node)
            return Addition(f"it binds computed names in line {node.lineno}", is_for_callers=is_for_callers)
        case ast.Attribute(value=target, ctx=ast.Store()) if module.is_itself(target):
            return Addition(f"it changes itself in line {node.lineno}")
        case ast.Attribute(value=target, attr="__dict__") if module.is_itself(target):
            return Addition(f"it changes its own names in line {node.lineno}")
        case _:
            return None


def _note_call(namespace: Namespace, call: ast.Call, module: _ModuleText) -> None:
    """Record a call that gets the module object or its name: what it calls may add names."""
    match call:
        case ast.Call(args=arguments) if any(module.is_itself(argument) for argument in arguments):
            if last_name(call.func) not in ("getattr", "hasattr"):
                namespace.handed_out.append(call)
        case ast.Call(args=[ast.Name(id="__name__"), *others], keywords=keywords):
            # a function that gets the module's name and names to add, as for deprecated ones
            texts = {text for other in (*others, *keywords) for part in ast.walk(other) for text in _spelled(part)}
            namespace.naming_calls.append(NamingCall(call, frozenset(texts), module.always_runs(call)))
        case _:
            pass


def _spelled(node: ast.AST) -> list[str]:
    """The words of a text, or the name of a keyword."""
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    return re.findall(r"\w+", node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _in_loop(loop: ast.For, target: ast.Subscript, reason: str) -> Addition:
    """What ``globals()[name] = value`` in a loop of the module may add, as far as the loop itself limits it."""
    match _assigned_to(target.slice, loop):
        case [ast.JoinedStr(values=[ast.Constant(value=str(prefix)), *_])]:
            return Addition(reason, prefix=prefix)
        case _:
            pass
    bindings = [one for one in ast.walk(loop) if isinstance(one, ast.Assign) and target in one.targets]
    values = _assigned_to(bindings[0].value, loop) if bindings else []
    match values:
        case [ast.Call(func=ast.Name(id="getattr"), args=[source, _])]:
            return Addition(reason, source=source)
        case _:
            return Addition(reason)


def _assigned_to(variable: ast.expr, loop: ast.For) -> list[ast.expr]:
    """Every value that a loop assigns to a variable; none when it is not a variable that is assigned one by one."""
    if not isinstance(variable, ast.Name):
        return []
    assigned = [
        one.value
        for one in ast.walk(loop)
        if isinstance(one, ast.Assign) and any(ast.unparse(target) == variable.id for target in one.targets)
    ]
    num_stores = sum(
        isinstance(one, ast.Name) and one.id == variable.id and isinstance(one.ctx, ast.Store) for one in ast.walk(loop)
    )
    return assigned if len(assigned) == num_stores else []
