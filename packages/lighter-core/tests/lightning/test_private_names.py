"""The private names that lighter uses, held against the installed libraries; `lighter.lightning` lists them."""

import ast
import re
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EMAWeightAveraging
from pytorch_lightning.profilers import SimpleProfiler
from pytorch_lightning.trainer.connectors.logger_connector.result import _ResultCollection
from torch import nn, optim
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import _CHECKPOINT_WRAPPED_MODULE
from torch.distributed.fsdp._common_utils import FSDP_WRAPPED_MODULE
from torch.optim.lr_scheduler import ChainedScheduler, ConstantLR, SequentialLR
from torch.utils.data import DataLoader
from torchmetrics import MeanMetric, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassAUROC
from torchmetrics.segmentation import MeanIoU
from torchmetrics.wrappers import MinMaxMetric, Running

import lighter.lightning
from lighter import LighterModule
from lighter.lightning.metric_states import (
    arguments_of_update,
    keep_on_this_rank,
    load_state,
    num_updates,
    set_compute_groups,
    state_of,
    was_taken_apart,
)
from lighter.lightning.restart import set_callback_metrics
from lighter.lightning.state import (
    batches_started,
    current_dataloader_idx,
    evaluation_batches_seen,
    evaluation_batches_started,
    has_batches_left,
)
from lighter.logging.registered_names import EpochValue, RegisteredNames
from lighter.logging.wrapper_metrics import loses_states
from lighter.optimizers.configuration import flat_schedules
from lighter.parameter_names import clean, norm_layers_of

SOURCE = Path(lighter.lightning.__file__).parents[1]
TESTS = Path(__file__).parents[1]
ROW = re.compile(r"^    (?:``)?(.+?)(?:``)?: [^;]*;\s+(test_\w+)$", re.MULTILINE)
LISTED = dict(ROW.findall(lighter.lightning.__doc__))


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name != "_fields"  # namedtuple's is public


