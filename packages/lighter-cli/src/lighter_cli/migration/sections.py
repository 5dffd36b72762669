"""Rename sections."""

from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import Document
from lighter_cli.migration.moves import follow
from lighter_cli.migration.tree import rename_key

NEW_NAMES = {"lightning_module": "model", "data_module": "data", "datamodule": "data"}


def rename_sections(documents: Sequence[Document]) -> None:
    """Rename sections, and write only the folder for `project`."""
    for document in documents:
        root = document.root
        follow(document, {(old,): (new,) for old, new in NEW_NAMES.items()})
        for old, new in NEW_NAMES.items():
            if new in root and old in root:
                fix = f"merge the two under {new}"
                document.say(f"{old} is not renamed to {new}: {new} exists already", root, old, fix=fix)
            elif old in root:
                rename_key(root, old, new)
            if f"={old}" in root:
                rename_key(root, f"={old}", f"={new}")
        project = root.get("project")
        if isinstance(project, CommentedMap) and "module_path" in project:
            root["project"] = project["module_path"]
            root.ca.items["project"] = project.ca.items.get("module_path")
