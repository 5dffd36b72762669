import logging

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

from lighter import OptimizerError, System
from lighter.callbacks import ConfiguredValues, Freezer
from lighter.optimizers import groups
from lighter.optimizers.group_coverage import ParameterGroup, describe


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 3)).double()


GROUPS = {"stem": {"modules": "0", "lr": 0.05}, "head": {"modules": "2", "weight_decay": 0.3}}


@pytest.fixture
def make_system(make_data):
    def make(given=GROUPS, *, step_size=1, lr=0.1, network=None):
        network = network or make_network()
        params = groups(network, given, no_weight_decay={"types": ["norms", "biases"]})
        optimizer = torch.optim.AdamW(params, lr=lr, weight_decay=0.1)
        scheduler = StepLR(optimizer, step_size, gamma=0.5)
        loader = DataLoader(make_data(12), batch_size=4)
        loaders = {"train": loader, "val": loader}
        return System(network, loaders, optimizer=optimizer, scheduler=scheduler, criterion=nn.CrossEntropyLoss())

    return make


def by_hand(make_data, num_epochs):
    """Train the groups written out."""
    network = make_network()
    stem, norm, head = network
    optimizer = torch.optim.AdamW(
        [
            {"params": [stem.weight], "lr": 0.05},
            {"params": [stem.bias], "lr": 0.05, "weight_decay": 0.0},
            {"params": [head.weight], "weight_decay": 0.3},
            {"params": [head.bias], "weight_decay": 0.0},
            {"params": [norm.weight, norm.bias], "weight_decay": 0.0},
        ],
        lr=0.1,
        weight_decay=0.1,
    )
    scheduler = StepLR(optimizer, 1, gamma=0.5)
    for _ in range(num_epochs):
        for inputs, targets in DataLoader(make_data(12), batch_size=4):
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(network(inputs), targets).backward()
            optimizer.step()
        scheduler.step()
    return list(network.parameters())


def test_groups_train_as_groups_written_out(make_system, make_trainer, make_data, epochs):
    system = make_system()
    make_trainer(max_epochs=3, callbacks=[epochs]).fit(system)
    for ours, expected in zip(system.network.parameters(), by_hand(make_data, 3), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-13, atol=1e-15)
    assert [one["train/optimizer/AdamW/lr/head"] for one in epochs.train] == [0.1, 0.05, 0.025]
    assert [one["train/optimizer/AdamW/lr/stem_no_weight_decay"] for one in epochs.train] == [0.05, 0.025, 0.0125]
    assert epochs.train[0]["train/optimizer/AdamW/weight_decay/head"] == 0.3


def test_fit_describes_its_groups_once(make_system, make_trainer, caplog):
    system = make_system()
    with caplog.at_level(logging.INFO, logger="lighter"):
        make_trainer(callbacks=[Freezer(modules="0")]).fit(system)
    (told,) = (record.message for record in caplog.records if record.message.startswith("parameter groups"))
    assert told.splitlines() == [
        "parameter groups",
        "group                    tensors  parameters    lr  weight_decay",
        "stem                           1          20  0.05           0.1  1 frozen",
        "stem_no_weight_decay           1           5  0.05             0  1 frozen",
        "head                           1          15   0.1           0.3",
        "head_no_weight_decay           1           3   0.1             0",
        "default_no_weight_decay        2          10   0.1             0",
    ]
    assert system.group_coverage[2] == ParameterGroup("AdamW", "head", 1, 15, 0, 0.1, 0.3)


def test_parameters_in_no_group_are_described_too(make_system, make_trainer, caplog):
    system = make_system()
    system.network.append(nn.Linear(3, 3, dtype=torch.float64))
    make_trainer(max_epochs=1).fit(system)
    assert system.group_coverage[-1] == ParameterGroup("", "in no group", 2, 12, 0, None, None)
    make_trainer().validate(system)
    assert system.group_coverage == ()


def test_a_single_group_is_not_described(make_trainer, make_data, caplog):
    network = make_network()
    loader = DataLoader(make_data(4), batch_size=4)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    system = System(network, {"train": loader, "val": loader}, optimizer=optimizer, criterion=nn.CrossEntropyLoss())
    with caplog.at_level(logging.INFO, logger="lighter"):
        make_trainer(max_epochs=1).fit(system)
    assert system.group_coverage == ()
    assert not [record for record in caplog.records if record.message.startswith("parameter groups")]


