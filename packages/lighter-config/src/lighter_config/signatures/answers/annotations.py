"""Whether a value written in YAML fits an annotation: yes, no, or not known."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeGuard

from lighter_config.signatures.answers.class_literals import enum_literals, is_name_of_dtype, object_wanted
from lighter_config.signatures.answers.default_values import default_value
from lighter_config.signatures.answers.mismatch import UNWRITTEN, Mismatch, Wanted
from lighter_config.signatures.text.parameters import Parameter
from lighter_config.signatures.values.library import Library
from lighter_config.signatures.values.value import BuiltinValue, ClassValue, ExpressionValue, Scope, Value

_Result = Mismatch | bool | None  # True fits, None is not known

_SEQUENCES = frozenset(
    {"list", "List", "Sequence", "MutableSequence", "Iterable", "Collection", "set", "Set", "frozenset", "FrozenSet"}
)
_TAKE_TEXT = frozenset({"Sequence", "Iterable", "Collection"})
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_SCALARS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "complex": (int, float),
    "float": (int, float),
    "int": (int,),
    "str": (str,),
}
_SIMPLE_KINDS = (bool, int, float, str, list, dict)
_MAX_DEPTH = 20


class Annotations:
    """Compare values with annotations, whose names are looked up in their module."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def mismatch(self, parameter: Parameter, value: Any) -> Mismatch | None:
        """Say what in a value certainly does not fit a parameter; ``None`` when it fits or that is not known.

        A YAML list is a fine tuple and set, an integer a fine float. Parts that are ``UNWRITTEN`` always fit.
        """
        if parameter.annotation is None or (value is None and parameter.default == "None"):
            return None
        node = _parsed(parameter.annotation)
        if node is None:
            return None
        scope = Scope(parameter.module)
        result = self._compare(node, scope, value, 0)
        if not isinstance(result, Mismatch) or self._denies_its_default(node, parameter, value):
            return None
        is_certain = not result.path and isinstance(value, str | dict) and self._takes_only_numbers(node, scope)
        return replace(result, is_certain=is_certain)

    def listed(self, parameter: Parameter) -> tuple[list[Any], list[Any]]:
        """Return the values that an annotation lists in a ``Literal``, and those for the items of lists."""
        own: list[Any] = []
        of_items: list[Any] = []
        node = None if parameter.annotation is None else _parsed(parameter.annotation)
        work: list[tuple[ast.expr, Scope, list[Any], int]] = []
        if node is not None:
            work.append((node, Scope(parameter.module), own, 0))
        while work:
            one, scope, found, depth = work.pop()
            parts = [*self._parts(one, scope, found)] if depth <= _MAX_DEPTH else []
            for inner, inner_scope, is_item in reversed(parts):  # the last of the work is the next
                if not is_item or found is own:
                    work.append((inner, inner_scope, of_items if is_item else found, depth + 1))
        return own, of_items

    def _parts(self, node: ast.expr, scope: Scope, found: list[Any]) -> Iterator[tuple[ast.expr, Scope, bool]]:
        """Yield the parts of an annotation, each with whether it is for items; add the values that it lists."""
        match node:
            case ast.Constant(value=str(text)) if (inner := _parsed(text)) is not None:
                yield inner, scope, False
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from ((part, scope, False) for part in (left, right))
            case ast.Name() | ast.Attribute():
                named = self.library.evaluate(node, scope)
                if isinstance(named, ExpressionValue):
                    yield named.node, named.scope, False
                elif isinstance(named, ClassValue):
                    found.extend(value for value in enum_literals(self.library, named) if _is_listed(value))
            case ast.Subscript(value=base, slice=inner):
                named = self.library.evaluate(base, scope)
                name = _plain_name(named) if isinstance(named, (BuiltinValue, ClassValue)) else ""
                parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                if name == "Literal":
                    found.extend(part.value for part in parts if _is_plain(part))
                elif name in ("Optional", "Union", "Annotated", "Final"):
                    yield from ((part, scope, False) for part in (parts[:1] if name == "Annotated" else parts))
                elif name in _SEQUENCES or name in ("tuple", "Tuple"):
                    yield from ((part, scope, True) for part in parts)

    def _denies_its_default(self, node: ast.expr, parameter: Parameter, value: Any) -> bool:
        """Return whether an annotation does not even take the default, and the value is of the default's type.

        ``rate: int = 0.01`` takes every float: the default is in use, and the annotation is a slip.
        """
        default = default_value(self.library, parameter)
        if default is UNWRITTEN or default is None:
            return False
        is_alike = type(value) is type(default) or (type(default) is float and type(value) is int)
        return is_alike and isinstance(self._compare(node, Scope(parameter.module), default, 0), Mismatch)

    def _takes_only_numbers(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether an annotation names numbers and truth values, and perhaps null, but nothing else."""

        def takes(*values: Any) -> bool:
            return any(not isinstance(self._compare(node, scope, value, 0), Mismatch) for value in values)

        return takes(1, 0.5, True) and not takes([], {}, "text")

    def _compare(self, node: ast.expr, scope: Scope, value: Any, depth: int) -> _Result:
        if value is UNWRITTEN or depth > _MAX_DEPTH:
            return None
        match node:
            case ast.Constant(value=None):
                return value is None or Mismatch((), "None")
            case ast.Constant(value=str(text)):
                inner = _parsed(text)
                return None if inner is None else self._compare(inner, scope, value, depth + 1)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._union([left, right], scope, value, depth)
            case ast.Subscript(value=base, slice=inner):
                return self._generic(node, base, inner, scope, value, depth)
            case ast.Name() | ast.Attribute():
                return self._named(node, self.library.evaluate(node, scope), value, depth)
            case ast.Call(func=func, args=[_, inner], keywords=[]):
                is_new = self.library.evaluate(func, scope) == BuiltinValue("typing.NewType")
                return self._compare(inner, scope, value, depth + 1) if is_new else None
            case _:
                return None

    def _named(self, node: ast.expr, named: Value, value: Any, depth: int) -> _Result:
        match named:
            case ExpressionValue(node=alias, scope=scope):
                return self._compare(alias, scope, value, depth + 1)
            case BuiltinValue(name="typing.Any" | "builtins.object"):
                return True
            case BuiltinValue() | ClassValue():
                return self._simple(node, named, value)
            case _:
                return Mismatch((), ast.unparse(node), wanted="dtype") if is_name_of_dtype(node, value) else None

    def _simple(self, node: ast.expr, named: BuiltinValue | ClassValue, value: Any) -> _Result:
        text = ast.unparse(node)
        if value is None:
            return Mismatch((), text)
        if is_name_of_dtype(node, value):
            return Mismatch((), text, wanted="dtype")
        name = _plain_name(named)
        if name in _SCALARS:
            if isinstance(value, bool) and name != "bool":
                return True if name in ("int", "float", "complex") else Mismatch((), text)
            if name == "bool" and value in (0, 1):
                return None
            return isinstance(value, _SCALARS[name]) or Mismatch((), text)
        if name in _SEQUENCES or name in ("tuple", "Tuple"):
            if isinstance(value, str) and name in _TAKE_TEXT:
                return None
            return isinstance(value, list) or Mismatch((), text)
        if name in _MAPPINGS:
            return isinstance(value, dict) or Mismatch((), text)
        if name == "Callable":
            return Mismatch((), text, wanted="object") if isinstance(value, (bool, int, float, list, str)) else None
        if isinstance(named, ClassValue) and (wanted := object_wanted(self.library, named, value)):
            return Mismatch((), text, wanted=wanted)
        return None

    def _generic(
        self, node: ast.Subscript, base: ast.expr, inner: ast.expr, scope: Scope, value: Any, depth: int
    ) -> _Result:
        named = self.library.evaluate(base, scope)
        if not isinstance(named, (BuiltinValue, ClassValue)):
            return None
        name = _plain_name(named)
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "Optional":
            return self._union([inner, ast.Constant(value=None)], scope, value, depth)
        if name == "Union":
            return self._union(parts, scope, value, depth)
        if name in ("Annotated", "Final"):
            return self._compare(parts[0], scope, value, depth + 1)
        if name == "Literal":
            return self._literal(node, parts, scope, value)
        outside = self._simple(base, named, value)
        if outside is not True:
            return Mismatch((), ast.unparse(node)) if isinstance(outside, Mismatch) else outside
        if name in ("tuple", "Tuple"):
            return self._tuple(node, parts, scope, value, depth)
        if name in _SEQUENCES:
            return _all(enumerate(value), lambda item: self._compare(inner, scope, item, depth + 1))
        if name in _MAPPINGS and len(parts) == 2:
            return _all(value.items(), lambda item: self._compare(parts[1], scope, item, depth + 1))
        return None

    def _tuple(self, node: ast.expr, parts: list[ast.expr], scope: Scope, value: Any, depth: int) -> _Result:
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
            return _all(enumerate(value), lambda item: self._compare(parts[0], scope, item, depth + 1))
        if len(parts) != len(value):
            return Mismatch((), ast.unparse(node))
        pairs = iter(parts)
        return _all(enumerate(value), lambda item: self._compare(next(pairs), scope, item, depth + 1))

    def _union(self, branches: list[ast.expr], scope: Scope, value: Any, depth: int) -> _Result:
        """Compare with each branch; when none fits, tell about the one that gets furthest into the value."""
        mismatches: list[Mismatch] = []
        is_unknown = False
        for branch in branches:
            result = self._compare(branch, scope, value, depth + 1)
            if result is True:
                return True
            if isinstance(result, Mismatch):
                mismatches.append(result)
            else:
                is_unknown = True
        if is_unknown:
            return None
        deepest = max(mismatches, key=lambda mismatch: len(mismatch.path))
        if deepest.path:
            return deepest
        expected = " | ".join(dict.fromkeys(mismatch.expected for mismatch in mismatches))
        lists_all = all(mismatch.choices or mismatch.expected == "None" for mismatch in mismatches)
        choices = [choice for mismatch in mismatches for choice in mismatch.choices] if lists_all else ()
        wanted: Wanted = next((mismatch.wanted for mismatch in mismatches if mismatch.wanted), "")
        return Mismatch((), expected, tuple(choices), wanted)

    def _literal(self, node: ast.expr, parts: list[ast.expr], scope: Scope, value: Any) -> _Result:
        allowed: list[Any] = []
        for part in parts:
            try:
                allowed.append(ast.literal_eval(part))
            except ValueError:
                return None  # a member of an enum, or another Literal
        if any(type(one) is type(value) and one == value for one in allowed):
            return True
        # True and 1 are one value to most code
        return None if value in allowed else Mismatch((), ast.unparse(node), tuple(allowed))


def _all(items: Iterable[tuple[str | int, Any]], compare: Callable[[Any], _Result]) -> _Result:
    """The first mismatch of several items, with the item's key before its path."""
    is_unknown = False
    for key, item in items:
        result = compare(item)
        if isinstance(result, Mismatch):
            return replace(result, path=(key, *result.path))
        is_unknown |= result is None
    return None if is_unknown else True


def _is_plain(node: ast.expr) -> TypeGuard[ast.Constant]:
    """Return whether a part of a ``Literal`` is a value that YAML has."""
    return isinstance(node, ast.Constant) and _is_listed(node.value)


def _is_listed(value: Any) -> bool:
    return isinstance(value, str | int | bool | None)


def _plain_name(named: BuiltinValue | ClassValue) -> str:
    """The name of a builtin, of ``typing`` or of ``collections.abc``; empty for any other class."""
    module, _, name = named.name.rpartition(".")
    return name if module in ("builtins", "typing", "collections.abc", "_collections_abc") else ""


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return None
