"""Functions of a compiled namespace, read from the few lines of its stub that define them.

torch adds those of ``torch._C._VariableFunctions`` to itself. Their stub has 31,000 lines, most of them documentation:
reading all of it takes a third of a second, finding one function some milliseconds.
"""

import ast
import re
from collections.abc import Sequence

from lighter_config.signatures.text.parsing import parse_module

_OTHER_NAMES = {"dim": "axis", "keepdim": "keepdims"}
_NO_DEFAULT = ast.Constant(value=...)


def read_function(text: str, name: str) -> ast.FunctionDef | None:
    r"""Return the definition of a function in a stub; ``None`` if there is none.

    Several signatures become one that takes what any of them takes: an argument is required if all of them require it
    in the same position.

    Args:
        text: The stub.
        name: The name of the function.

    >>> stub = "@overload\ndef f(a: int, *, b=1): ...\n@overload\ndef f(c, a: int): ...\ndef g(): ...\n"
    >>> ast.unparse(read_function(stub, "f").args)
    'a=..., c=..., *, b=...'
    """
    found: list[ast.FunctionDef] = []
    for match in re.finditer(rf"^def {re.escape(name)}\(", text, re.MULTILINE):
        end = re.compile(r"^(?=[^\s)#])", re.MULTILINE).search(text, match.end())
        (definition,) = parse_module(text[match.start() : end.start() if end else len(text)]).body
        assert isinstance(definition, ast.FunctionDef)
        ast.increment_lineno(definition, text.count("\n", 0, match.start()))
        found.append(definition)
    if not found:
        return None
    merged = merged_function(found)
    _add_other_names(merged.args)
    return merged


def merged_function(signatures: Sequence[ast.FunctionDef]) -> ast.FunctionDef:
    """Return one function that takes what any of several signatures takes, instead of the first of them."""
    if len(signatures) > 1:
        signatures[0].args = _merged([one.args for one in signatures])
    return signatures[0]


def function_names(text: str) -> set[str]:
    """Return the names of all functions in a stub."""
    return set(re.findall(r"^def (\w+)\(", text, re.MULTILINE))


def _add_other_names(arguments: ast.arguments) -> None:
    """Add the names that NumPy has for arguments, which compiled functions of torch take too."""
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    for name, other in _OTHER_NAMES.items():
        if name in names and other not in names:
            arguments.kwonlyargs.append(ast.arg(arg=other))
            arguments.kw_defaults.append(_NO_DEFAULT)


def _merged(signatures: Sequence[ast.arguments]) -> ast.arguments:
    """Return arguments of which each signature is a case."""
    by_position = [[*one.posonlyargs, *one.args] for one in signatures]
    positional = _by_name(by_position)
    by_keyword = _by_name([one.kwonlyargs for one in signatures])
    required = [
        name
        for index, name in enumerate(argument.arg for argument in by_position[0][: _num_required(signatures[0])])
        if all(
            index < _num_required(one) and arguments[index].arg == name
            for one, arguments in zip(signatures, by_position, strict=True)
        )
    ]
    # which of the others a position reaches depends on the case, so it is not judged by an annotation
    ordered = [positional[name] for name in required]
    ordered += [ast.arg(arg=name) for name in positional if name not in required]
    keywords = [argument for name, argument in by_keyword.items() if name not in positional]
    by_place = {argument.arg for one in signatures for argument in one.posonlyargs}
    by_place -= {argument.arg for one in signatures for argument in (*one.args, *one.kwonlyargs)}
    num_by_place = next((index for index, one in enumerate(ordered) if one.arg not in by_place), len(ordered))
    return ast.arguments(
        posonlyargs=ordered[:num_by_place],
        args=ordered[num_by_place:],
        vararg=next((one.vararg for one in signatures if one.vararg is not None), None),
        kwonlyargs=keywords,
        kw_defaults=[_NO_DEFAULT] * len(keywords),
        kwarg=next((one.kwarg for one in signatures if one.kwarg is not None), None),
        defaults=[_NO_DEFAULT] * (len(ordered) - len(required)),
    )


def _num_required(one: ast.arguments) -> int:
    return len(one.posonlyargs) + len(one.args) - len(one.defaults)


def _by_name(several: Sequence[Sequence[ast.arg]]) -> dict[str, ast.arg]:
    """Return the arguments of several signatures by name; one with different annotations has none."""
    found: dict[str, ast.arg] = {}
    for argument in (argument for arguments in several for argument in arguments):
        known = found.setdefault(argument.arg, argument)
        if known is not argument and ast.dump(known) != ast.dump(argument):
            found[argument.arg] = ast.arg(arg=argument.arg)
    return found
