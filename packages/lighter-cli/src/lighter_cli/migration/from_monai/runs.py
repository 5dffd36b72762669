"""Remove what a bundle executes when it is run: the command does it."""

import ast
from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import mappings, put_in, take_out
from lighter_config import ConfigError, Severity
from lighter_config.tree.expressions import parse_expression

_RUNS = ("run", "training", "evaluating", "inferring", "finalize")
_STARTS = "initialize"


def remove_runs(documents: Sequence[Document]) -> None:
    """Remove `run` and `initialize`; the seed of `set_determinism` becomes `seed`, other calls are reported."""
    for document in documents:
        root = document.root
        for name in [key for key in root if str(key).lstrip("=") in (*_RUNS, _STARTS)]:
            value = root[name]
            items = list(value) if isinstance(value, CommentedSeq) else [value]
            if not all(isinstance(item, str) and item.startswith(("$", "@")) for item in items):
                continue
            position = list(root).index(name)
            seed = None
            for index, item in enumerate(items):
                container, key = (value, index) if isinstance(value, CommentedSeq) else (root, name)
                found = _seed(str(item))
                if found is not None:
                    seed = found
                elif not _is_run(str(item)):
                    fix = "do it in your own code, or in a callback's `setup`"
                    document.say(f"{str(item)!r} in `{name}` has no equivalent", container, key, fix=fix)
            if str(name).lstrip("=") in _RUNS:
                message = f"`{name}` is removed: the command runs the stage"
                document.say(message, root, name, fix="lighter fit, test or predict", severity=Severity.NOTE)
            take_out(root, name)
            if seed is not None and "seed" not in root:
                put_in(root, "seed", seed, position=position)


def remove_order(documents: Sequence[Document]) -> None:
    """Remove `_requires_: "@initialize"`, which asks for an order: what is referred to is built first."""
    for document in documents:
        for _, mapping in list(mappings(document.root)):
            value = mapping.get("_requires_")
            items = list(value) if isinstance(value, CommentedSeq) else [value]
            if all(isinstance(item, str) and not item.startswith("$import") for item in items):
                message = "`_requires_` is removed: it gives imports here, not an order"
                fix = "refer to what must be built first"
                document.say(message, mapping, "_requires_", fix=fix, severity=Severity.NOTE)
                take_out(mapping, "_requires_")


def _is_run(text: str) -> bool:
    return text.rstrip().endswith((".run()", ".evaluate()"))


def _seed(text: str) -> Any:
    """Return the seed that `$monai.utils.set_determinism(seed=123)` sets; ``None`` for other code."""
    try:
        call = parse_expression(text).tree.body
    except ConfigError:
        return None
    if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith("set_determinism")):
        return None
    given = call.args or [word.value for word in call.keywords if word.arg == "seed"]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else "0"
