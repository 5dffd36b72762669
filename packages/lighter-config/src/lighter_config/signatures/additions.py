"""The ways in which a module gains names that its statements do not bind."""

import ast
import re

from lighter_config.signatures.conditions import last_name
from lighter_config.signatures.namespaces import Namespace, NamingCall

_WAYS_TO_ADD_NAMES = re.compile(rb"globals|sys\.modules|exec\(|vars\(|locals\(|__dict__|\(\s*__name__\s*,")


def may_add_names(text: bytes) -> bool:
    """Whether a module may have names beside those that its statements bind."""
    return _WAYS_TO_ADD_NAMES.search(text) is not None


def note_additions(namespace: Namespace, tree: ast.Module) -> None:
    """Record every way in which the module may gain names that its statements do not bind."""
    own_names = {"sys.modules[__name__]"}
    always_run = {statement.value for statement in tree.body if isinstance(statement, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_this_module(value, own_names):
                own_names.add(name)
            case ast.Assign(targets=targets) if any(_is_this_module(target, own_names) for target in targets):
                namespace.additions.append("it puts another object in its own place")
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")))):
                namespace.additions.append(f"it changes its own names in line {node.lineno}")
            case ast.Subscript(value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")), ctx=ast.Store()):
                namespace.additions.append(f"it binds computed names in line {node.lineno}")
            case ast.Call(func=ast.Name(id="exec"), args=[_, *where]) if not where or "globals()" in ast.unparse(
                where[0]
            ):
                namespace.additions.append(f"it runs text as code in line {node.lineno}")
            case ast.Call(func=ast.Name(id="setattr"), args=[target, *_]) if _is_this_module(target, own_names):
                namespace.additions.append(f"it binds computed names in line {node.lineno}")
            case ast.Attribute(value=target, ctx=ast.Store()) if _is_this_module(target, own_names):
                namespace.additions.append(f"it changes itself in line {node.lineno}")
            case ast.Attribute(value=target, attr="__dict__") if _is_this_module(target, own_names):
                namespace.additions.append(f"it changes its own names in line {node.lineno}")
            case ast.Call(args=arguments) if any(_is_this_module(argument, own_names) for argument in arguments):
                if last_name(node.func) not in ("getattr", "hasattr"):
                    namespace.handed_out.append(node)
            case ast.Call(args=[ast.Name(id="__name__"), *others]):
                # a function that gets the module's name and names to add, as for deprecated ones
                texts = {
                    part.value
                    for other in others
                    for part in ast.walk(other)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
                namespace.naming_calls.append(NamingCall(node, frozenset(texts), node in always_run))
            case _:
                pass


def _is_this_module(node: ast.expr, own_names: set[str]) -> bool:
    return isinstance(node, (ast.Name, ast.Subscript)) and ast.unparse(node) in own_names
