"""Rewrite configs of earlier generations and of other tools; comments and order stay.

Each rule has its own file, however short, and is registered in ``RULES`` here; those of another tool share a folder.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.dataloaders import make_dataloaders
from lighter_cli.migration.document import Document
from lighter_cli.migration.freezers import move_freezers
from lighter_cli.migration.from_hydra import RULES as HYDRA_RULES
from lighter_cli.migration.from_lightning_cli import RULES as LIGHTNING_CLI_RULES
from lighter_cli.migration.from_monai import RULES as MONAI_RULES
from lighter_cli.migration.import_lists import write_imports
from lighter_cli.migration.imports import add_imports
from lighter_cli.migration.kinds import Kind, kind_of
from lighter_cli.migration.monitors import rename_monitors
from lighter_cli.migration.overlays import keep_replacing
from lighter_cli.migration.postprocessing import make_adapters
from lighter_cli.migration.sections import rename_sections
from lighter_cli.migration.separators import write_double_colons
from lighter_cli.migration.system_arguments import rename_system_arguments
from lighter_cli.migration.targets import rename_targets
from lighter_cli.migration.tree import is_component
from lighter_cli.migration.weights import rename_weight_arguments
from lighter_cli.migration.writers import rename_writer_arguments
from lighter_config import Finding, Place, Severity

__all__ = ["RULES", "Kind", "Migrated", "migrate"]

Rule: TypeAlias = Callable[[Sequence[Document]], None]

RULES: tuple[Rule, ...] = (
    write_imports,
    keep_replacing,  # before the separators: they tell whether an overlay replaced
    write_double_colons,
    rename_sections,
    rename_system_arguments,
    make_adapters,  # before the loaders: the datasets tell what a batch is
    make_dataloaders,
    rename_targets,
    rename_weight_arguments,
    rename_writer_arguments,
    move_freezers,
    rename_monitors,
    add_imports,
)
"""The rules, in the order in which they apply. A rule takes the files of one experiment and is idempotent."""

_RULES_OF: dict[Kind, tuple[Rule, ...]] = {
    Kind.LIGHTER: RULES,
    Kind.LIGHTNING_CLI: LIGHTNING_CLI_RULES,
    Kind.HYDRA: HYDRA_RULES,
    Kind.MONAI: MONAI_RULES,
}

_MODELS = ("system", "model", "lightning_module")


@dataclass(frozen=True, slots=True)
class Migrated:
    """A file before and after.

    Attributes:
        name: The file, as the user named it.
        kind: The tool that it is for, recognised by its content.
        before: Its text.
        after: Its new text, which is the same if nothing was to be rewritten.
        findings: A warning needs a change by hand, a note needs a look.
    """

    name: str
    kind: Kind
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
    migrated = []
    for experiment in _experiments(documents):
        kind = kind_of(experiment)
        for rule in _RULES_OF[kind]:
            rule(experiment)
        migrated += [_migrated(document, kind) for document in experiment]
    return migrated


def _experiments(documents: Sequence[Document]) -> list[list[Document]]:
    experiments: list[list[Document]] = []
    for document in documents:
        if _is_whole(document.root) or not experiments:
            experiments.append([])
        experiments[-1].append(document)
    return experiments


def _is_whole(root: CommentedMap) -> bool:
    """Return whether a file names the classes of a trainer and of a model."""
    trainer, models = root.get("trainer"), [root.get(name) for name in _MODELS]
    if any(isinstance(one, CommentedMap) and "class_path" in one for one in models):
        return isinstance(trainer, CommentedMap)  # LightningCLI has one class of trainers
    return is_component(trainer) and any(is_component(one) for one in models)


def _migrated(document: Document, kind: Kind) -> Migrated:
    lost = [
        Finding(
            message="this comment was removed with what it was about",
            severity=Severity.NOTE,
            place=Place(document.name, line),
            excerpt=comment,
        )
        for line, comment in document.lost_comments()
    ]
    return Migrated(document.name, kind, document.text, document.written(), (*document.findings, *lost))
