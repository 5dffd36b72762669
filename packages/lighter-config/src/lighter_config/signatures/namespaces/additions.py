"""The ways in which a module gains names that its statements do not bind."""

import ast
import re
from dataclasses import replace
from functools import cached_property

from lighter_config.signatures.namespaces.namespace import Addition, Namespace, NamingCall
from lighter_config.signatures.text.conditions import last_name
from lighter_config.signatures.text.function_bodies import own_nodes
from lighter_config.signatures.text.outline import Outline

_WAYS_TO_ADD_NAMES = (
    b"globals",
    b"modules[__name__",
    b"modules.get(",
    b"sys.modules",
    b"exec(",
    b"vars(",
    b"locals(",
    b"__dict__",
)
_NAME_GIVEN = re.compile(rb"\(\s*__name__\s*,|(?:import_module|__import__)\(\s*__name__")

# a statement of several lines may have the parts of the above on different ones
_WORDS = (b"globals", b"locals", b"vars", b"exec", b"__dict__", b"__name__")
_IN_ONE_LINE = re.compile(rb"\b(?:globals|locals|vars|exec)\s*\(|__dict__|\b__name__\b")

_TELLING_NODES = (ast.Subscript, ast.Call, ast.Attribute, ast.Compare, ast.For, ast.comprehension, ast.Assign)

_OWN_NAMES = ("globals", "locals", "vars")
_READING_METHODS = frozenset({"__contains__", "__getitem__", "copy", "get", "items", "keys", "values"})
_READING_FUNCTIONS = frozenset(
    {"__import__", "bool", "dict", "frozenset", "iter", "len", "list", "repr", "set", "sorted", "str", "tuple"}
)


def may_add_names(text: bytes) -> bool:
    """Return whether a module may have names beside those that its statements bind."""
    is_name_given = b"__name__" in text and _NAME_GIVEN.search(text) is not None
    return is_name_given or any(way in text for way in _WAYS_TO_ADD_NAMES)


def note_additions(namespace: Namespace, outline: Outline) -> None:
    """Record every way in which the module may gain names that its statements do not bind."""
    module = _ModuleText(outline)
    own_names = [name.encode() for name in module.own_names]
    telling = re.compile(b"|".join([_IN_ONE_LINE.pattern, *(rb"\b%b\b" % name for name in own_names)]))
    for node in outline.matching([*_WORDS, *own_names], telling):
        if not isinstance(node, _TELLING_NODES):
            continue
        _note_reading(node, module)
        addition = _through_globals(node, module) or _through_module_object(node, module)
        if addition is not None:
            is_asked_for = node in module.inside_getattr
            texts = frozenset[str]() if is_asked_for else module.texts_around(node)
            if addition.replaces_all:
                texts = frozenset[str]().union(*map(module.texts_in, outline.everything()))
            namespace.additions.append(replace(addition, is_asked_for=is_asked_for, texts=texts))
        elif isinstance(node, ast.Call):
            _note_call(namespace, node, module)


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, (ast.AugAssign, ast.AnnAssign)) else []


class _ModuleText:
    """The tree of a module, with what the rules below ask about it.

    Args:
        outline: The statements of the module.

    Attributes:
        own_names: The variables that hold the module object: ``module = sys.modules[__name__]``.
        settled: Calls of ``globals()`` and its like whose use is known: they are only read, or are counted already.
    """

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self.own_names: set[str] = set()
        self.settled: set[ast.AST] = set()
        self._nodes: dict[ast.stmt, set[ast.AST]] = {}
        for node in outline.matching(_WORDS, _IN_ONE_LINE):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if self.is_itself(value):
                    self.own_names.add(name)
                case _:
                    pass

    def is_itself(self, node: ast.expr) -> bool:
        """Return whether an expression is the module object."""
        if isinstance(node, ast.Name):
            return node.id in self.own_names
        match node:
            case ast.Subscript(value=table, slice=ast.Name(id="__name__")):
                return last_name(table) == "modules"
            case ast.Call(func=ast.Attribute(value=table, attr="get" | "__getitem__"), args=[ast.Name(id="__name__")]):
                return last_name(table) == "modules"
            case ast.Call(func=func, args=[ast.Name(id="__name__")]):
                return last_name(func) in ("__import__", "import_module")
            case _:
                return False

    def has_own_names(self, node: ast.AST) -> bool:
        """Return whether an expression is the mapping of the module's names: ``globals()``."""
        match node:
            case ast.Call(func=func, args=[], keywords=[]) if last_name(func) in _OWN_NAMES:
                # in a function or a class, the others give the names of that
                return last_name(func) == "globals" or node in self.in_no_function
            case ast.Attribute(value=value, attr="__dict__"):
                return self.is_itself(value)
            case ast.Call(func=ast.Name(id="vars"), args=[value], keywords=[]):
                return self.is_itself(value)
            case _:
                return False

    @property
    def _statements(self) -> list[ast.stmt]:
        """The statements that may hold a node that was found, or tell something about it: not what nobody has read."""
        return self._outline.parsed

    @cached_property
    def inside_getattr(self) -> set[ast.AST]:
        """The nodes of the module's ``__getattr__``."""
        return {
            part
            for statement in self._statements
            if isinstance(statement, ast.FunctionDef) and statement.name == "__getattr__"
            for part in ast.walk(statement)
        }

    @cached_property
    def in_no_function(self) -> set[ast.AST]:
        """The nodes outside all functions and classes."""
        return set(own_nodes(ast.Module(self._statements, [])))

    def always_runs(self, call: ast.Call) -> bool:
        """Return whether a call is a statement of the module itself."""
        return any(isinstance(statement, ast.Expr) and statement.value is call for statement in self._statements)

    def is_parameter(self, name: str, call: ast.Call) -> bool:
        """Return whether a name in a call is a parameter of the function around it."""
        functions = [one for one in self._statements if isinstance(one, ast.FunctionDef) and call in ast.walk(one)]
        return any(argument.arg == name for one in functions for argument in (*one.args.args, *one.args.kwonlyargs))

    def texts_around(self, node: ast.AST) -> frozenset[str]:
        """The texts that may be names which a node adds: those of its statement, and of what that uses or defines."""
        statement = next((one for one in self._statements if node in self._nodes_of(one)), None)
        if statement is None:
            return frozenset()
        used = {part.id for part in self._nodes_of(statement) if isinstance(part, ast.Name)}
        defined = getattr(statement, "name", "")
        texts = self.texts_in(statement)
        for other in self._statements:
            targets = {last_name(target) for target in _targets(other)}
            is_call = isinstance(other, ast.Expr) and any(
                isinstance(part, ast.Name) and part.id == defined for part in ast.walk(other)
            )
            if other is not statement and "__all__" not in targets and (targets & used or is_call):
                texts |= self.texts_in(other)
        return frozenset(texts)

    def _nodes_of(self, statement: ast.stmt) -> set[ast.AST]:
        if statement not in self._nodes:
            self._nodes[statement] = set(ast.walk(statement))
        return self._nodes[statement]

    def texts_in(self, statement: ast.stmt) -> set[str]:
        """The texts of a statement that may be names, those of annotations aside."""
        found: set[str] = set()
        pending: list[ast.AST] = [statement]
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                found.add(node.value)
            if isinstance(node, ast.Subscript) and not self.has_own_names(node.value):
                pending.append(node.value)
                continue
            for field, value in ast.iter_fields(node):
                if field not in ("annotation", "returns", "bases"):
                    values = value if isinstance(value, list) else [value]
                    pending.extend(one for one in values if isinstance(one, ast.AST))
        return found

    def loop_around(self, node: ast.AST) -> ast.For | None:
        """Return the loop of the module that holds a node, the outermost if there are several."""
        if node not in self.in_no_function:
            return None
        loops = (one for statement in self._statements for one in self._nodes_of(statement) if isinstance(one, ast.For))
        around = [one for one in loops if node in ast.walk(one)]
        return min(around, key=lambda one: one.lineno, default=None)


