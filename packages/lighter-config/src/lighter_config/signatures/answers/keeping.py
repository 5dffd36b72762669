"""Functions that are known by their names: decorators that keep a signature, and those that make a constructor."""

import ast
from typing import TypeGuard

from lighter_config.signatures.values.value import BuiltinValue, ClassValue, FunctionValue, Value

MAKERS = {
    "attr._make.attrs": "attr.s",
    "attr._next_gen.define": "attrs.define",
    "dataclasses.dataclass": "dataclass",
}
"""Decorators that make a constructor of the fields of a class."""

NAMES_OF_MAKERS = frozenset({"attrs", "dataclass", "define", "frozen", "mutable", "s"})
"""The names of such decorators, for calls of functions that are not known."""

# Decorators that `inspect.signature` looks through, and whose own code says less than their names do.
_KEEPING = frozenset(
    {
        "abc.abstractmethod",
        "builtins.classmethod",
        "builtins.staticmethod",
        "contextlib.asynccontextmanager",
        "contextlib.contextmanager",
        "functools.cache",
        "functools.lru_cache",
        "functools.singledispatch",
        "functools.total_ordering",
        "numpy._core.overrides.array_function_dispatch",
        "numpy.core.overrides.array_function_dispatch",
        "torch._C._add_docstr",
        "torch.autograd.grad_mode.enable_grad",
        "torch.autograd.grad_mode.inference_mode",
        "torch.autograd.grad_mode.no_grad",
        "torch.autograd.grad_mode.set_grad_enabled",
        "typing.dataclass_transform",
        "typing.final",
        "typing.no_type_check",
        "typing.overload",
        "typing.override",
        "typing.runtime_checkable",
        "typing_extensions.dataclass_transform",
        "typing_extensions.deprecated",
        "warnings.deprecated",
    }
)


def is_keeping(value: Value) -> TypeGuard[BuiltinValue | FunctionValue | ClassValue]:
    """Return whether a decorator leaves the signature as it is."""
    return isinstance(value, (BuiltinValue, FunctionValue, ClassValue)) and value.name in _KEEPING


def shortened(node: ast.expr) -> str:
    """A decorator as a reader sees it, without its arguments."""
    text = ast.unparse(node.func if isinstance(node, ast.Call) else node)
    return f"@{text}"
