"""Freezers: they are callbacks, and say what they freeze below the network."""

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.moves import follow
from lighter_cli.migration.tree import mappings, put_in, replace_text, section, take_out

_FREEZER = "lighter.callbacks.Freezer"
_NAMES = ("names", "name_starts_with", "except_names", "except_name_starts_with", "modules")


def rewrite_freezers(documents: Sequence[Document]) -> None:
    """Move a system's freezer to the trainer's callbacks, and leave `model.` out of the names that it freezes."""
    for document in documents:
        system = document.root.get("system")
        if isinstance(system, CommentedMap) and "freezer" in system:
            _move(document, system)
        for _, mapping in mappings(document.root):
            if mapping.get("_target_") == _FREEZER:
                for argument in _NAMES:
                    _shorten(mapping, argument)


def _move(document: Document, system: CommentedMap) -> None:
    trainer = section(document.root, "trainer")
    callbacks = trainer.get("callbacks")
    if callbacks is not None and not isinstance(callbacks, CommentedSeq):
        document.say(
            "a freezer is a callback of the trainer now", system, "freezer", fix="add it to trainer::callbacks"
        )
        return
    if callbacks is None:
        put_in(trainer, "callbacks", CommentedSeq())
        callbacks = trainer["callbacks"]
    follow(document, {("system", "freezer"): ("trainer", "callbacks", len(callbacks))})
    freezer, _ = take_out(system, "freezer")
    callbacks.append(freezer)


def _shorten(freezer: CommentedMap, argument: str) -> None:
    given: Any = freezer.get(argument)
    holder: Any = given if isinstance(given, CommentedSeq) else freezer
    for key in range(len(given)) if isinstance(given, CommentedSeq) else [argument] if isinstance(given, str) else []:
        if isinstance(holder[key], str) and holder[key].startswith("model."):
            replace_text(holder, key, holder[key].removeprefix("model."))
