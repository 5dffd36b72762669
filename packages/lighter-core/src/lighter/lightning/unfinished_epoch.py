"""Save and restore what a module has logged and counted in an unfinished training epoch, which Lightning does not.

What `self.log` gathers for an epoch is in no checkpoint of Lightning, nor are the states of torchmetrics. So the values
of a resumed epoch would cover only the batches left.
"""

# ruff: noqa: SLF001  # the purpose of this module

from collections.abc import Iterable, Mapping
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.trainer.connectors.logger_connector.result import _Metadata, _ResultMetric, _Sync
from pytorch_lightning.utilities import rank_zero_warn
from torch import nn
from torchmetrics import Metric, MetricCollection

from lighter.errors import StepOutputError
from lighter.lightning.metric_states import load_state, num_updates, plain, state_of, submetrics_by_path
from lighter.lightning.ranks import gather
from lighter.lightning.state import train_results

_FIELDS = ("name", "prog_bar", "logger", "on_step", "enable_graph", "add_dataloader_idx", "metric_attribute")
_SUMS = ("value", "cumulated_batch_size")


def counts_of_updates(module: nn.Module) -> dict[str, int]:
    """Count the updates of each metric in a module, by path."""
    return {path: num_updates(metric) for path, metric in submetrics_by_path(module)}


def unfinished_epoch(
    trainer: Trainer, without: Iterable[nn.Module], at_validation: Mapping[str, int]
) -> dict[str, Any]:
    """Return the values and metric states of the running epoch; under DDP a collective call.

    Args:
        trainer: The trainer.
        without: Metrics whose states are saved elsewhere.
        at_validation: What `counts_of_updates` returned before the validation that runs, which a resumed run repeats.
            The metrics that it has updated since are left out. Empty if none runs.
    """
    module = trainer.lightning_module
    _share_states_of_groups(module)
    ends = trainer.fit_loop.epoch_loop.val_loop._results.values()
    reset_next = {result.meta.metric_attribute for result in ends if not result.has_reset}
    elsewhere = {id(part) for metrics in without for part in metrics.modules()}
    updated = [
        path
        for path, metric in submetrics_by_path(module)
        if path not in reset_next and id(metric) not in elsewhere
        if (count := num_updates(metric)) and at_validation.get(path, count) == count
    ]
    ranks = gather(trainer, (_logged(trainer), updated))
    return {
        "logged": [logged for logged, _ in ranks],
        "metrics": state_of(module, {path for _, paths in ranks for path in paths}),
    }


def restore_unfinished_epoch(trainer: Trainer, saved: Mapping[str, Any]) -> None:
    """Continue with these values and states.

    The states of metrics are those of all ranks together, so only rank 0 restores them.
    """
    module = trainer.lightning_module
    if trainer.is_global_zero:
        load_state(module, saved["metrics"])
    ranks = saved["logged"]
    if len(ranks) != trainer.world_size:
        if any(ranks):
            rank_zero_warn(
                f"the epoch began on {len(ranks)} rank(s) and continues on {trainer.world_size}: what `self.log` has"
                " gathered on each is lost, and this epoch's values cover only the batches left"
            )
        return
    results = train_results(trainer)
    modules = dict(module.named_modules())
    for key, entry in ranks[trainer.global_rank].items():
        meta = _MetadataBeforeResume(
            fx=f"{entry['fx']} before the resume",  # the first batch resets what its hooks log
            on_epoch=True,
            reduce_fx=entry["reduce_fx"],
            **{name: entry[name] for name in _FIELDS},
        )
        meta.sync = _Sync(
            fn=trainer.strategy.reduce, _should=entry["sync_dist"], rank_zero_only=entry["rank_zero_only"]
        )
        if "value" in entry:
            result = _ResultMetric(meta, is_tensor=True)
            vars(result).update({name: entry[name].to(module.device) for name in _SUMS if name in entry})
        elif isinstance(metric := modules.get(entry["metric_attribute"]), Metric):
            result = _ResultMetric(meta, is_tensor=False)
            result.value = metric
        else:
            continue
        result._update_count = 1
        results[key] = result


class _MetadataBeforeResume(_Metadata):
    """How a value was logged before the resume. The first call of `self.log` after it says how it is logged then on."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Become the other, which Lightning asks about before it adds a value; its class may be of `lightning`.

        Raises:
            StepOutputError: What was gathered before does not fit it.
        """
        before, now = vars(self), vars(other)
        reductions = {fields["reduce_fx"].__name__ for fields in (before, now)}  # Python's `max` is as good as torch's
        if len(reductions) > 1 or before["metric_attribute"] != now["metric_attribute"]:
            raise StepOutputError(
                f"`{self.name}` is logged in another way than in the part of the epoch before the resume",
                expected="the same reduction, and the same metric or a tensor as then",
                fix="resume from the end of an epoch, or log it as before until then",
            )
        before.update(now)
        self.__class__ = type(other)  # type: ignore[assignment]
        return True


def _logged(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """Return what `self.log` has gathered on this rank, by Lightning's key."""
    logged: dict[str, dict[str, Any]] = {}
    modules = dict(trainer.lightning_module.named_modules())
    for key, result in train_results(trainer).items():
        meta = result.meta
        is_known = result.is_tensor or isinstance(modules.get(meta.metric_attribute), Metric)
        if result.has_reset or not meta.on_epoch or not is_known or meta.sync.group is not None:
            continue
        logged[key] = {
            **{name: getattr(meta, name) for name in _FIELDS},
            "fx": meta.fx.removesuffix(" before the resume"),
            "reduce_fx": meta.reduce_fx.__name__,
            "sync_dist": meta.sync.should,
            "rank_zero_only": meta.sync.rank_zero_only,
        }
        if result.is_tensor:
            sums = {name: getattr(result, name) for name in _SUMS if hasattr(result, name)}
            logged[key] |= {name: plain(total).cpu() for name, total in sums.items()}
    return logged


def _share_states_of_groups(module: nn.Module) -> None:
    """Give the metrics of a compute group, of which torchmetrics updates only the first, its states."""
    for part in module.modules():
        if isinstance(part, MetricCollection):
            part.values(copy_state=False)
