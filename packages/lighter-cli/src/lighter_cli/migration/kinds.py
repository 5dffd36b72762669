"""Recognise by its content which tool a config is for."""

import re
from collections.abc import Sequence
from enum import StrEnum

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import mappings, texts

_OWN = ("lighter.", "pytorch_lightning.")
_PACKAGE = re.compile(r"\A(?:[^\S\n]*(?:#.*)?\n)*?[^\S\n]*#[^\S\n]*@package\b")
_INTERPOLATION = re.compile(r"\$\{[A-Za-z_.][\w.:\[\]]*")
_OF_HYDRA = {"_partial_", "_recursive_", "_convert_"}
_OF_MONAI = {"_meta_", "bundle_root", "network_def", "initialize"}


class Kind(StrEnum):
    """What a config is for, as it is said to users."""

    LIGHTER = "Lighter"
    LIGHTNING_CLI = "LightningCLI"
    HYDRA = "Hydra"
    MONAI = "MONAI bundle"


def kind_of(documents: Sequence[Document]) -> Kind:
    """Return the tool that the files of one experiment are for; the first file that tells decides."""
    return next((kind for document in documents if (kind := _kind(document)) is not None), Kind.LIGHTER)


def _kind(document: Document) -> Kind | None:
    root = document.root
    keys = {str(key) for _, mapping in mappings(root) for key in mapping}
    values = [(str(key), text) for _, _, key, text in texts(root)]
    targets = [text for key, text in values if key == "_target_"]
    is_hydra = isinstance(root.get("defaults"), CommentedSeq) or "hydra" in root or bool(keys & _OF_HYDRA)
    if is_hydra or _PACKAGE.match(document.text):
        return Kind.HYDRA
    if not targets and (keys & {"class_path", "init_args"} or "seed_everything" in root or _has_bare_sections(root)):
        return Kind.LIGHTNING_CLI
    if any(target.startswith(_OWN) for target in targets):
        return Kind.LIGHTER
    if keys & _OF_MONAI or any(_is_of_monai(target) for target in targets):
        return Kind.MONAI
    if targets and any(_INTERPOLATION.match(text) for _, text in values):
        return Kind.HYDRA
    return None


def _has_bare_sections(root: CommentedMap) -> bool:
    """Return whether trainer, model and data are mappings of arguments, without a class."""
    return all(isinstance(root.get(name), CommentedMap) for name in ("trainer", "model", "data"))


def _is_of_monai(target: str) -> bool:
    return target.startswith("monai.") or (target.isidentifier() and target[:1].isupper())
