"""Modules at former paths, which are kept for one release."""

import importlib
import pickle
import sys

import pytest
from torch import nn
from torch.utils.data import DataLoader

from lighter import LighterModule
from lighter.callbacks import CsvWriter, FileWriter, Freezer

FORMER = {
    "lighter.callbacks.csv_writer": ("lighter.callbacks", "lighter.callbacks.writers.csv_writer"),
    "lighter.callbacks.file_formats": ("lighter.callbacks.writers.file_formats",) * 2,
    "lighter.callbacks.file_writer": ("lighter.callbacks", "lighter.callbacks.writers.file_writer"),
    "lighter.callbacks.freezer": ("lighter.callbacks", "lighter.callbacks.freezing.freezer"),
    "lighter.callbacks.parameter_selection": ("lighter.parameter_selection",) * 2,
    "lighter.callbacks.prediction_writer": ("lighter.callbacks", "lighter.callbacks.writers.prediction_writer"),
    "lighter.dual_logging": ("lighter.logging.module_logging",) * 2,
    "lighter.failure_notes": ("lighter.lightning.failure_notes",) * 2,
}


@pytest.mark.parametrize("former", FORMER)
def test_a_former_module_warns_and_gives_the_same_objects(monkeypatch, former):
    monkeypatch.delitem(sys.modules, former, raising=False)
    named, defining = FORMER[former]
    with pytest.warns(DeprecationWarning, match=f"`{former}` has moved to `{named}`"):
        module = importlib.import_module(former)
    assert module.__all__
    for name in module.__all__:
        now = {"DualLogging": "ModuleLogging"}.get(name, name)
        assert getattr(module, name) is getattr(importlib.import_module(defining), now)


def test_a_module_pickled_by_version_0_2_0_still_validates(make_network, make_data, make_trainer):
    class Validates(LighterModule):
        def validation_step(self, batch, batch_idx):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    state = Validates(make_network()).__getstate__()
    state["_dual_logging"] = state.pop("_logging")
    loaded = Validates.__new__(Validates)
    loaded.__setstate__(state)
    (values,) = make_trainer().validate(loaded, DataLoader(make_data(6), batch_size=2), verbose=False)
    assert values["val/loss/epoch"] > 0


@pytest.mark.parametrize(
    "callback",
    [Freezer(modules=["backbone"]), CsvWriter("preds.csv", ["pred"]), FileWriter("preds", format="text")],
    ids=lambda callback: type(callback).__name__,
)
def test_a_callback_pickled_at_its_former_path_loads(callback):
    pickled = pickle.dumps(callback, protocol=0)  # names every module on a line of its own
    for former, (_, defining) in FORMER.items():
        pickled = pickled.replace(defining.encode(), former.encode())
    assert b"writers" not in pickled
    assert b"freezing" not in pickled
    loaded = pickle.loads(pickled)  # what this test has pickled
    assert type(loaded) is type(callback)
    assert repr(vars(loaded)) == repr(vars(callback))
