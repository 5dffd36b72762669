import logging
import os

import pytest
import torch
from torch import nn

from lighter.errors import WeightsError
from lighter.weights import compare_weights, load_weights


class Network(nn.Module):
    """A backbone and a head, with a part whose name contains `model.` in its middle."""

    def __init__(self, num_classes=2):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.sub_model = nn.ModuleDict({"model": nn.Linear(4, 4)})
        self.head = nn.Linear(4, num_classes)


class Around(nn.Module):
    """A module that holds the network as `network`, as a System does."""

    def __init__(self):
        super().__init__()
        self.network = Network()


def saved(path, state, **others):
    torch.save({"state_dict": state, "epoch": 3, **others} if others else state, path)
    return path


def prefixed(network, prefix):
    return {f"{prefix}{name}": weight for name, weight in network.state_dict().items()}


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("prefix", ["", "network.", "model."])
@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_weights_of_old_and_new_systems_fit_both(tmp_path, prefix, around, checkpoint):
    source = Network()
    others = {"optimizer_states": [], "callbacks": {}} if checkpoint else {}
    path = saved(tmp_path / "x.ckpt", prefixed(source, prefix), **others)
    target = Around() if around else Network()
    assert load_weights(target, path) is target
    assert equal(target.network if around else target, source)


def test_a_prefix_is_replaced_at_the_start_of_a_name_only(tmp_path):
    """`model.` was replaced anywhere in a name, so that `sub_model.model.weight` was broken."""
    source, target = Network(), Network()
    report = compare_weights(target, saved(tmp_path / "x.pt", prefixed(source, "model.")))
    assert report.missing == report.unexpected == ()
    assert "sub_model.model.weight" in report.matched
    load_weights(target, tmp_path / "x.pt", prefix_map={"model": ""})
    assert equal(source, target)


def test_a_prefix_is_whole_parts_of_a_name(tmp_path):
    path = saved(tmp_path / "x.pt", {"back.0.weight": torch.ones(4, 4), "backbone.1.weight": torch.ones(4)})
    report = compare_weights(Network(), path, prefix_map={"back": "backbone", "backbone.": "backbone"})
    assert report.matched == ("backbone.0.weight", "backbone.1.weight")


def test_the_longest_prefix_that_fits_wins(tmp_path):
    source = Network()
    state = {f"a.b.{name}": weight for name, weight in source.backbone.state_dict().items()}
    state |= {f"a.{name}": weight for name, weight in source.head.state_dict().items()}
    target = load_weights(Network(), saved(tmp_path / "x.pt", state), {"a": "head", "a.b": "backbone"})
    assert equal(target.backbone, source.backbone)
    assert equal(target.head, source.head)


def test_the_report_lists_matched_missing_and_unexpected(tmp_path, caplog):
    state = {"network.head.weight": torch.ones(2, 4), "criterion.weight": torch.ones(2)}
    path = saved(tmp_path / "x.ckpt", state, epoch=3)
    target = Network()
    before = target.backbone[0].weight.clone()
    report = compare_weights(target, path)
    assert report.matched == ("head.weight",)
    assert report.unexpected == ("criterion.weight",)
    assert len(report.missing) == 10
    with caplog.at_level(logging.INFO, logger="lighter.weights"):
        load_weights(target, path)
    assert "1 weights matched; 10 missing in the file: backbone.0.weight" in caplog.text
    assert torch.equal(target.head.weight, torch.ones(2, 4))
    assert torch.equal(target.backbone[0].weight, before)


def test_ignored_weights_stay_and_may_have_other_shapes(tmp_path):
    path = saved(tmp_path / "x.pt", Network(num_classes=5).state_dict())
    target = Network(num_classes=2)
    before = target.head.weight.clone()
    with pytest.raises(WeightsError, match=r"2 weights of .* do not have the network's shapes") as raised:
        load_weights(target, path)
    assert "head.weight: (2, 4), the file has (5, 4)" in raised.value.expected
    load_weights(target, path, ignore=["head"])
    assert torch.equal(target.head.weight, before)
    assert compare_weights(target, path, ignore=["head"]).ignored == ("head.bias", "head.weight")


