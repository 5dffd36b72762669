"""Shuffles of webdataset that no seed makes repeatable."""

import ast
from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding, Severity
from lighter_config.sections import IMPORTS
from lighter_config.tree.expressions import parse_expression
from lighter_config.tree.references import is_expression

_MODULE = "webdataset"
_TARGETS = (f"{_MODULE}.shuffle", f"{_MODULE}.filters.shuffle")
_PLACE_OF_GENERATOR = 3
_MESSAGE = "`shuffle` of webdataset ignores the seed, and a resume does not continue its order"
_FIX = "give it rng=random, with `_imports_: {random: random}`: its state is in each checkpoint"


def check_shuffles(context: CheckContext) -> Iterator[Finding]:
    """Warn of ``shuffle`` without ``rng``: it seeds a generator of its own with the time.

    Source: the finding ``webdataset_shuffle_ignores_seeds`` of the repository.
    """
    for component in context.components:
        has_generator = component.positional is None or len(component.positional) >= _PLACE_OF_GENERATOR
        if component.target in _TARGETS and "rng" not in component.keywords and not has_generator:
            yield context.finding(component.path, _MESSAGE, severity=Severity.WARNING, fix=_FIX)
    for path, value in context._leaves:
        if is_expression(value) and ".shuffle(" in value and _shuffles(context, value):
            yield context.finding(path, _MESSAGE, severity=Severity.WARNING, fix=_FIX)


def _shuffles(context: CheckContext, text: str) -> bool:
    """Return whether an expression calls ``shuffle`` of a dataset of webdataset, without ``rng``."""
    try:
        tree = parse_expression(text).tree
    except ConfigError:
        return False  # the check of references says so
    imports = context.whole_tree.get(IMPORTS)
    names = {name for name, module in (imports if isinstance(imports, dict) else {}).items() if module == _MODULE}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "shuffle":
            is_given = any(keyword.arg in ("rng", None) for keyword in call.keywords)
            is_given |= len(call.args) >= _PLACE_OF_GENERATOR or any(isinstance(one, ast.Starred) for one in call.args)
            if not is_given and _first_name(call.func.value) in names:
                return True
    return False


def _first_name(node: ast.expr) -> str:
    """Return the name that a chain of calls and attributes begins with."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
