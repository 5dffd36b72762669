"""Rename the arguments of the function that loads weights with other names."""

from collections.abc import Sequence

from lighter_cli.migration.document import Document
from lighter_cli.migration.tree import mappings, rename_key
from lighter_config.checks.moved_names import MOVED_NAMES

_OLD = "lighter.utils.model.adjust_prefix_and_load_state_dict"
_NEW = MOVED_NAMES[_OLD]
_ARGUMENTS = {
    "model": "network",
    "ckpt_path": "path",
    "ckpt_to_model_prefix": "prefix_map",
    "layers_to_ignore": "ignore",
}


def rename_weight_arguments(documents: Sequence[Document]) -> None:
    """Write the arguments of `load_weights`; a dot at the end of a prefix is read as before."""
    for document in documents:
        for _, mapping in list(mappings(document.root)):
            if mapping.get("_target_") not in (_OLD, _NEW):
                continue
            for old, new in _ARGUMENTS.items():
                if old in mapping and new not in mapping:
                    rename_key(mapping, old, new)
