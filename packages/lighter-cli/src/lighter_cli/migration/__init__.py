"""Rewrite configs of earlier generations, one file a rule; comments and order stay."""

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
    keep_replacing,  # first: what an overlay replaced shows in how its paths are separated
    write_double_colons,
    rename_sections,
    rename_system_arguments,
    make_adapters,  # before the loaders: what a batch is shows in the datasets
    make_dataloaders,
    rename_targets,
    rename_writer_arguments,
    move_freezers,
    rename_monitors,
    add_imports,
)
"""What is rewritten, in this order. A rule takes the files of one experiment, and changes nothing the second time."""


_MODELS = ("system", "model", "lightning_module")


@dataclass(frozen=True, slots=True)
class Migrated:
    """What became of a file.

    Attributes:
        name: The file, as the user named it.
        before: Its text.
        after: Its new text; the same when there was nothing to do.
        findings: A warning is left to do by hand, a note is to look at.
    """

    name: str
    before: str
    after: str
    findings: tuple[Finding, ...]


def migrate(files: Sequence[str]) -> list[Migrated]:
    """Rewrite files, in the order in which they are merged; nothing is written to disk.

    A file with a trainer and a system or model begins an experiment; those behind it that lack one change it.

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
        is_whole = is_component(root.get("trainer")) and any(is_component(root.get(name)) for name in _MODELS)
        if is_whole or not experiments:
            experiments.append([])
        experiments[-1].append(document)
    return experiments


def _migrated(document: Document) -> Migrated:
    lost = [
        Finding(
            message="this comment stood where nothing is left",
            severity=Severity.NOTE,
            place=Place(document.name, line),
            excerpt=comment,
        )
        for line, comment in document.lost_comments()
    ]
    return Migrated(document.name, document.text, document.written(), (*document.findings, *lost))