@pytest.fixture
def checkpoint(make_system, make_trainer, tmp_path):
    """A checkpoint of the end of the first epoch."""
    trainer = make_trainer(max_epochs=1)
    trainer.fit(make_system())
    trainer.save_checkpoint(tmp_path / "saved.ckpt")
    return str(tmp_path / "saved.ckpt")


def test_a_resumed_fit_ends_with_the_same_weights(make_system, make_trainer, make_data, checkpoint):
    resumed = make_system()
    make_trainer(max_epochs=3).fit(resumed, ckpt_path=checkpoint)
    for ours, expected in zip(resumed.network.parameters(), by_hand(make_data, 3), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "others",
    [
        {
            "head": GROUPS["head"],
            "stem": GROUPS["stem"],
        },  # as many of the same sizes: torch would exchange their states
        {"stem": GROUPS["stem"]},
        {"stem": GROUPS["stem"], "top": GROUPS["head"]},
    ],
)
def test_a_checkpoint_with_other_groups_is_an_error(make_system, make_trainer, checkpoint, others):
    with pytest.raises(OptimizerError, match="the checkpoint has other parameter groups than this AdamW") as raised:
        make_trainer(max_epochs=3).fit(make_system(others), ckpt_path=checkpoint)
    assert "stem of 1, stem_no_weight_decay of 1, head of 1" in raised.value.expected
    make_trainer().validate(make_system(others), ckpt_path=checkpoint)


CHANGED = {"stem": GROUPS["stem"], "head": {**GROUPS["head"], "weight_decay": 0.4}}


def test_a_restored_value_names_its_group(make_system, make_trainer, checkpoint):
    system = make_system(CHANGED)
    with pytest.warns(UserWarning, match=r"AdamW has weight_decay of group head 0\.3 of the checkpoint, not .* 0\.4"):
        make_trainer(max_epochs=3).fit(system, ckpt_path=checkpoint)
    (value,) = system.restored_values
    assert value.group == "head"
    assert system.group_coverage[2].weight_decay == 0.3


def test_configured_values_win_in_groups(make_system, make_trainer, checkpoint):
    system = make_system(CHANGED, lr=0.2)
    make_trainer(max_epochs=3, callbacks=[ConfiguredValues()]).fit(system, ckpt_path=checkpoint)
    described = {group.name: (group.lr, group.weight_decay) for group in system.group_coverage}
    assert described == {  # in the second epoch of the schedule
        "stem": (0.025, 0.1),
        "stem_no_weight_decay": (0.025, 0.0),
        "head": (0.1, 0.4),
        "head_no_weight_decay": (0.1, 0.0),
        "default_no_weight_decay": (0.1, 0.0),
    }


def test_a_mistyped_option_of_a_group_is_an_error(make_system):
    with pytest.raises(OptimizerError, match="unknown option 'weight_decy' in the group 'head' of AdamW") as raised:
        make_system({"head": {"modules": "2", "weight_decy": 0.1}})
    assert raised.value.nearest[0] == "weight_decay"


def test_an_option_like_no_other_is_left_to_the_optimizer(make_system):
    assert make_system({"head": {"modules": "2", "use_muon": True}}).optimizer.param_groups[0]["use_muon"]


def test_groups_of_several_optimizers_with_repeated_names_are_told_apart():
    network = make_network()
    given = [
        torch.optim.SGD(groups(part, no_weight_decay={"types": ["biases"]}), lr=lr)
        for part, lr in ((network[0], 0.1), (network[2], 0.2))
    ]
    described = describe(given, network)
    assert [(group.name, group.lr) for group in described] == [
        ("SGD/default", 0.1),
        ("SGD/default_no_weight_decay", 0.1),
        ("SGD-1/default", 0.2),
        ("SGD-1/default_no_weight_decay", 0.2),
        ("in no group", None),
    ]
    assert {group.optimizer for group in described[:-1]} == {"SGD"}
