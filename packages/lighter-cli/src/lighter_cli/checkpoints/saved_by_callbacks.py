"""Find the checkpoints that the callbacks of a trainer saved: the newest, the best, and their folders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lighter_cli.lightning_internals import newest_save
from lighter_cli.lightning_package import is_a, is_model_checkpoint

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.callbacks import ModelCheckpoint, OnExceptionCheckpoint


def saved_checkpoints(trainer: Trainer, steps: Mapping[Path, int], *, is_failing: bool) -> dict[Path, tuple[int, int]]:
    """Return the existing checkpoints of a fit, each with its age: its global step and its modification time.

    The step decides, because a clock may run backwards. A file whose step is unknown is older than the others.

    Args:
        trainer: The trainer.
        steps: The global steps of the files that this fit has saved.
        is_failing: Whether the fit failed or was interrupted, so that ``OnExceptionCheckpoint`` has saved.
    """
    steps = dict(steps)
    paths: set[str] = set()
    for callback in trainer.checkpoint_callbacks:
        if is_model_checkpoint(callback):
            paths |= {*callback.best_k_models, callback.best_model_path, callback.last_model_path}
            paths.add(newest_save(callback)[0])
        elif is_failing and is_a(callback, "callbacks.OnExceptionCheckpoint"):
            path = cast("OnExceptionCheckpoint", callback).ckpt_path
            paths.add(path)
            steps[Path(path).absolute()] = trainer.global_step
    ages: dict[Path, tuple[int, int]] = {}
    for file in sorted({Path(path).absolute() for path in paths if path and "://" not in path}):
        with suppress(OSError):  # it was removed, perhaps by another process just now
            step = steps.get(file, steps.get(file.resolve(), -1))  # `save_last="link"` links to the file that was saved
            ages[file] = step, file.stat().st_mtime_ns
    return ages


def last_and_best(
    trainer: Trainer, saved: Mapping[Path, tuple[int, int]], holds_nan: Callable[[Path], bool]
) -> dict[str, Any]:
    """Return the checkpoints that a later process gets as ``last`` and ``best``; under ``nan`` those of nan weights.

    ``last`` is the newest one, whatever its name: with ``save_top_k`` alone, Lightning writes no ``last.ckpt``.
    """
    if not saved:
        return {}
    callbacks = _model_checkpoints(trainer)
    explicit = {Path(callback.last_model_path).absolute() for callback in callbacks if callback.last_model_path}
    newest = max(saved, key=lambda file: (saved[file], file in explicit))
    of_nan = [_recorded(file) for file in saved if holds_nan(file)]
    return {"last": _recorded(newest), **best_checkpoint(trainer, holds_nan), **({"nan": of_nan} if of_nan else {})}


def best_checkpoint(trainer: Trainer, holds_nan: Callable[[Path], bool]) -> dict[str, Any]:
    """Return the best checkpoint, its monitor and its score, from the first callback that has a monitor.

    One of nan weights is not the best, and with a monitor none whose score is not finite: Lightning takes a nan as the
    worst score, but keeps its checkpoint while there are fewer than ``save_top_k`` others.
    """
    callbacks = _model_checkpoints(trainer)
    callback = next((callback for callback in callbacks if callback.monitor is not None), None)
    callback = callback or next(iter(callbacks), None)
    if callback is None or not callback.best_model_path:
        return {"best": None, "monitor": None, "best_score": None}
    by_path = {callback.best_model_path: callback.best_model_score, **callback.best_k_models}
    scores = {Path(path).absolute(): None if score is None else float(score) for path, score in by_path.items()}
    usable = [
        file
        for file, score in scores.items()
        if not holds_nan(file) and (callback.monitor is None or score is None or math.isfinite(score))
    ]
    best = next(iter(usable), None)
    if best is not None and best != next(iter(scores)):  # not the one that Lightning calls the best
        better = min if callback.mode == "min" else max
        best = better(usable, key=lambda file: scores[file] or 0.0)
    return {
        "best": None if best is None else _recorded(best),
        "monitor": callback.monitor,
        "best_score": None if best is None else scores[best],
    }


def saves_weights_alone(trainer: Trainer) -> bool:
    """Return whether a callback saves checkpoints of weights only."""
    return any(callback.save_weights_only for callback in _model_checkpoints(trainer))


def checkpoint_folders(trainer: Trainer) -> list[str]:
    """Return the folders on this machine that checkpoints are saved in."""
    folders = {str(callback.dirpath) for callback in _model_checkpoints(trainer) if callback.dirpath}
    return [str(Path(folder).resolve()) for folder in sorted(folders) if "://" not in folder]


def _recorded(file: Path) -> str:
    """Return a path as records have it: without links to folders, as the path of the record's own folder."""
    return str(file.parent.resolve() / file.name)


def _model_checkpoints(trainer: Trainer) -> list[ModelCheckpoint]:
    return [callback for callback in trainer.checkpoint_callbacks if is_model_checkpoint(callback)]
