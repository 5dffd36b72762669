"""Write a list of import statements as `_imports_`."""

import ast
from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import put_in, rename_key, take_out

_OLD, _NEW = ("imports", "import"), "_imports_"


def write_imports(documents: Sequence[Document]) -> None:
    """Write `imports: ["$import glob"]`, as bundles have it, as `_imports_: {glob: glob}`."""
    for document in documents:
        for old in _OLD:
            if old in document.root:
                _rewrite(document, old)


def _rewrite(document: Document, old: str) -> None:
    root = document.root
    given = root[old]
    items = list(given) if isinstance(given, CommentedSeq) else [given]
    if not items or not all(isinstance(item, str) and item.startswith("$") for item in items):
        return
    imports = CommentedMap()
    for index, item in enumerate(items):
        names = _names(str(item)[1:])
        if names is None:
            container, key = (given, index) if isinstance(given, CommentedSeq) else (root, old)
            fix = f"name the modules: `{_NEW}: {{np: numpy}}`"
            document.say(f"{str(item)!r} is not an import", container, key, fix=fix)
            return
        imports.update(names)
        if isinstance(given, CommentedSeq) and index in given.ca.items and names:
            imports.ca.items[list(names)[-1]] = [None, None, given.ca.items[index][0], None]
    if isinstance(root.get(_NEW), CommentedMap):
        take_out(root, old)
        for name, module in imports.items():
            if name not in root[_NEW]:
                put_in(root[_NEW], name, module)
        return
    root[old] = imports
    rename_key(root, old, _NEW)


def _names(statements: str) -> dict[str, str] | None:
    """Return the modules that import statements name, by the name that they give them; ``None`` for other code."""
    try:
        body = ast.parse(statements.strip()).body
    except SyntaxError:
        return None
    names: dict[str, str] = {}
    for statement in body:
        if isinstance(statement, ast.Import):
            for one in statement.names:
                names[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names |= {one.asname or one.name: f"{statement.module}.{one.name}" for one in statement.names}
        else:
            return None
    return names
