"""Give the trained network of a run or a checkpoint, without its data, optimizer and trainer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from lighter_cli.project import make_search_path_importable
from lighter_cli.running.file_systems import only_storage
from lighter_cli.running.preparation import prepare
from lighter_cli.running.start_checkpoint import refuse_folder, start_checkpoint
from lighter_cli.runs.inputs import recorded_runs
from lighter_cli.runs.lookup import look_up_run
from lighter_config import Config, Finding, SourceError, Stage, load

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch import nn


def load_network(source: str | os.PathLike[str], *, safe: bool = False, allow: Sequence[str] = ()) -> nn.Module:
    """Return the trained network of a run or a checkpoint, in evaluation mode and on the CPU.

    Of a run it is the best checkpoint, or the last one if it monitored nothing. Only the network is built: the data,
    the trainer and the optimizer are not needed. The checkpoint is read with ``weights_only=True``, which executes
    nothing in it; the classes that its config names do run.

    Args:
        source: A run of ``read_runs``, its folder, its name or id; or a checkpoint that Lighter wrote.
        safe: Refuse targets that are not on the list of ``--safe``, and expressions that do more than arithmetic
            and calls on referenced objects. This reduces accidents; it is not a sandbox.
        allow: Packages and callables to add to that list.

    Returns:
        The network of a System or LighterModule; of another LightningModule the module itself.

    Raises:
        ConfigError: There is no such run or checkpoint, its network cannot be built, or the weights do not fit.

    >>> load_network("outputs/digits/checkpoints/best.ckpt")  # doctest: +SKIP
    """
    return trained_network(load([source], look_up_run=look_up_run), safe=safe, allow=allow)


def trained_network(config: Config, *, safe: bool = False, allow: Sequence[str] = ()) -> nn.Module:
    """Return the trained network of the run or the checkpoint that a config was loaded from, see ``load_network``."""
    runs, (source, *_) = recorded_runs(config), config.words
    if not runs:
        raise SourceError(
            Finding(
                message=f"{source!r} is a config, which has no trained network",
                expected=("the folder of a run, or a checkpoint",),
                fix="name a run that `lighter runs list` shows",
            )
        )
    prepared = prepare(config, Stage.PREDICT, check_first=False, safe=safe, allow=allow)
    checkpoint = start_checkpoint(prepared.config, Stage.PREDICT, runs=runs)
    if checkpoint is None:
        raise SourceError(Finding(message=f"the run {source!r} used no checkpoint", fix="name the run that trained"))
    if safe:
        refuse_folder(checkpoint)

    from lighter_cli.running.checkpoint_weights import load_checkpoint_weights

    make_search_path_importable()
    with only_storage() if safe else nullcontext():
        module = _module_of(prepared.config)
    load_checkpoint_weights(module, checkpoint)
    network = getattr(module, "network", module)
    network.eval()
    return network


def _module_of(config: Config) -> LightningModule:
    """Build the module that the weights were saved from, without its data."""
    from lighter_cli.running.build import build_model

    if not config.has("system"):
        return build_model(config)
    from lighter import System

    return System(config.resolve("system::model"))
