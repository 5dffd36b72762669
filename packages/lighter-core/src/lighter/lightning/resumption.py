"""Save and restore what Lightning leaves out of a checkpoint, so that a resumed fit equals an uninterrupted one."""

from collections.abc import Iterable
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_warn
from torch import nn

from lighter.errors import OptimizerError
from lighter.lightning.metric_states import plain
from lighter.lightning.random_state import random_state, restore_random_state
from lighter.lightning.ranks import gather
from lighter.lightning.restart import (
    before_each_validation,
    complete_batch,
    continue_with,
    end_epoch_without_batches,
    end_restart,
    epoch_row,
    has_started_loaders,
    is_ended_by_max_steps,
    load_loader_states,
    num_accumulated,
    rewind_loaders,
    set_callback_metrics,
    set_val_batches_seen,
    start_loaders,
    take_loader_states,
    val_batches_seen,
    what_is_due,
    write_epoch_row,
)
from lighter.lightning.state import (
    batches_started,
    can_train_loader_resume,
    has_batches_left,
    has_own_generator,
    is_fitting,
    is_in_validation,
    is_train_epoch_over,
    num_batches_left,
)
from lighter.lightning.unfinished_epoch import counts_of_updates, restore_unfinished_epoch, unfinished_epoch

KEY = "lighter"
_INSIDE_A_BATCH = ("batch", "batch after validation")
_FIXES_OF_FINDERS = {
    "LearningRateFinder": "remove it: the checkpoint has the learning rate that was found",
    "BatchSizeFinder": "remove it, and set the batch size that was found",
}


