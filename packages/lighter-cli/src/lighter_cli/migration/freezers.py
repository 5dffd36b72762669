"""Move freezers to the callbacks of the trainer."""

from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.moves import follow
from lighter_cli.migration.tree import put_in, section, take_out


def move_freezers(documents: Sequence[Document]) -> None:
    """Move the freezer of a system to the trainer's callbacks; its arguments stay, with `model.` before names."""
    for document in documents:
        system = document.root.get("system")
        if isinstance(system, CommentedMap) and "freezer" in system:
            _move(document, system)


def _move(document: Document, system: CommentedMap) -> None:
    trainer = section(document.root, "trainer")
    callbacks = trainer.get("callbacks")
    if callbacks is not None and not isinstance(callbacks, CommentedSeq):
        document.say(
            "system::freezer is not moved: trainer::callbacks is not a list",
            system,
            "freezer",
            fix="add it to trainer::callbacks",
        )
        return
    if callbacks is None:
        put_in(trainer, "callbacks", CommentedSeq())
        callbacks = trainer["callbacks"]
    follow(document, {("system", "freezer"): ("trainer", "callbacks", len(callbacks))})
    freezer, _ = take_out(system, "freezer")
    callbacks.append(freezer)
