"""Rewrite configs of earlier generations, keeping comments: one file a rule, each registered in `RULES` here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lighter_cli.migration.dataloaders import make_dataloaders
from lighter_cli.migration.document import Document
from lighter_cli.migration.freezers import move_freezers
from lighter_cli.migration.imports import add_imports
from lighter_cli.migration.monitors import rename_monitors
from lighter_cli.migration.overlays import keep_replacing
from lighter_cli.migration.postprocessing import make_adapters
from lighter_cli.migration.sections import rename_sections
from lighter_cli.migration.separators import write_double_colons
from lighter_cli.migration.system_arguments import rename_system_arguments
from lighter_cli.migration.targets import rename_targets
from lighter_cli.migration.tree import is_component
from lighter_cli.migration.writers import rename_writer_arguments
from lighter_config import Finding, Place, Severity

__all__ = ["RULES", "Migrated", "migrate"]

Rule: TypeAlias = Callable[[Sequence[Document]], None]

RULES: tuple[Rule, ...] = (
    keep_replacing,  # first: how paths are separated tells what an overlay replaced
    write_double_colons,
    rename_sections,
    rename_system_arguments,
    make_adapters,  # before the loaders: the datasets tell what a batch is
    make_dataloaders,
    rename_targets,
    rename_writer_arguments,
    move_freezers,
    rename_monitors,
    add_imports,
)
"""The rules, in the order in which they apply. A rule takes the files of one experiment and is idempotent."""


_MODELS = ("system", "model", "lightning_module")


@dataclass(frozen=True, slots=True)
class Migrated:
    """A file before and after.

    Attributes:
        name: The file, as the user named it.
        before: Its text.
        after: Its new text, which is the same if nothing was to be rewritten.
        findings: A warning needs a change by hand, a note needs a look.
    """

    name: str
    before: str
    after: str
    findings: tuple[Finding, ...]


def migrate(files: Sequence[str]) -> list[Migrated]:
    """Rewrite files, given in the order in which they are merged, without writing to disk.

    A file with a trainer and a system or model begins an experiment; the files after it that lack these change it.

    Raises:
        ConfigError: A file cannot be read, or is not YAML.
    """
    documents = [Document.read(file) for file in files]
    for experiment in _experiments(documents):
        for rule in RULES:
            rule(experiment)
    return [_migrated(document) for document in documents]


def _experiments(documents: Sequence[Document]) -> list[list[Document]]:
    experiments: list[list[Document]] = []
    for document in documents:
        root = document.root
        is_complete = is_component(root.get("trainer")) and any(is_component(root.get(name)) for name in _MODELS)
        if is_complete or not experiments:
            experiments.append([])
        experiments[-1].append(document)
    return experiments


def _migrated(document: Document) -> Migrated:
    lost = [
        Finding(
            message="this comment was removed with what it was about",
            severity=Severity.NOTE,
            place=Place(document.name, line),
            excerpt=comment,
        )
        for line, comment in document.lost_comments()
    ]
    return Migrated(document.name, document.text, document.written(), (*document.findings, *lost))
