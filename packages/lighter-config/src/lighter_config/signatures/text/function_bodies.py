"""What the text of a function does with what it gets."""

import ast

DECIDING_NAMES = frozenset({"__call__", "__init__", "__new__", "__signature__", "__wrapped__"})
"""Attributes that decide what a class or a function takes."""

_READING_CALLS = frozenset({"bool", "dict", "iter", "len", "list", "repr", "set", "sorted", "str", "tuple", "update"})


def own_nodes(root: ast.AST) -> list[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    nodes: list[ast.AST] = []
    pending = list(ast.iter_child_nodes(root))
    while pending:
        node = pending.pop()
        nodes.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            pending.extend(ast.iter_child_nodes(node))
    return nodes


def reached(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The statements up to the first one that ends the function."""
    ends = (index for index, one in enumerate(statements) if isinstance(one, (ast.Return, ast.Raise)))
    return statements[: next(ends, len(statements)) + 1]


def yields(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether it is a generator."""
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in own_nodes(function))


def bound_names(statement: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    return {
        node.id
        for node in [statement, *own_nodes(statement)]
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def changing_names(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """The names of a function that its expressions bind, or the functions inside it: nobody knows when."""
    names: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.NamedExpr(target=ast.Name(id=name)):
                names.add(name)
            case ast.Nonlocal(names=several):
                names.update(several)
            case _:
                pass
    return names


def passes_all_on(wrapper: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    """Return whether a wrapper certainly hands every keyword that it gets to what it wraps.

    ``inspect.signature`` shows what is wrapped. A wrapper with parameters of its own, or one that takes keywords out,
    accepts more than that.
    """
    syntax = wrapper.args
    if syntax.kwarg is None:
        return not (syntax.kwonlyargs or syntax.args[1:])
    if syntax.kwonlyargs or len(syntax.args) > 1:
        return False
    keywords = syntax.kwarg.arg
    for node in own_nodes(wrapper):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="pop" | "popitem" | "clear")):
                is_taken_out = name == keywords
            case ast.Call(func=func, args=arguments) if any(_is_named(argument, keywords) for argument in arguments):
                is_taken_out = ast.unparse(func).rpartition(".")[2] not in _READING_CALLS
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Del()):
                is_taken_out = name == keywords
            case ast.DictComp() | ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                is_taken_out = any(_is_named(part, keywords) for part in ast.walk(node))
            case _:
                continue
        if is_taken_out:
            return False
    return True


def _is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def sets_deciding_names(function: ast.AST) -> bool:
    """Return whether a function assigns ``__init__``, ``__signature__`` and the like to something."""
    for node in own_nodes(function):
        match node:
            case ast.Attribute(attr=attribute, ctx=ast.Store() | ast.Del()) if attribute in DECIDING_NAMES:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="__dict__"), attr="update")):
                return True
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                if name in DECIDING_NAMES:
                    return True
            case _:
                pass
    return False


def sets_wrapped_alone(function: ast.AST) -> bool:
    """Return whether all that decides, of what a function sets, is ``__wrapped__`` of a function inside it."""
    nodes = own_nodes(function)
    inner = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    stores = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr"]
    deciding = [node for node in stores if node.attr in DECIDING_NAMES]
    others = [node for node in nodes if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Store)]
    if any(node.attr == "__dict__" or isinstance(node.ctx, ast.Del) for node in others):
        return False
    return not calls and all(
        node.attr == "__wrapped__" and isinstance(node.value, ast.Name) and node.value.id in inner for node in deciding
    )


def mentions_deciding_names(function: ast.AST) -> bool:
    """Return whether a function assigns ``__init__`` and the like, or names one of them as text."""
    return sets_deciding_names(function) or any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in DECIDING_NAMES
        for node in own_nodes(function)
    )


def changes_own_names(cls: ast.ClassDef) -> bool:
    """Return whether a class body may bind names that are not written: ``locals()["f"] = ...``, ``exec(...)``."""
    return any(
        isinstance(node, ast.Name) and node.id in ("exec", "locals", "vars")
        for statement in cls.body
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for node in [statement, *own_nodes(statement)]
    )
