"""Find the methods of classes that run text, start programs, read and write files, or import what an argument names.

They are found in Python source. Of compiled methods, only names and documentation are known.
"""

import ast
import functools
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_NAMES = {"open", "exec", "eval", "compile", "execfile", "__import__", "Popen", "get_filesystem", "_atomic_save"}
"""Functions by their plain names."""

_ATTRIBUTES = {
    *("open", "exec_module", "runctx", "run_path", "Popen", "popen", "check_call", "check_output", "execv"),
    *("mkdir", "makedirs", "unlink", "rmtree", "rmdir", "touch", "write_text", "write_bytes", "read_text"),
    *("read_bytes", "savefig", "urlopen", "urlretrieve", "copyfile", "copytree", "get_filesystem", "dump_stats"),
    *("to_csv", "tofile", "fromfile", "memmap", "export_chrome_trace", "export_stacks", "load_url", "from_file"),
    *("symlink_to", "hardlink_to", "load_library"),
}
"""Methods and functions of modules, whatever stands before the dot."""

_DOTTED = {
    *(("os", name) for name in ("system", "remove", "rename", "replace", "link", "symlink", "kill")),
    *((module, name) for module in ("torch", "torch.jit") for name in ("save", "load")),
    *(("subprocess", name) for name in ("run", "call")),
    *((module, name) for module in ("pickle", "yaml", "json", "np", "numpy") for name in ("load", "dump", "save")),
    ("torch.onnx", "export"),
}
_IMPORTERS = {"import_module", "__import__", "locate", "optional_import", "instantiate_class", "get_class"}
"""Functions that import what a text names; MONAI's ``optional_import`` is one."""

_OF_MEMORY = re.compile(r"\b(files?|pickl\w+|pointer|address|disk|storage|buffer|unsafe|undefined behavio\w+)\b", re.I)
_MAX_CALLS = 3


def public_methods(kinds: Iterable[type]) -> Iterator[tuple[type, str, Any]]:
    """Yield the public methods and properties of classes."""
    for kind in kinds:
        for name in dir(kind):
            if not name.startswith("_"):
                yield kind, name, inspect.getattr_static(kind, name, None)


def reason(member: Any, kind: type | None, depth: int = 0, *, calls: Callable[[ast.Call], str] | None = None) -> str:
    """Return what a method calls, itself or through functions and methods of its class; empty if nothing is found.

    Args:
        member: The method or function.
        kind: Its class.
        depth: The number of calls on the way to it.
        calls: Returns what a call does, or an empty text; by default, ``touches``.
    """
    calls = calls or touches
    function = _function(member)
    tree = _tree(function) if function is not None else None
    if function is None or tree is None:
        return ""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if called := calls(call):
            return called
    if depth == _MAX_CALLS:
        return ""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name, next_kind, inside = "", None, None
        match call.func:
            case ast.Name(id=name):
                inside = function.__globals__.get(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if kind is not None:
                inside, next_kind = inspect.getattr_static(kind, name, None), kind
        if inside is None or name in _IMPORTERS:
            continue
        if found := _reason_once(inside, next_kind, depth + 1, calls):
            return f"{name} > {found}"
    return ""


@functools.cache
def _reason_once(member: Any, kind: type | None, depth: int, calls: Callable[[ast.Call], str]) -> str:
    return reason(member, kind, depth, calls=calls)


def imports_an_argument(call: ast.Call) -> str:
    """Return a call that imports what its caller names, not what is written there."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("name", "module"))]
    return ast.unparse(call) if name in _IMPORTERS and not all(isinstance(a, ast.Constant) for a in given) else ""


def compiled_names(kinds: Iterable[type]) -> Iterator[str]:
    """Yield the names of public compiled methods that are not documented, or whose documentation is about memory."""
    for _, name, member in public_methods(kinds):
        documentation = getattr(member, "__doc__", None)
        if _function(member) is None and (not documentation or _OF_MEMORY.search(documentation)):
            yield name


def touches(call: ast.Call) -> str:
    """Return a call that runs text, starts a program, or reads or writes a file."""
    match call.func:
        case ast.Name(id=name) if name in _NAMES:
            return name
        case ast.Attribute(attr=name) if name in _ATTRIBUTES:
            return ast.unparse(call.func)
        case ast.Attribute(value=owner, attr=name) if (ast.unparse(owner), name) in _DOTTED:
            return ast.unparse(call.func)
    return ""


def _function(member: Any) -> Callable[..., Any] | None:
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    if isinstance(member, property):
        member = member.fget
    if isinstance(member, functools.cached_property):
        member = member.func
    try:
        found = inspect.unwrap(member) if callable(member) else None
    except Exception:  # what stands for a package that is not installed raises for every attribute
        return None
    return found if isinstance(found, types.FunctionType) else None


@functools.cache
def _tree(function: Callable[..., Any]) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return None


def reachable(
    objects: Iterable[Any], *, depth: int, follows: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, Any]]:
    """Yield the objects that public attributes lead to from others, each type once, with the attributes on the way."""
    level = [(type(value).__name__, value) for value in objects]
    seen: set[type] = set()
    for _ in range(depth + 1):
        following = []
        for way, value in level:
            if type(value) in seen:
                continue
            seen.add(type(value))
            yield way, value
            for name in dir(value):
                if name.startswith("_") or not follows(name):
                    continue
                try:
                    inside = getattr(value, name)
                except Exception:  # an attribute that the object does not have yet
                    continue
                if callable(inside):
                    continue
                following.append((f"{way}.{name}", inside))
                if isinstance(inside, dict):
                    following += [(f"{way}.{name}[{key!r}]", item) for key, item in inside.items()]
                elif isinstance(inside, list | tuple | set):
                    following += [(f"{way}.{name}[]", item) for item in inside]
        level = following
