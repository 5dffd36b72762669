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
    own_names = {"sys.modules[__name__]"}
    asked = {
        part
        for one in tree.body
        if isinstance(one, ast.FunctionDef) and one.name == "__getattr__"
        for part in ast.walk(one)
    }
    always_run = {statement.value for statement in tree.body if isinstance(statement, ast.Expr)}
    for node in ast.walk(tree):
        num_before = len(namespace.additions)
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_this_module(value, own_names):
                own_names.add(name)
            case ast.Assign(targets=targets) if any(_is_this_module(target, own_names) for target in targets):
                namespace.additions.append(Addition("it puts another object in its own place"))
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")))):
                namespace.additions.append(Addition(f"it changes its own names in line {node.lineno}"))
            case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")), ctx=ast.Store()):
                reason = f"it binds computed names in line {node.lineno}"
                loop = next((one for one in tree.body if isinstance(one, ast.For) and node in ast.walk(one)), None)
                namespace.additions.append(Addition(reason) if loop is None else _in_loop(loop, node, reason))
            case ast.Call(func=ast.Name(id="exec"), args=[_, *where]) if not where or "globals()" in ast.unparse(
                where[0]
            ):
                namespace.additions.append(Addition(f"it runs text as code in line {node.lineno}"))
            case ast.Call(func=ast.Name(id="setattr"), args=[target, name, *_]) if _is_this_module(target, own_names):
                is_for_callers = isinstance(name, ast.Name) and _is_parameter(name.id, node, tree)
                reason = f"it binds computed names in line {node.lineno}"
                namespace.additions.append(Addition(reason, is_for_callers=is_for_callers))
            case ast.Attribute(value=target, ctx=ast.Store()) if _is_this_module(target, own_names):
                namespace.additions.append(Addition(f"it changes itself in line {node.lineno}"))
            case ast.Attribute(value=target, attr="__dict__") if _is_this_module(target, own_names):
                namespace.additions.append(Addition(f"it changes its own names in line {node.lineno}"))
            case ast.Call(args=arguments) if any(_is_this_module(argument, own_names) for argument in arguments):
                if last_name(node.func) not in ("getattr", "hasattr"):
                    namespace.handed_out.append(node)
            case ast.Call(args=[ast.Name(id="__name__"), *others], keywords=keywords):
                # a function that gets the module's name and names to add, as for deprecated ones
                texts = {text for other in (*others, *keywords) for part in ast.walk(other) for text in _spelled(part)}
                namespace.naming_calls.append(NamingCall(node, frozenset(texts), node in always_run))
            case _:
                pass
        if node in asked:
            new = namespace.additions[num_before:]
            namespace.additions[num_before:] = [replace(one, is_asked_for=True) for one in new]


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


def _is_parameter(name: str, call: ast.Call, tree: ast.Module) -> bool:
    """Whether a name in a call is a parameter of the function around it."""
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef) and call in ast.walk(one)]
    return any(argument.arg == name for one in functions for argument in (*one.args.args, *one.args.kwonlyargs))


def _is_this_module(node: ast.expr, own_names: set[str]) -> bool:
    return isinstance(node, (ast.Name, ast.Subscript)) and ast.unparse(node) in own_names