class Resumption:
    """The state of a fit outside its modules: random states, positions in the loops, the values that callbacks saw.

    A `LighterModule` calls the methods in its hooks of the same places; for other modules, `ResumesExactly` does.

    Attributes:
        entry: What a checkpoint holds and has not been restored yet. A `LighterModule` keeps its own part in it too.
    """

    def __init__(self) -> None:
        self.entry: dict[str, Any] = {}
        self._validation_start: dict[str, Any] = {}  # what the running validation changes, as it was before

    def forget(self) -> None:
        """Forget an earlier run; an error may have ended it in a validation."""
        self.entry, self._validation_start = {}, {}

    def save(
        self, checkpoint: dict[str, Any], trainer: Trainer, without: Iterable[nn.Module] = ()
    ) -> dict[str, Any] | None:
        """Add the state to a checkpoint; under DDP a collective call.

        The entry has only tensors and plain types, which ``torch.load(weights_only=True)`` accepts. In a validation,
        which a resumed run repeats, it has what the validation changes as it was before.

        Args:
            checkpoint: The checkpoint.
            trainer: The trainer.
            without: Metrics whose states the caller saves.

        Returns:
            The entry, or None in a checkpoint of weights alone: no run resumes from it.
        """
        if "optimizer_states" not in checkpoint or not is_fitting(trainer):
            return None
        validation_start = self._validation_start if is_in_validation(trainer) else {}
        start = validation_start or self._changed_by_validation(trainer)
        entry: dict[str, Any] = {
            "random": gather(trainer, start["random"]),
            "has_begun": batches_started(trainer)[1] > 0,
            "has_batches_left": is_train_epoch_over(trainer) or has_batches_left(trainer),
            "due": what_is_due(trainer),
            "callback_metrics": {name: plain(value).cpu() for name, value in trainer.callback_metrics.items()},
            "val_batches_seen": start["val_batches_seen"],
        }
        if entry["due"] == "monitored schedules":  # and the epoch's row, which Lightning writes after them
            entry["epoch_row"] = epoch_row(trainer)
        if is_train_epoch_over(trainer) and has_batches_left(trainer) and batches_started(trainer)[0]:
            entry["num_batches_skipped"] = num_batches_left(trainer)
        elif not is_train_epoch_over(trainer):
            entry["num_accumulated"] = num_accumulated(trainer)
            entry["unfinished_epoch"] = unfinished_epoch(trainer, without, validation_start.get("updates", {}))
        rewind_loaders(trainer, checkpoint["loops"])
        checkpoint[KEY] = entry
        return entry

    def load(self, checkpoint: dict[str, Any], trainer: Trainer | None) -> None:
        """Take what `save` has added, and set Lightning's loops to where the checkpoint was saved.

        From a checkpoint of an epoch's last batch, Lightning would leave out the validation and the end of that epoch.

        Raises:
            OptimizerError: A finder of Lightning would run.
        """
        entry = self.entry = dict(checkpoint.get(KEY, {}))
        if trainer is None or not is_fitting(trainer) or not entry:
            return
        if entry.get("has_begun"):  # a finder restores a checkpoint of its own, from before the first batch
            _check_finders(trainer)
        if (due := entry.get("due")) not in _INSIDE_A_BATCH and is_ended_by_max_steps(checkpoint, trainer):
            batch = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]
            entry["is_validated"] = due is None and batch["completed"] == batch["processed"]
            entry["due"], due = None, "validation"
            if trainer.strategy.restore_checkpoint_after_setup:  # `on_fit_start` is over
                end_epoch_without_batches(trainer, is_validated=entry.pop("is_validated"))
        if due is not None:
            complete_batch(checkpoint["loops"], due)
        entry["loaders"] = take_loader_states(checkpoint["loops"])

    def prepare_loaders(self, trainer: Trainer) -> None:
        """Restore this rank's random states before Lightning starts its loaders, which draw numbers; in `on_fit_start`.

        If the epoch has no batches left, `start` restores them after that: the loader starts again with the next epoch
        and must draw the same numbers.
        """
        before_each_validation(trainer, self._keep_start_of_validation)
        entry = self.entry
        if not entry:
            return
        if "is_validated" in entry:  # not before, as the optimizers' schedules may ask for `max_steps`
            end_epoch_without_batches(trainer, is_validated=entry.pop("is_validated"))
        entry["have_loaders_started"] = has_started_loaders(trainer)
        if entry.get("has_batches_left", True):
            _restore_random(entry["random"], trainer)
            entry["is_random_restored"] = True

    def start(self, trainer: Trainer) -> None:
        """Warn if the resumed run cannot equal an uninterrupted one, then continue; in `on_train_start`."""
        if self.entry:
            _warn_of_differences(self.entry, trainer)
            _resume_loaders(self.entry, trainer)  # FSDP loads a checkpoint after `on_fit_start`
            if "unfinished_epoch" in self.entry:
                restore_unfinished_epoch(trainer, self.entry.pop("unfinished_epoch"))
        self.continue_training(trainer)

    def continue_training(self, trainer: Trainer) -> None:
        """Restore the values known when the checkpoint was saved, and continue with what was due then; once."""
        set_callback_metrics(trainer, self.entry.pop("callback_metrics", {}))
        if "epoch_row" in self.entry:
            write_epoch_row(trainer, *self.entry.pop("epoch_row"))
        if (due := self.entry.pop("due", None)) is not None:
            continue_with(trainer, due)

    def restore_val_batches_seen(self, trainer: Trainer) -> None:
        """Continue the x axis of validation rows where it was, not at 0; once, in the first validation."""
        if is_fitting(trainer) and "val_batches_seen" in self.entry:
            set_val_batches_seen(trainer, self.entry.pop("val_batches_seen"))

    def _keep_start_of_validation(self, trainer: Trainer) -> None:
        if not trainer.sanity_checking:
            updates = counts_of_updates(trainer.lightning_module)
            self._validation_start = {**self._changed_by_validation(trainer), "updates": updates}

    def _changed_by_validation(self, trainer: Trainer) -> dict[str, Any]:
        """Return what a validation changes, and what a run that resumes in it needs as it was before."""
        return {
            "random": random_state(trainer.strategy.root_device),
            "val_batches_seen": self.entry.get("val_batches_seen") or val_batches_seen(trainer),
        }


