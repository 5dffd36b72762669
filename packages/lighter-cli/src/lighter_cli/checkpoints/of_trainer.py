"""The checkpoints that the callbacks of a trainer wrote: the newest, the best, where they go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint, OnExceptionCheckpoint


def newest_save(callback: Callback) -> tuple[str, int]:
    """Return the file that a callback wrote last and the step; what ``save_on_exception`` writes is named only here."""
    if not isinstance(callback, ModelCheckpoint):
        return "", 0
    return callback._last_checkpoint_saved, callback._last_global_step_saved  # noqa: SLF001


def saved_checkpoints(trainer: Trainer, *, is_failing: bool) -> dict[Path, int]:
    """Return the checkpoints of a fit that exist, each with the time when it was written."""
    paths: set[str] = set()
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            paths |= {*callback.best_k_models, callback.best_model_path, callback.last_model_path}
            paths.add(newest_save(callback)[0])
        elif isinstance(callback, OnExceptionCheckpoint) and is_failing:
            paths.add(callback.ckpt_path)
    files = {Path(path).absolute() for path in paths if path and "://" not in path}
    return {file: file.stat().st_mtime_ns for file in sorted(files) if file.exists()}


def last_and_best(trainer: Trainer, saved: Mapping[Path, int]) -> dict[str, Any]:
    """Find what a later process will ask for as ``last`` and ``best``.

    The last is the newest, whatever its name: with ``save_top_k`` alone, Lightning writes no ``last.ckpt``.
    """
    if not saved:
        return {}
    callbacks = _model_checkpoints(trainer)
    explicit = {Path(callback.last_model_path).absolute() for callback in callbacks if callback.last_model_path}
    newest = max(saved, key=lambda file: (saved[file], file in explicit))
    return {"last": str(newest), **best_checkpoint(trainer)}


def best_checkpoint(trainer: Trainer) -> dict[str, Any]:
    """Find the best checkpoint, its score, and what the score is of; of several callbacks, the first with a monitor."""
    callbacks = _model_checkpoints(trainer)
    judged = next((callback for callback in callbacks if callback.monitor is not None), None)
    judged = judged or next(iter(callbacks), None)
    if judged is None or not judged.best_model_path:
        return {"best": None, "monitor": None, "best_score": None}
    score = judged.best_model_score
    return {
        "best": str(Path(judged.best_model_path).absolute()),
        "monitor": judged.monitor,
        "best_score": None if score is None else float(score),
    }


def checkpoint_folders(trainer: Trainer) -> list[str]:
    """Return where checkpoints of this machine go."""
    folders = {str(callback.dirpath) for callback in _model_checkpoints(trainer) if callback.dirpath}
    return [str(Path(folder).absolute()) for folder in sorted(folders) if "://" not in folder]


def _model_checkpoints(trainer: Trainer) -> list[ModelCheckpoint]:
    return [callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)]
