"""Say where the loggers of a run write: folder, id and address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlsplit, urlunsplit

from lighter_cli.lightning_internals import mlflow_run, started_experiment
from lighter_cli.lightning_package import is_a

if TYPE_CHECKING:
    from pytorch_lightning import Trainer
    from pytorch_lightning.loggers import Logger, MLFlowLogger


def logger_places(trainer: Trainer) -> list[dict[str, str]]:
    """Return where each logger writes. It starts no experiment; call it when the hyperparameters are logged.

    Returns:
        For each logger its ``class``, and what is known of ``name`` (of the experiment or project), ``version`` (the id
        of the run in it), ``folder`` (for a database of MLflow its file) and ``url``.
    """
    return [_place(logger) for logger in trainer.loggers]


def _place(logger: Logger) -> dict[str, str]:
    kind = type(logger)
    found: dict[str, Any] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
    if _is_mlflow(logger):
        found |= _mlflow_place(logger)
    else:
        experiment = started_experiment(logger)
        found |= {name: _asked(logger, name) for name in ("name", "version")}
        found["folder"] = _asked(logger, "log_dir") or _asked(experiment, "dir")
        found["url"] = _asked(experiment, "url")
    texts = {name: str(value) for name, value in found.items() if isinstance(value, str | int | Path) and value != ""}
    if "folder" in texts and "://" not in texts["folder"]:
        texts["folder"] = str(Path(texts["folder"]).absolute())
    if "url" in texts:
        texts["url"] = _without_password(texts["url"])
    return texts


def _asked(owner: Any, name: str) -> Any:
    """Return an attribute of a tracker; ``None`` if it fails, as SwanLab without a server has no address."""
    try:
        return getattr(owner, name, None)
    except Exception:
        return None


def _mlflow_place(logger: MLFlowLogger) -> Mapping[str, Any]:
    address, experiment, run = mlflow_run(logger)
    if experiment is None or run is None:
        return {}
    place = {"name": experiment, "version": run}
    if address.startswith(("http://", "https://")):
        return {**place, "url": f"{address.rstrip('/')}/#/experiments/{experiment}/runs/{run}"}
    if address.startswith("sqlite:///"):  # a file, of a relative path if no other slash follows
        return {**place, "folder": address.removeprefix("sqlite:///")}
    if urlsplit(address).scheme in ("", "file"):
        return {**place, "folder": address.removeprefix("file:").replace("///", "/", 1)}
    return {**place, "url": address}


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _is_mlflow(logger: Logger) -> TypeGuard[MLFlowLogger]:
    return is_a(logger, "loggers.MLFlowLogger")
