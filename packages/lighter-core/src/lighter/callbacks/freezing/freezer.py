"""Freeze parameters, permanently or until a step or epoch."""

import logging
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from lighter.errors import FreezerError
from lighter.parameter_names import names_in_layer, norm_layers_of, parameters_of, selectable_names
from lighter.parameter_selection import Names, ParameterSelection

logger = logging.getLogger(__name__)


class Freezer(Callback):
    """Freeze selected parameters: always, or until a step or epoch.

    Names are those of the network; a leading ``network.`` or ``model.`` is optional. Frozen parameters have no
    gradient, so neither momentum nor weight decay changes them. Releasing restores the state from before: a parameter
    that the user had frozen stays frozen, and one that another Freezer holds stays held. So several Freezers with
    different ends unfreeze a network step by step. Parameters that are frozen when fit ends stay frozen.

    Without an end, parameters are frozen before Lightning wraps the model, and plain ``ddp`` works. With an end, they
    are frozen after that, so that the strategy knows them: DDP needs ``strategy="ddp_find_unused_parameters_true"``.

    Args:
        names: Parameters by full name.
        name_starts_with: Parameters by prefix of their names.
        modules: Submodules, such as ``backbone.layer1``; all parameters in them.
        except_names: Parameters not to freeze; with exceptions alone, all others are frozen.
        except_name_starts_with: Parameters not to freeze, by prefix of their names.
        until_step: The optimizer step (``trainer.global_step``) before which they are released.
        until_epoch: The epoch, counted from 0, before which they are released. With both, whichever comes first.
        freeze_norm_stats: Also freeze the running statistics of the selected normalisation layers, with ``eval()`` on
            these layers.

    Attributes:
        selection: The given names.
        held: The earlier ``requires_grad`` of each parameter that this Freezer holds.
        held_layers: The earlier ``training`` of each normalisation layer that it holds.

    Raises:
        FreezerError: No names are given, or an end is not positive. When fit starts: a name matches nothing, nothing is
            left to train, no normalisation layer is selected, or the strategy cannot release parameters.
    """

    def __init__(
        self,
        names: Names = None,
        name_starts_with: Names = None,
        modules: Names = None,
        except_names: Names = None,
        except_name_starts_with: Names = None,
        until_step: int | None = None,
        until_epoch: int | None = None,
        freeze_norm_stats: bool = False,
    ) -> None:
        self.selection = ParameterSelection.of_arguments(
            names=names,
            name_starts_with=name_starts_with,
            modules=modules,
            except_names=except_names,
            except_name_starts_with=except_name_starts_with,
        )
        self.until_step = _as_end("until_step", until_step)
        self.until_epoch = _as_end("until_epoch", until_epoch)
        self.freeze_norm_stats = freeze_norm_stats
        self.held: dict[str, bool] = {}
        self.held_layers: dict[str, bool] = {}
        self._held_in: LightningModule | None = None
        self._trainable_when_wrapped: set[str] | None = None
        self._is_released = False

    @property
    def state_key(self) -> str:
        """The key of this Freezer in a checkpoint, which differs from that of other Freezers."""
        return repr(self)

    def state_dict(self) -> dict[str, Any]:
        """Return whether the parameters are released."""
        return {"is_released": self._is_released}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self._is_released = bool(state_dict["is_released"])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the selection, and freeze if it has no end."""
        if stage != "fit":
            return
        self._is_released = False
        self._trainable_when_wrapped = None
        for freezer in _freezers(trainer):
            freezer._forget_other_modules(pl_module)  # noqa: SLF001  # of the same class
        if self._has_end:
            self._release(trainer, pl_module)  # of an earlier fit: the strategy must know these parameters
        selected = self.selected_parameters(pl_module)
        if self.freeze_norm_stats and not self._selected_norm_layers(pl_module, selected):
            raise FreezerError(
                "freeze_norm_stats needs running statistics, which no frozen layer has",
                where=repr(self),
                expected="a BatchNorm or InstanceNorm with track_running_stats",
                fix="select the layer too, or remove freeze_norm_stats",
            )
        self._check_that_something_trains(trainer, pl_module)
        if not self._has_end:
            self._freeze(trainer, pl_module)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the strategy, which has wrapped the model, supports frozen and released parameters."""
        if not self._has_end or not isinstance(trainer.model, DistributedDataParallel):
            return
        if not trainer.model.find_unused_parameters or trainer.model.static_graph:
            raise FreezerError(
                "DDP requires a gradient for every parameter, but some are frozen until a step or epoch",
                where=repr(self),
                expected="DDP with find_unused_parameters=True, without static_graph",
                fix='Trainer(strategy="ddp_find_unused_parameters_true"), or remove until_step and until_epoch',
            )
        self._trainable_when_wrapped = {name for name, parameter in parameters_of(pl_module) if parameter.requires_grad}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze or release, by the step and epoch at which a resumed run starts."""
        self._decide(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Release at the start of an epoch."""
        self._decide(trainer, pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Release at the start of a step."""
        if not self._is_released and self._end_is_reached(trainer):
            self._decide(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the mode of normalisation layers: Lightning warns if a fit starts with layers in eval mode."""
        self._release_layers(trainer, pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the mode of normalisation layers."""
        self._release_layers(trainer, pl_module)

    def selected_parameters(self, pl_module: LightningModule) -> set[str]:
        """Return the names of the selected parameters.

        Raises:
            FreezerError: A name matches nothing, or the exceptions leave nothing.
        """
        return self.selection.parameters_of(pl_module, where=repr(self))

    def _check_that_something_trains(self, trainer: Trainer, pl_module: LightningModule) -> None:
        freezers = _freezers(trainer)
        frozen = set[str]().union(*(freezer.selected_parameters(pl_module) for freezer in freezers))
        trainable = {
            name
            for name, parameter in parameters_of(pl_module)
            if parameter.requires_grad or any(freezer.held.get(name) for freezer in freezers)
        }
        if trainable <= frozen:
            raise FreezerError(
                f"nothing is left to train: all {len(trainable)} trainable parameters are frozen",
                where=" and ".join(repr(freezer) for freezer in freezers),
                expected="at least one parameter that trains",
                fix="select fewer, or exclude some with except_names or except_name_starts_with",
            )

    @property
    def _has_end(self) -> bool:
        return self.until_step is not None or self.until_epoch is not None

    def _end_is_reached(self, trainer: Trainer) -> bool:
        return (self.until_step is not None and trainer.global_step >= self.until_step) or (
            self.until_epoch is not None and trainer.current_epoch >= self.until_epoch
        )

    def _decide(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._is_released:
            return
        if self._end_is_reached(trainer):
            self._release(trainer, pl_module)
            self._is_released = True
            return
        if not self.held:
            self._freeze(trainer, pl_module)
        if self.freeze_norm_stats:
            self._hold_norm_stats(trainer, pl_module)

    def _freeze(self, trainer: Trainer, pl_module: LightningModule) -> None:
        selected = self.selected_parameters(pl_module)
        others = self._others(trainer)
        for name, parameter in parameters_of(pl_module):
            if name not in selected or name in self.held:
                continue
            self.held[name] = next(
                (other.held[name] for other in others if name in other.held),
                parameter.requires_grad,
            )
            wrapped = self._trainable_when_wrapped
            if wrapped is not None and parameter.requires_grad and name not in wrapped:
                raise FreezerError(
                    f"`{name}` was frozen when DDP wrapped the model, so its gradients are not synchronized",
                    where=repr(self),
                    expected="a parameter that is trainable before fit, so that it can be released",
                    fix="do not change its requires_grad before training has started",
                )
            parameter.requires_grad = False
            parameter.grad = None
        logger.info("%s holds %d parameters", self, len(selected))

    def _release(self, trainer: Trainer, pl_module: LightningModule) -> None:
        others = self._others(trainer)
        parameters = dict(parameters_of(pl_module))
        for name, found in self.held.items():
            if name in parameters and not any(name in other.held for other in others):
                parameters[name].requires_grad = found
        if self.held:
            logger.info("%s releases %d parameters", self, len(self.held))
        self.held.clear()
        self._release_layers(trainer, pl_module)

    def _forget_other_modules(self, pl_module: LightningModule) -> None:
        """Forget what is held of another module: its names are the same, its parameters are not."""
        if self._held_in is not pl_module:
            self.held.clear()
            self.held_layers.clear()
            self._held_in = pl_module

    def _release_layers(self, trainer: Trainer, pl_module: LightningModule) -> None:
        others = self._others(trainer)
        layers = norm_layers_of(pl_module)
        for name, found in self.held_layers.items():
            if name in layers and not any(name in other.held_layers for other in others):
                layers[name].train(found)
        self.held_layers.clear()

    def _hold_norm_stats(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Not before training starts: Lightning would warn of modules in eval mode.
        others = self._others(trainer)
        for name, layer in self._selected_norm_layers(pl_module, self.selected_parameters(pl_module)).items():
            if name not in self.held_layers:
                self.held_layers[name] = next(
                    (other.held_layers[name] for other in others if name in other.held_layers),
                    layer.training,
                )
            layer.eval()

    def _selected_norm_layers(self, pl_module: LightningModule, selected: set[str]) -> dict[str, nn.Module]:
        """Return the layers with running statistics whose parameters are all selected."""
        parameters = selectable_names(pl_module)
        return {
            name: layer
            for name, layer in norm_layers_of(pl_module).items()
            if all(parameters[own] in selected for own in names_in_layer(name, layer))
        }

    def _others(self, trainer: Trainer) -> list["Freezer"]:
        return [freezer for freezer in _freezers(trainer) if freezer is not self]

    def __repr__(self) -> str:
        """Show the Freezer as the user wrote it."""
        options = {
            "until_step": self.until_step,
            "until_epoch": self.until_epoch,
            "freeze_norm_stats": self.freeze_norm_stats,
        }
        given = self.selection.as_written() | {name: value for name, value in options.items() if value}
        return f"Freezer({', '.join(f'{name}={value}' for name, value in given.items())})"


def _as_end(argument: str, end: int | None) -> int | None:
    if end is not None and (not isinstance(end, int) or end < 1):
        raise FreezerError(
            f"invalid {argument} {end!r}",
            where="Freezer",
            expected="an int of at least 1, or None for no end",
            fix=f"{argument}: 1 releases after the first {argument.removeprefix('until_')}",
        )
    return end


def _freezers(trainer: Trainer) -> list[Freezer]:
    return [callback for callback in trainer.callbacks if isinstance(callback, Freezer)]  # type: ignore[attr-defined]
