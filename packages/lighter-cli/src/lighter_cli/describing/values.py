"""The values that the annotation of an argument lists."""

import ast
from collections.abc import Iterator

from lighter_config.signatures import Parameter


def values_of(argument: Parameter) -> Iterator[str]:
    """Yield them as a config writes them: truth values, null, the members of a ``Literal``."""
    if argument.default in ("True", "False"):
        yield from ("true", "false")
    try:
        annotation = ast.parse(argument.annotation or "", mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(annotation):
        match node:
            case ast.Name(id="bool"):
                yield from ("true", "false")
            case ast.Name(id="Optional") | ast.Attribute(attr="Optional") | ast.Constant(value=None):
                yield "null"
            case ast.Subscript(
                value=ast.Name(id="Literal") | ast.Attribute(attr="Literal"), slice=ast.Tuple(elts=items)
            ):
                yield from (
                    str(item.value) for item in items if isinstance(item, ast.Constant) and item.value is not None
                )
