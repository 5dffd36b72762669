"""Let a fit that resumes from a moved checkpoint find the other checkpoints where they are now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lighter_cli.lightning_package import is_model_checkpoint
from lighter_config.sources.moved_paths import Move, move_of

if TYPE_CHECKING:
    from pytorch_lightning import Callback, LightningModule, Trainer
else:
    Callback = object  # `derived` adds that of the trainer's package

_SINGLE = ("best_model_path", "kth_best_model_path", "last_model_path")


class MovedCheckpoints(Callback):
    """Change the state of each ``ModelCheckpoint`` before it is restored from a checkpoint that was moved or copied.

    The state names files absolutely. Lightning would take the best checkpoint at the original place, which may be gone
    or belong to another run by now, and would not compare with its score.
    """

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Replace the paths by those of the files that were moved along."""
        states = checkpoint.get("callbacks", {})
        file = trainer.ckpt_path
        if file is None or "://" in str(file):
            return
        for callback in trainer.checkpoint_callbacks:
            state = states.get(callback.state_key)
            if not is_model_checkpoint(callback) or not isinstance(state, dict) or not state:
                continue
            move = None if state.get("dirpath") == callback.dirpath else move_of_checkpoint(str(file), states)
            if move is not None:
                state = {**state, **_moved(state, move)}
                if os.path.realpath(state["dirpath"]) == os.path.realpath(callback.dirpath or ""):
                    state["dirpath"] = callback.dirpath  # Lightning compares the text
                states[callback.state_key] = state


def move_of_checkpoint(file: str, states: Mapping[Any, Any]) -> Move | None:
    """Return how the folder of a checkpoint was moved since it was saved; ``None`` if it is where it was.

    Args:
        file: The checkpoint.
        states: The states of callbacks in it. The file that they name with the longest end in common is this one.
    """
    parts = Path(os.path.realpath(file)).parts, Path(os.path.abspath(file)).parts  # noqa: PTH100
    best, num_best = None, 0
    for folder, named in _named_in(states):
        inside = len(Path(named).relative_to(folder).parts)
        for now in parts:
            num_common = _num_equal_at_the_end(now, Path(named).parts)
            if num_common >= inside and num_common > num_best:
                best, num_best = move_of(folder, Path(*now[:-inside])), num_common
    return best


def _num_equal_at_the_end(first: Sequence[str], second: Sequence[str]) -> int:
    pairs = zip(reversed(first), reversed(second), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _named_in(states: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield the folder of each callback that saves checkpoints with each file in it that its state names."""
    for state in states.values():
        folder = state.get("dirpath") if isinstance(state, dict) else None
        if isinstance(folder, str) and os.path.isabs(folder):  # noqa: PTH117
            for path in (*state.get("best_k_models", ()), *(state.get(name) for name in _SINGLE)):
                if isinstance(path, str) and path != folder and Path(path).is_relative_to(folder):
                    yield folder, path


def _moved(state: Mapping[str, Any], move: Move) -> dict[str, Any]:
    texts = {name: state[name] for name in ("dirpath", *_SINGLE) if isinstance(state.get(name), str)}
    return {
        **{name: move.present(path) for name, path in texts.items()},
        "best_k_models": {move.present(path): score for path, score in state.get("best_k_models", {}).items()},
    }
