"""Rename arguments of the system."""

from collections.abc import Sequence

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from lighter_cli.migration.document import Document
from lighter_cli.migration.moves import follow
from lighter_cli.migration.tree import put_in, rename_key, take_out
from lighter_config import MODES

_SYSTEM = "system"
_RENAMED = {"optimizers": "optimizer", "schedulers": "scheduler", "patch_based_inferer": "inferer"}
_GATHERED = {
    f"{mode}_{name}": (several, mode)
    for mode in MODES
    for name, several in (("metrics", "metrics"), ("dataset", "datasets"), ("sampler", "samplers"))
}
_GONE = {
    "cast_target_dtype_to": "give the criterion's adapter `target_transforms`",
    "post_criterion_activation": "give the metrics' adapter `pred_transforms`",
    "log_input_as": "log from your own callback",
    "log_target_as": "log from your own callback",
    "log_pred_as": "log from your own callback",
}


def rename_system_arguments(documents: Sequence[Document]) -> None:
    """Write `optimizers` as `optimizer`, and gather `train_metrics` and the like under `metrics`."""
    moves = {(_SYSTEM, old): (_SYSTEM, new) for old, new in _RENAMED.items()} | {
        (_SYSTEM, old): (_SYSTEM, *new) for old, new in _GATHERED.items()
    }
    for document in documents:
        follow(document, moves)
        system = document.root.get(_SYSTEM)
        if not isinstance(system, CommentedMap):
            continue
        for old, new in _RENAMED.items():
            if isinstance(system.get(old), CommentedSeq):
                document.say(
                    f"{old} is a list, but a system has only one {new}", system, old, fix="write a LighterModule"
                )
            elif old in system:
                rename_key(system, old, new)
        for old, (several, mode) in _GATHERED.items():
            if old in system:
                _gather(system, old, several, mode)
        for old, fix in _GONE.items():
            if old in system:
                document.say(f"{old} is not an argument of lighter.System", system, old, fix=fix)


def _gather(system: CommentedMap, old: str, several: str, mode: str) -> None:
    position = list(system).index(old)
    value, comments = take_out(system, old)
    if not isinstance(system.get(several), CommentedMap):
        put_in(system, several, CommentedMap(), position=position)
    put_in(system[several], mode, value, comments=comments)
