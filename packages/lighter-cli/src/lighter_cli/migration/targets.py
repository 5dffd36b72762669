"""Rename the targets that have moved."""

from collections.abc import Sequence

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import replace_text, texts
from lighter_config.checks.moved_names import MOVED_NAMES

_LOGGER_FIX = "name Lightning's own loggers under trainer::logger"
_GONE = {
    "lighter.logger.LighterLogger": _LOGGER_FIX,
    "lighter.callbacks.LighterLogger": _LOGGER_FIX,
    "lighter.callbacks.logger.LighterLogger": _LOGGER_FIX,
    "lighter.utils.import_module_from_path": "write `project: ./folder`",
}


def rename_targets(documents: Sequence[Document]) -> None:
    """Write the new import paths of targets that have moved."""
    for document in documents:
        for _, container, key, text in list(texts(document.root)):
            if key != "_target_":
                continue
            name = MOVED_NAMES.get(text, text)
            if name != text:
                replace_text(container, key, name)
            if name in _GONE:
                document.say(f"{name} does not exist: it was removed", container, key, fix=_GONE[name])
            elif name == "lighter.LighterModule":
                fix = "name your subclass, or write the experiment as a system"
                document.say(
                    "a model needs steps, which lighter.LighterModule does not define", container, key, fix=fix
                )
