"""Names in expressions that nothing defines."""

import ast
from collections.abc import Iterator
from typing import Any

from lighter_config.checks.context import CheckContext
from lighter_config.checks.references import severity_at
from lighter_config.errors import ConfigError
from lighter_config.findings import Finding
from lighter_config.sections import IMPORTS, REQUIRES
from lighter_config.suggestions import nearest_names
from lighter_config.tree.expressions import KNOWN_NAMES, parse_expression
from lighter_config.tree.references import is_expression


def check_expression_names(context: CheckContext) -> Iterator[Finding]:
    """Report names in expressions that nothing defines."""
    known: set[str] = set()
    for path, value in context._leaves:
        if not is_expression(value) or path[-1:] == (REQUIRES,) or path[-2:-1] == (REQUIRES,):
            continue
        try:
            names = parse_expression(value).free_names
        except ConfigError:
            continue  # the check of references says so
        if names and not known:
            known = {*KNOWN_NAMES, *_imported_names(context.whole_tree)}
        for name in names:
            if name not in known:
                nearest = nearest_names(name, sorted(known))
                refers = f", or write @{name} to refer to the value of that name" if context.has((name,)) else ""
                yield context.finding(
                    path,
                    f"unknown name {name!r} in {value!r}",
                    severity=severity_at(context, path),
                    nearest=(f"@{name}", *nearest) if refers else nearest,
                    fix=f"write {nearest[0]}"
                    if nearest and not refers
                    else f"add `_imports_: {{{name}: {name}}}`{refers}",
                )


def _imported_names(tree: Any) -> set[str]:
    """The names that ``_imports_`` and ``_requires_`` give, at any level."""
    names: set[str] = set()
    work = [tree]
    while work:
        value = work.pop()
        if isinstance(value, dict):
            imports = value.get(IMPORTS)
            if isinstance(imports, dict):
                names.update(map(str, imports))
            requires = value.get(REQUIRES, [])
            for text in requires if isinstance(requires, list) else [requires]:
                names |= names_of_import(str(text).removeprefix("$"))
            work.extend(value.values())
        elif isinstance(value, list):
            work.extend(value)
    return names


def names_of_import(text: str) -> set[str]:
    """Return the names that an import statement gives; none when it is something else."""
    try:
        tree = ast.parse(text.strip())
    except SyntaxError:
        return set()
    return {
        alias.asname or alias.name.partition(".")[0]
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