class ResumesExactly(Callback):
    """Lets a fit of any module resume exactly; a `LighterModule` does this itself."""

    # Lightning 2.6 calls every hook of a callback in each step, but skips those that are not callable
    on_train_batch_start = on_train_batch_end = on_before_zero_grad = None  # type: ignore[assignment]
    on_before_backward = on_after_backward = on_before_optimizer_step = None  # type: ignore[assignment]
    on_validation_batch_start = on_validation_batch_end = None  # type: ignore[assignment]
    on_test_batch_start = on_test_batch_end = None  # type: ignore[assignment]
    on_predict_batch_start = on_predict_batch_end = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._resumption = Resumption()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Forget an earlier run."""
        self._resumption.forget()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the state of the fit."""
        self._resumption.save(checkpoint, trainer)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take it."""
        self._resumption.load(checkpoint, trainer)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the random states that the loaders draw from."""
        self._resumption.prepare_loaders(trainer)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the rest."""
        self._resumption.start(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue the x axis of validation rows."""
        self._resumption.restore_val_batches_seen(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the epoch step the schedules that monitor a value."""
        end_restart(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Continue if nothing was left to train."""
        self._resumption.continue_training(trainer)


def attach(trainer: Trainer) -> None:
    """Make the fits of a trainer resume exactly, for a module that is no `LighterModule`.

    The trainer may be that of the package ``lightning``, which has the same hooks and loops.
    """
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(callback, ResumesExactly) for callback in callbacks):
        callbacks.append(ResumesExactly())


def _check_finders(trainer: Trainer) -> None:
    """Raise if a finder runs at the start of a resumed fit: what it does last resets Lightning to the first epoch."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        for base in type(callback).__mro__:
            fix = _FIXES_OF_FINDERS.get(base.__name__)
            if fix is not None and type(callback).on_fit_start is base.on_fit_start:  # type: ignore[attr-defined]
                raise OptimizerError(
                    f"{type(callback).__name__} cannot run in a resumed fit: training would begin again",
                    expected="a fit without `ckpt_path`, or without the finder",
                    fix=fix,
                )


def _resume_loaders(entry: dict[str, Any], trainer: Trainer) -> None:
    """Restore the loaders' positions, and the random states that `prepare_loaders` did not restore; once."""
    if "random" not in entry:
        return
    random_states, is_restored = entry.pop("random"), entry.pop("is_random_restored", False)
    states, have_started = entry.pop("loaders", []), entry.pop("have_loaders_started", False)
    must_start = load_loader_states(trainer, states, have_started=have_started)
    entry["repeats_samples"] = not states or not can_train_loader_resume(trainer)
    if must_start and not entry.get("has_batches_left", True):
        start_loaders(trainer)
    if must_start or not is_restored:
        _restore_random(random_states, trainer)
    if must_start and entry.get("has_batches_left", True):
        start_loaders(trainer)


def _restore_random(ranks: list[dict[str, Any]], trainer: Trainer) -> None:
    if trainer.global_rank < len(ranks):  # else there are more ranks than before
        restore_random_state(ranks[trainer.global_rank], trainer.strategy.root_device)


def _warn_of_differences(entry: dict[str, Any], trainer: Trainer) -> None:
    """Warn if the resumed run cannot equal an uninterrupted one; once for each reason.

    Lightning's finders restore a checkpoint from before the first batch: such a run is not a resumed one.
    """
    if not entry.pop("has_begun", True):
        return
    if num := entry.pop("num_accumulated", 0):
        rank_zero_warn(
            f"training resumes inside an accumulation: the gradients of {num} of {trainer.accumulate_grad_batches}"
            f" batches are lost, for a checkpoint does not have them; save after a multiple of"
            f" {trainer.accumulate_grad_batches} batches"
        )
    if "num_batches_skipped" in entry:
        num = entry.pop("num_batches_skipped")
        left = "batches" if num is None else f"{num} batch{'es' if num > 1 else ''}"
        rank_zero_warn(
            f"the run had ended inside an epoch, by `max_steps` or a callback; training resumes with the next epoch, so"
            f" {left} of that epoch are left out; set `max_steps` to a multiple of an epoch's steps, or save inside the"
            " epoch with ModelCheckpoint's `every_n_train_steps`"
        )
    if has_own_generator(trainer):
        rank_zero_warn(
            "the training loader has a generator whose state is in no checkpoint: the order of the samples begins"
            " again; `lighter.resumable.ResumableDataLoader` keeps it"
        )