def names_in(tree):
    """Private names that code reads from objects or imports, as far as the syntax shows them."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                yield name
            case ast.ImportFrom(module=module, names=names) if not module.startswith("lighter."):
                yield from [*module.split("."), *(alias.name for alias in names)]
            case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[_, ast.Constant(value=str(name)), *_]):
                yield name


def defined_in(tree):
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Attribute(attr=name, ctx=ast.Store(), value=ast.Name(id="self")):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


def test_the_list_has_every_private_name_of_other_libraries():
    trees = [ast.parse(file.read_text()) for file in SOURCE.rglob("*.py")]
    own = {name for tree in trees for name in defined_in(tree)}
    foreign = {name for tree in trees for name in names_in(tree) if is_private(name)} - own
    assert len(foreign) > 25
    assert sorted(foreign - LISTED.keys()) == []


def test_every_listed_name_is_used_and_has_its_test():
    code = "\n".join(file.read_text() for file in SOURCE.rglob("*.py") if file != Path(lighter.lightning.__file__))
    tests = "\n".join(file.read_text() for file in TESTS.rglob("test_*.py"))
    for name, test in LISTED.items():
        assert " " in name or re.search(rf"\b{name}\b", code), name
        assert f"def {test}(" in tests, test


class Counts(LighterModule):
    """Compares in each step what the loops show with what Lightning passes to the step."""

    def __init__(self, network, **parts):
        super().__init__(network, **parts)
        self.num_val = self.num_train = 0
        self.seen = [0, 0]

    def training_step(self, batch, batch_idx):
        assert batches_started(self.trainer) == (batch_idx + 1, self.num_train + 1)
        assert has_batches_left(self.trainer) is (batch_idx + 1 < 3)
        assert current_dataloader_idx(self.trainer) is None
        self.num_train += 1
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def on_validation_epoch_start(self):
        self.num_val = 0

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.num_val += 1
        assert current_dataloader_idx(self.trainer) == dataloader_idx
        assert evaluation_batches_started(self.trainer) == self.num_val
        assert evaluation_batches_seen(self.trainer, dataloader_idx) == self.seen[dataloader_idx]
        self.seen[dataloader_idx] += 1


def test_loops_show_the_running_batch(make_network, make_data, make_trainer):
    network = make_network()
    module = Counts(network, optimizer=optim.SGD(network.parameters(), lr=0.1))
    train, short = DataLoader(make_data(10), batch_size=4), DataLoader(make_data(6), batch_size=4)
    make_trainer(num_sanity_val_steps=0).fit(module, train, [train, short])
    assert (module.num_train, module.seen) == (6, [6, 4])


def test_callback_metrics_are_those_that_callbacks_read(make_network, make_data, make_trainer):
    class Sees(Callback):
        def on_train_start(self, trainer, pl_module):
            set_callback_metrics(trainer, {"val/loss/epoch": torch.tensor(3.0)})
            self.seen = float(trainer.callback_metrics["val/loss/epoch"])

    network, sees = make_network(), Sees()

    class Trains(LighterModule):
        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    module = Trains(network, optimizer=optim.SGD(network.parameters(), lr=0.1))
    profiler = SimpleProfiler()
    make_trainer(callbacks=[sees], profiler=profiler).fit(module, DataLoader(make_data(4), batch_size=2))
    assert sees.seen == 3.0


def test_lightning_skips_hooks_that_are_none(make_network, make_data, make_trainer):
    class Validates(LighterModule):
        def validation_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    profiler = SimpleProfiler()
    trainer = make_trainer(profiler=profiler)
    trainer.validate(Validates(make_network()), DataLoader(make_data(4), batch_size=2), verbose=False)
    of_notes = {action.rsplit(".", 1)[1] for action in profiler.recorded_durations if "FailureNotes" in action}
    assert "on_validation_start" in of_notes
    assert "on_validation_batch_start" not in of_notes
    assert "on_validation_batch_end" not in of_notes


def test_averaged_weights_are_swapped_for_validation(make_network, make_data, make_trainer):
    swaps = []

    class Notes(EMAWeightAveraging):
        def _swap_models(self, pl_module):
            before = pl_module.network.weight.detach().clone(), self._average_model.module.network.weight.clone()
            super()._swap_models(pl_module)
            swaps.append(not torch.equal(*before))
            assert torch.equal(pl_module.network.weight, before[1])
            assert torch.equal(self._average_model.module.network.weight, before[0])

    class Validates(LighterModule):
        def training_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    network = make_network()
    module = Validates(network, optimizer=optim.SGD(network.parameters(), lr=0.1))
    loader = DataLoader(make_data(4), batch_size=2)
    make_trainer(callbacks=[Notes(decay=0.9)], num_sanity_val_steps=0).fit(module, loader, loader)
    assert swaps == [True] * 4  # before and after each validation


def test_a_module_has_no_trainer_and_no_compiler_at_first(make_network):
    module = LighterModule(make_network())
    assert module._trainer is None
    assert module._compiler_ctx is None


def test_norm_layers_are_those_with_running_statistics(make_network):
    layers = {
        "1": nn.BatchNorm1d(2),
        "2": nn.BatchNorm3d(2),
        "3": nn.SyncBatchNorm(2),
        "4": nn.InstanceNorm2d(2, track_running_stats=True),
        "5": nn.InstanceNorm2d(2),
        "6": nn.GroupNorm(1, 2),
        "7": nn.LayerNorm(2),
    }
    module = LighterModule(nn.ModuleDict(layers))
    assert set(norm_layers_of(module)) == {f"network.{name}" for name in "1234"}


def test_wrappers_add_these_parts_to_names(make_network):
    compiled = torch.compile(nn.Sequential(make_network()), backend="eager")
    assert {clean(name) for name in compiled.state_dict()} == {"0.weight", "0.bias"}
    assert "_orig_mod.0.weight" in compiled.state_dict()
    assert clean(f"{FSDP_WRAPPED_MODULE}.a.{_CHECKPOINT_WRAPPED_MODULE}.b") == "a.b"


def test_schedules_inside_others_are_found():
    optimizer = optim.SGD([torch.ones(1)], lr=1)
    first, second = ConstantLR(optimizer), ConstantLR(optimizer)
    chained = ChainedScheduler([second])
    outer = SequentialLR(optimizer, [first, chained], milestones=[1])
    assert [type(schedule) for schedule in flat_schedules(outer)] == [
        SequentialLR,
        ConstantLR,
        ChainedScheduler,
        ConstantLR,
    ]


@pytest.mark.parametrize("make", [lambda: MulticlassAccuracy(3), lambda: MulticlassAUROC(3)])
def test_metric_states_are_copied_and_loaded(make):
    preds, target = torch.eye(3), torch.tensor([0, 1, 2])
    metric, other = make(), make()
    metric.update(preds, target)
    metric.update(preds, target)
    other.update(preds, torch.tensor([2, 0, 1]))
    other.compute()  # cached, until states are loaded
    saved = state_of(metric)
    metric.update(preds, torch.tensor([2, 0, 1]))  # a copy does not change
    assert saved[""]["updates"] == 2
    assert saved[""]["states"].keys() == metric._reductions.keys()
    assert load_state(other, saved) == []
    assert other.update_count == 2
    expected = make()
    expected.update(preds, target)
    assert torch.equal(other.compute(), expected.compute())
    assert load_state(MeanMetric(), saved) == ["MeanMetric"]


def test_a_metric_kept_on_one_rank_does_not_synchronize():
    def refuse(*_, **__):
        raise AssertionError

    metric = MeanMetric(distributed_available_fn=lambda: True, dist_sync_fn=refuse)
    metric.update(1.0)
    with pytest.raises(AssertionError):
        metric.compute()
    keep_on_this_rank(metric)
    assert metric.compute() == 1


def test_a_metric_names_the_keywords_of_its_update():
    metric = MulticlassAccuracy(num_classes=2)
    assert arguments_of_update(metric, {"preds": 1, "target": 2, "value": 3}) == {"preds": 1, "target": 2}


def test_groups_replace_those_that_a_first_batch_would_give():
    metrics = MetricCollection({"a": MeanMetric(), "b": MeanMetric(), "c": MeanMetric()})
    set_compute_groups(metrics, [["a", "c"]])
    assert metrics.compute_groups == {0: ["a", "c"], 1: ["b"]}
    metrics.update(2.0)
    assert metrics.compute_groups == {0: ["a", "c"], 1: ["b"]}
    assert metrics.compute() == {"a": 2, "b": 2, "c": 2}


def test_a_collection_notes_that_a_metric_was_taken_out():
    metrics = MetricCollection({"a": MeanMetric(), "b": MeanMetric()}, compute_groups=[["a", "b"]])
    metrics.update(2.0)
    assert not was_taken_apart(metrics)
    metrics["b"].update(4.0)
    assert was_taken_apart(metrics)
    set_compute_groups(metrics, [])
    metrics.update(3.0)
    assert metrics.compute() == {"a": 2.5, "b": 3}


def test_an_epoch_value_is_neither_cached_nor_synchronized():
    class Log:
        num_reads = 0

        def values(self):
            self.num_reads += 1
            return {"loss": torch.tensor(1.0)}

    log = Log()
    names = RegisteredNames(results=None)
    names.start_epoch(log)
    value = EpochValue(names, "loss")
    value.update()
    assert (value.compute(), value.compute(), log.num_reads) == (1, 1, 2)
    assert value.update_count == 0
    assert hasattr(MeanMetric().compute, "__wrapped__")  # what is overridden
    assert hasattr(MeanMetric().update, "__wrapped__")
    assert not hasattr(value.compute, "__wrapped__")
    assert not hasattr(value.update, "__wrapped__")


def test_an_updated_name_has_a_value_again():
    # else `RegisteredNames` must call `self.log` in each epoch
    results = _ResultCollection(training=True)
    metric = MeanMetric()
    metric.update(1.0)
    results.log("training_step", "loss", metric, on_step=False, on_epoch=True, metric_attribute="metric")
    assert results["training_step.loss"].value is metric
    assert results.metrics(on_step=False)["log"] == {"loss": 1}
    results.reset()
    assert results.metrics(on_step=False)["log"] == {}
    metric.update(3.0)
    results.update_metrics("training_step.loss", metric, batch_size=1)
    assert results.metrics(on_step=False)["log"] == {"loss": 3}


def test_a_wrapper_loses_states_when_it_is_called():
    # else `Wrappers` need not replace it any more
    inner = MeanMetric()
    wrapper = MinMaxMetric(inner)
    assert loses_states(wrapper)
    assert not loses_states(inner)
    wrapper(torch.tensor(1.0))
    wrapper(torch.tensor(3.0))
    assert inner.compute() != 2
    replaced = MeanMetric()
    replaced.forward = lambda value: "replaced"
    assert replaced(1.0) == "replaced"
    assert isinstance(replaced, Metric)


def test_a_running_window_counts_its_updates_itself():
    metric, other = Running(MeanMetric(), window=2), Running(MeanMetric(), window=2)
    for value in (1.0, 2.0, 4.0):
        metric.update(value)
    assert metric.update_count == metric.base_metric.update_count == 0
    assert num_updates(metric) == metric._num_vals_seen == 3
    load_state(other, state_of(metric))
    other.update(8.0)
    assert other.compute() == 6


@pytest.mark.parametrize("options", [{}, {"include_background": False}, {"per_class": True}])
def test_classes_that_an_update_counts_are_those_of_a_checkpoint(options):
    batches = torch.arange(2 * 3 * 8).reshape(2, 1, 3, 8) % 7 < 4
    metric, other = MeanIoU(**options), MeanIoU(**options)
    metric.update(batches[0], batches[1])
    assert load_state(other, state_of(metric)) == []
    assert other._is_initialized
    for each in (metric, other):
        each.update(batches[1], batches[1])
    assert torch.equal(other.compute(), metric.compute())
    other.reset()
    other.update(batches[1], batches[1])
    assert other.compute().unique().tolist() == [1.0]


def test_no_reset_forgets_a_minimum_and_a_maximum():
    # else they need no care of ours
    metric = MinMaxMetric(MeanMetric())
    metric.update(1.0)
    metric.compute()
    metric.reset()
    assert (metric.min_val, metric.max_val) == (1, 1)
    assert metric.metric_state == {}
