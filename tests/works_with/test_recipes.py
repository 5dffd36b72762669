"""Each recipe trains, resumes, tests and predicts with the real library, and its numbers are those by hand."""

import os
import re
import warnings
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from tests.works_with.by_hand import by_hand
from tests.works_with.crossings import LAST, RECIPES, Crossing, cross
from tests.works_with.libraries import LIBRARIES
from tests.works_with.read_back import READERS

from lighter_cli import load_experiment

NAMES = [name for name in LIBRARIES if (RECIPES / f"{name}.yaml").is_file()]


@pytest.fixture(scope="module", params=NAMES)
def crossing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    for module in LIBRARIES[request.param].modules:
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: `nox -s 'works-with({request.param})'` has it")
    return cross(request.param, tmp_path_factory.mktemp(request.param))


def test_resumed_fit_equals_an_uninterrupted_one(crossing: Crossing) -> None:
    whole, resumed = crossing.checkpoint("outputs"), crossing.checkpoint("resumed")
    for part in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0, equal_nan=True)  # anomalib keeps nan
    logged = crossing.logged("outputs")
    for name, values in crossing.logged("resumed").items():
        assert values == logged[name][-len(values) :], name


def test_the_limit_of_resuming_is_as_described(crossing: Crossing) -> None:
    change = LIBRARIES[crossing.library].inexact_with
    if not change:
        pytest.skip("nothing is described")
    crossing.lighter("fit", change, "vars::output=whole_limit")
    first = "whole_limit/checkpoints/epoch=0.ckpt"
    crossing.lighter("fit", change, "vars::output=resumed_limit", "--ckpt-path", first)
    whole, resumed = (crossing.checkpoint(output)["state_dict"] for output in ("whole_limit", "resumed_limit"))
    assert any(not torch.equal(value, resumed[name]) for name, value in whole.items())


@pytest.mark.filterwarnings("default")  # of trackers, about what they import
def test_a_tracker_holds_every_number_of_the_fit(crossing: Crossing) -> None:
    if crossing.library not in READERS:
        pytest.skip("this is not a tracker")
    for output in ("outputs", "resumed"):
        logged, held = crossing.logged(output), READERS[crossing.library](crossing.folder, output)
        assert len(logged) > 5
        assert {name: held[name] for name in logged} == {
            name: pytest.approx(values, rel=1e-5) for name, values in logged.items()
        }


def test_a_tracker_does_not_change_the_training(crossing: Crossing) -> None:
    if crossing.library not in READERS or crossing.library == "csv":
        pytest.skip("this is not a tracker beside the CSV logger")
    crossing.lighter("fit", "vars::output=untracked", "~trainer::logger::1")
    assert crossing.logged("untracked") == crossing.logged("outputs")


@pytest.mark.filterwarnings("default")  # of libraries about each other
def test_logged_values_and_predictions_are_those_by_hand(crossing: Crossing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(crossing.folder)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # MONAI sets it
    with patch.dict(os.environ):  # some libraries set variables when they are imported
        expected = by_hand(crossing.library, load_experiment(*crossing.inputs, "=trainer::logger=false"), Path(LAST))
    validated, of_fit = crossing.of_epoch("validate"), crossing.of_epoch("outputs")
    tested = {re.sub("^test", "val", name): value for name, value in crossing.of_epoch("test").items()}
    assert validated | tested == pytest.approx(expected.values, rel=1e-4)
    assert {name: validated[name] for name in tested if name in validated} == pytest.approx(
        {name: value for name, value in tested.items() if name in validated}, rel=1e-5
    )
    assert {name for name in validated if "/metrics/" in name} <= set(tested)
    assert {name: of_fit[name] for name in validated} == pytest.approx(validated, rel=1e-5)
    written = crossing.predictions()
    assert len(written) == len(expected.preds)
    torch.testing.assert_close(written, expected.preds, rtol=1e-4, atol=1e-5)
