"""Give pictures to whoever keeps them: the loggers, the callbacks that ask for them, and a directory."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger

from lighter.callbacks.pictures.picture import Matrix, Picture, write_picture

_logger = logging.getLogger(__name__)


def give(trainer: Trainer, made: Picture | Matrix, directory: Path | None) -> None:
    """Give a picture or a matrix to everybody who keeps it; call it on rank zero.

    Loggers and the directory get pictures. Callbacks with a method ``on_picture(trainer, picture)`` or
    ``on_matrix(trainer, matrix)`` get what it is named for. A ``fast_dev_run`` keeps nothing.

    Raises:
        OSError: The file cannot be written into the directory.
    """
    if trainer.fast_dev_run:  # type: ignore[attr-defined]
        return
    for hook in _hooks(trainer, "on_picture" if isinstance(made, Picture) else "on_matrix"):
        hook(trainer, made)
    if isinstance(made, Matrix):
        return
    for logger in trainer.loggers:
        if (log := _way_of(logger)) is not None:
            log(logger, made)
    if directory is not None:
        write_picture(made, directory)


def is_anybody_there(trainer: Trainer, directory: Path | None) -> bool:
    """Return whether somebody keeps pictures; name the loggers that do not, in the log."""
    deaf = [type(logger).__name__ for logger in trainer.loggers if _way_of(logger) is None]
    if deaf:
        _logger.debug("pictures are not given to %s", ", ".join(deaf))
    return directory is not None or bool(_hooks(trainer, "on_picture")) or len(deaf) < len(trainer.loggers)


def _hooks(trainer: Trainer, name: str) -> list[Callable[[Trainer, Any], object]]:
    hooks = [getattr(callback, name, None) for callback in trainer.callbacks]  # type: ignore[attr-defined]
    return [hook for hook in hooks if hook is not None]


def _way_of(logger: Logger) -> Callable[[Any, Picture], None] | None:
    """Return how a logger is given a picture; None if it keeps none."""
    return next((way for kind, way in _WAYS.items() if isinstance(logger, kind)), None)


def _to_tensorboard(logger: TensorBoardLogger, picture: Picture) -> None:
    logger.experiment.add_image(picture.name, picture.pixels, picture.x, dataformats="HWC")


def _to_wandb(logger: WandbLogger, picture: Picture) -> None:
    logger.log_image(picture.name, [picture.pixels], step=picture.x, caption=[picture.caption])


def _to_mlflow(logger: MLFlowLogger, picture: Picture) -> None:
    # by file, not by `key`: a resumed run replaces the picture of an epoch that it repeats
    logger.experiment.log_image(logger.run_id, picture.pixels, artifact_file=picture.file.as_posix())


_WAYS: dict[type[Logger], Callable[[Any, Picture], None]] = {
    TensorBoardLogger: _to_tensorboard,
    WandbLogger: _to_wandb,
    MLFlowLogger: _to_mlflow,
}