def test_no_match_is_an_error_with_names_of_both_sides(tmp_path):
    path = saved(tmp_path / "x.pt", {"encoder.0.weight": torch.ones(4, 4)})
    with pytest.raises(WeightsError, match=r"no weight name of .* is in the network") as raised:
        load_weights(Network(), path)
    assert "backbone.0.weight" in raised.value.expected
    assert "encoder.0.weight" in raised.value.expected


@pytest.mark.parametrize("options", [{"prefix_map": {"modle": ""}}, {"ignore": ["haed"]}])
def test_a_prefix_that_no_name_begins_with_is_an_error(tmp_path, options):
    path = saved(tmp_path / "x.pt", prefixed(Network(), "model."))
    with pytest.raises(WeightsError, match="no name begins with") as raised:
        load_weights(Network(), path, **options)
    assert raised.value.nearest[0] in ("model", "head")


def test_names_that_a_prefix_map_makes_equal_are_an_error(tmp_path):
    path = saved(tmp_path / "x.pt", {"a.weight": torch.ones(2), "b.weight": torch.ones(2)})
    with pytest.raises(WeightsError, match=r"'head.weight' is given twice: the names 'a.weight' and 'b.weight'"):
        load_weights(Network(), path, {"a": "head", "b": "head"})


def test_a_file_that_is_missing_names_its_neighbour(tmp_path):
    saved(tmp_path / "last.ckpt", Network().state_dict())
    with pytest.raises(WeightsError, match=r"the file `.*` does not exist") as raised:
        load_weights(Network(), tmp_path / "lost.ckpt")
    assert raised.value.nearest == ("last.ckpt",)


class Anything:
    """What a checkpoint must not bring to life."""


@pytest.mark.parametrize("content", [Anything(), {"state_dict": Network().state_dict(), "hparams": Anything()}])
def test_objects_in_a_file_are_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="cannot be read") as raised:
        load_weights(Network(), tmp_path / "x.pt")
    assert "state_dict()" in raised.value.fix


@pytest.mark.parametrize(
    "content",
    [[1, 2], {"epoch": 3}, {"one": Network().state_dict(), "two": Network().state_dict()}, {"state_dict": {}}],
)
def test_a_file_must_hold_exactly_one_set_of_weights(tmp_path, content):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match="must have one set of weights, got"):
        load_weights(Network(), tmp_path / "x.pt")


def test_text_is_not_a_file_of_weights(tmp_path):
    (tmp_path / "x.pt").write_text("hello")
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(Network(), tmp_path / "x.pt")


def test_the_only_set_of_weights_is_found_under_any_key(tmp_path):
    source = Network()
    torch.save({"model": source.state_dict(), "args": {"lr": 0.1}}, tmp_path / "x.pt")
    assert equal(load_weights(Network(), tmp_path / "x.pt"), source)


def test_compiled_networks_match_those_that_are_not(tmp_path):
    source, target = Network(), torch.compile(Network(), backend="eager")
    assert equal(load_weights(target, saved(tmp_path / "x.pt", source.state_dict())), source)
    back = Network()
    assert equal(load_weights(back, saved(tmp_path / "y.pt", prefixed(target, "network."))), source)


@pytest.mark.parametrize("prefix", ["", "network."])
def test_a_network_with_a_part_named_model_keeps_its_names(tmp_path, prefix):
    """The guess that `model.` goes away makes `weight` of both, and was an error where nobody had asked for it."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(3))
            self.model = nn.Linear(3, 2)

    source, target = Scaled(), Scaled()
    load_weights(target, saved(tmp_path / "x.pt", prefixed(source, prefix)))
    assert equal(target, source)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_bomb_in_a_file_does_not_go_off(tmp_path, monkeypatch, is_zip):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.ones(2, 3), "extra": Bomb()}, "w.pt", _use_new_zipfile_serialization=is_zip)
    for load in (load_weights, compare_weights):
        with pytest.raises(WeightsError, match=r"cannot be read"):
            load(nn.Linear(3, 2), "w.pt")
    assert not (tmp_path / "exploded").exists()
    torch.load("w.pt", weights_only=False)
    assert (tmp_path / "exploded").exists()