def _note_reading(node: ast.AST, module: _ModuleText) -> None:
    """Settle the uses of ``globals()`` inside a node that only read it."""
    match node:
        case ast.Subscript(value=names, ctx=ast.Load()):
            read = [names]
        case ast.Call(func=ast.Attribute(value=names, attr=method)) if method in _READING_METHODS:
            read = [names]
        case ast.Call(func=ast.Name(id=function), args=arguments) if function in _READING_FUNCTIONS:
            read = list(arguments)
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=comparators):
            read = comparators
        case ast.For(iter=names) | ast.comprehension(iter=names):
            read = [names]
        case _:
            return
    module.settled.update(names for names in read if module.has_own_names(names))


def _through_globals(node: ast.AST, module: _ModuleText) -> Addition | None:
    """Say how a node changes ``globals()``: by a key, by code in a text, or by giving it to something else."""
    match node:
        case ast.Subscript(value=names, ctx=ast.Store()) if module.has_own_names(names):
            module.settled.add(names)
            reason = f"it binds computed names in line {node.lineno}"
            loop = module.loop_around(node)
            return Addition(reason) if loop is None else _in_loop(loop, node, reason)
        case ast.Subscript(value=names, ctx=ast.Del()) if module.has_own_names(names):
            return Addition(f"it removes names in line {node.lineno}")
        case ast.Call(func=ast.Name(id="exec"), args=[_, *where]):
            if not where or any(module.has_own_names(part) for part in ast.walk(where[0])):
                return Addition(f"it runs text as code in line {node.lineno}")
        case ast.Call() | ast.Attribute() if module.has_own_names(node) and node not in module.settled:
            return Addition(f"it changes its own names in line {node.lineno}")
        case _:
            pass
    return None


def _through_module_object(node: ast.AST, module: _ModuleText) -> Addition | None:
    """Say how a node changes the module object: replaces it, or sets an attribute of it."""
    match node:
        case ast.Assign(targets=[ast.Name()], value=value) if module.is_itself(value):
            return None
        case ast.Assign(targets=targets) if any(module.is_itself(target) for target in targets):
            return Addition("it puts another object in its own place", replaces_all=True)
        case ast.Call(func=ast.Name(id="setattr"), args=[target, name, *_]) if module.is_itself(target):
            is_for_callers = isinstance(name, ast.Name) and module.is_parameter(name.id, node)
            return Addition(f"it binds computed names in line {node.lineno}", is_for_callers=is_for_callers)
        case ast.Attribute(value=target, ctx=ast.Store()) if module.is_itself(target):
            return Addition(f"it changes itself in line {node.lineno}")
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
    if (names := _listed_names(loop, target.slice)) is not None:
        return Addition(reason, names=names)
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


def _listed_names(loop: ast.For, variable: ast.expr) -> frozenset[str] | None:
    """The names that a loop over written texts goes through; ``None`` if the variable is anything else."""
    match loop:
        case ast.For(target=ast.Name(id=name), iter=ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items)):
            texts = [one.value for one in items if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            num_stores = sum(
                isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Store)
                for one in ast.walk(loop)
            )
            is_variable = isinstance(variable, ast.Name) and variable.id == name
            return frozenset(texts) if is_variable and num_stores == 1 and len(texts) == len(items) else None
        case _:
            return None


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
