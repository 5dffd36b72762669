"""Rewrite the keys of components that Hydra has and Lighter does not."""

from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap

from lighter_cli.migration.document import PLACEHOLDER, Document
from lighter_cli.migration.tree import mappings, put_in, rename_key, take_out, texts

_GIVE_A_NAME = ("hydra.utils.get_class", "hydra.utils.get_method", "hydra.utils.get_object")
_MISSING = "???"


def rewrite_components(documents: Sequence[Document]) -> None:
    """Write `_partial_` as `_mode_: partial` and `???` as `...`; `_convert_` is not needed."""
    for document in documents:
        for _, mapping in list(mappings(document.root)):
            _rewrite(document, mapping)
        for _, container, key, text in list(texts(document.root)):
            if text == _MISSING:
                container[key] = PLACEHOLDER


def _rewrite(document: Document, mapping: CommentedMap) -> None:
    if "_partial_" in mapping:
        if str(mapping["_partial_"]).lower() == "true":
            mapping["_partial_"] = "partial"
            rename_key(mapping, "_partial_", "_mode_")
        else:
            take_out(mapping, "_partial_")
    if "_convert_" in mapping:
        take_out(mapping, "_convert_")
    if "_recursive_" in mapping:
        if str(mapping["_recursive_"]).lower() == "false":
            message = "`_recursive_: false` has no equivalent: the arguments are built before the target is called"
            fix = "let the target take the built objects, or give them `_mode_: partial`, and remove the key"
            document.say(message, mapping, "_recursive_", fix=fix)
        else:
            take_out(mapping, "_recursive_")
    target = str(mapping.get("_target_", ""))
    if target in _GIVE_A_NAME and isinstance(mapping.get("path"), str):
        name, _ = take_out(mapping, "path")
        mapping["_target_"] = name
        put_in(mapping, "_mode_", "callable", position=list(mapping).index("_target_") + 1)
    elif target.startswith("hydra."):
        fix = "name the class or function that it leads to"
        document.say(f"{target} belongs to Hydra and has no equivalent", mapping, "_target_", fix=fix)
