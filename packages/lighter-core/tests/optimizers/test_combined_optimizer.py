"""Several optimizers in automatic optimization, compared with a loop by hand."""

import copy
import pickle
from functools import partial

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

from lighter import OptimizerError, System
from lighter.callbacks import ConfiguredValues
from lighter.optimizers import CombinedOptimizer
from lighter.resumable import ResumableDataLoader

pytestmark = pytest.mark.filterwarnings(
    "ignore:Checkpoint directory .* exists and is not empty",
    "ignore:Be aware that when using .ckpt_path., callbacks used to create",
)

SGD_ARGUMENTS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def combined(network, *, lr=0.01, **options):
    optimizers = {
        "body": {"optimizer": partial(SGD, **SGD_ARGUMENTS), "modules": "0"},
        "head": {"optimizer": partial(AdamW, lr=lr)},
    }
    return CombinedOptimizer(network, optimizers, no_weight_decay={"types": "biases"}, **options)


@pytest.fixture
def make_system(make_data):
    def make(*, has_scheduler=True, **options):
        network = make_network()
        optimizer = combined(network, **options)
        loader = ResumableDataLoader(make_data(12), batch_size=4)
        return System(
            network,
            {"train": loader, "val": DataLoader(make_data(12), batch_size=4)},
            optimizer=optimizer,
            scheduler=StepLR(optimizer, 1, gamma=0.5) if has_scheduler else None,
            criterion=nn.CrossEntropyLoss(),
        )

    return make


def by_hand(make_data, num_epochs, *, turns=(("body", "head"),), clip=None, accumulate=1):
    """Train with two optimizers; in each step those whose turn it is."""
    network = make_network()
    body, _, head = network
    optimizers = {
        "body": SGD([{"params": [body.weight]}, {"params": [body.bias], "weight_decay": 0.0}], **SGD_ARGUMENTS),
        "head": AdamW([{"params": [head.weight]}, {"params": [head.bias], "weight_decay": 0.0}], lr=0.01),
    }
    schedulers = [StepLR(one, 1, gamma=0.5) for one in optimizers.values()]
    num_steps = 0
    for _ in range(num_epochs):
        batches = list(DataLoader(make_data(12), batch_size=4))
        for index, (inputs, targets) in enumerate(batches):
            if index % accumulate == 0:
                network.zero_grad()
            (nn.CrossEntropyLoss()(network(inputs), targets) / accumulate).backward()
            if (index + 1) % accumulate and index + 1 < len(batches):
                continue
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            for name in turns[num_steps % len(turns)]:
                optimizers[name].step()
            num_steps += 1
        for scheduler in schedulers:
            scheduler.step()
    return list(network.parameters())


def assert_same(parameters, expected):
    for ours, theirs in zip(parameters, expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-13, atol=1e-15)


TURNS = (("body",), ("head",), ("head",))


@pytest.mark.parametrize(
    ("options", "trained", "hand"),
    [
        ({}, {}, {}),
        ({}, {"gradient_clip_val": 0.1}, {"clip": 0.1}),
        ({}, {"accumulate_grad_batches": 2}, {"accumulate": 2}),
        ({"alternate": {"body": 1, "head": 2}}, {}, {"turns": TURNS}),
        ({"alternate": {"body": 1, "head": 2}}, {"accumulate_grad_batches": 2}, {"turns": TURNS, "accumulate": 2}),
    ],
)
def test_training_is_that_of_two_optimizers_by_hand(make_system, make_trainer, make_data, options, trained, hand):
    system = make_system(**options)
    make_trainer(max_epochs=3, **trained).fit(system)
    assert_same(system.network.parameters(), by_hand(make_data, 3, **hand))


@pytest.mark.parametrize("step", [2, 3, 4])
@pytest.mark.parametrize("options", [{}, {"alternate": {"body": 1, "head": 1}}])
def test_a_resumed_fit_equals_an_uninterrupted_one(make_system, make_trainer, make_data, tmp_path, options, step):
    def fit(**arguments):
        system = make_system(**options)
        callback = ModelCheckpoint(
            tmp_path, filename="{step}", save_top_k=-1, every_n_train_steps=1, enable_version_counter=False
        )
        make_trainer(max_epochs=3, callbacks=[callback], enable_checkpointing=True).fit(system, **arguments)
        return [*system.network.parameters()]

    weights = fit()
    resumed = fit(ckpt_path=str(tmp_path / f"step={step}.ckpt"), weights_only=True)
    assert all(map(torch.equal, resumed, weights))
    assert_same(weights, by_hand(make_data, 3, turns=(("body",), ("head",)) if options else (("body", "head"),)))


def test_values_are_logged_and_described_by_optimizer(make_system, make_trainer, epochs):
    system = make_system()
    make_trainer(max_epochs=2, callbacks=[epochs]).fit(system)
    assert epochs.train[1]["train/optimizer/SGD/lr/body"] == 0.05
    assert epochs.train[1]["train/optimizer/AdamW/lr/head_no_weight_decay"] == 0.005
    assert epochs.train[0]["train/optimizer/AdamW/weight_decay/head_no_weight_decay"] == 0.0
    described = [(group.optimizer, group.name, group.num_tensors) for group in system.group_coverage]
    assert described == [
        ("SGD", "body", 1),
        ("SGD", "body_no_weight_decay", 1),
        ("AdamW", "head", 1),
        ("AdamW", "head_no_weight_decay", 1),
    ]


def test_restored_and_configured_values_name_the_optimizer(make_system, make_trainer, tmp_path):
    trainer = make_trainer(max_epochs=1)
    trainer.fit(make_system())
    trainer.save_checkpoint(tmp_path / "saved.ckpt")
    with pytest.warns(UserWarning, match=r"AdamW has lr of group head.* 0\.01 of the checkpoint, not .* 0\.02"):
        make_trainer(max_epochs=2).fit(make_system(lr=0.02), ckpt_path=tmp_path / "saved.ckpt")
    system = make_system(lr=0.02)
    make_trainer(max_epochs=2, callbacks=[ConfiguredValues()]).fit(system, ckpt_path=tmp_path / "saved.ckpt")
    assert [group.lr for group in system.group_coverage] == [0.05, 0.05, 0.01, 0.01]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_trains_on_its_own(make_data, copied):
    network = make_network()
    optimizer = combined(network, alternate={"body": 1, "head": 2})

    def step(network, optimizer):
        optimizer.zero_grad()
        network(torch.ones(1, 4, dtype=torch.float64)).square().sum().backward()
        optimizer.step()

    step(network, optimizer)
    other, other_optimizer = copied((network, optimizer))
    assert other_optimizer.optimizers["head"].state is other_optimizer.state is not optimizer.state
    for _ in range(3):
        step(network, optimizer)
    before = [parameter.clone() for parameter in other.parameters()]
    for _ in range(3):
        step(other, other_optimizer)
    assert_same(other.parameters(), network.parameters())
    assert not any(map(torch.equal, before, other.parameters()))


def test_half_precision_scales_the_gradients_of_all(make_data):
    network = make_network().float()
    optimizer = combined(network)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    network(torch.ones(1, 4)).sum().backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    optimizer.zero_grad()
    scaler.scale(network(torch.ones(1, 4)).sum()).backward()
    scaler.unscale_(optimizer)
    assert all(torch.allclose(one.grad, grad) for one, grad in zip(network.parameters(), expected, strict=True))
    before = [parameter.clone() for parameter in network.parameters()]
    scaler.step(optimizer)
    assert not any(map(torch.equal, before, network.parameters()))


BODY, HEAD = {"optimizer": SGD, "modules": "0"}, {"optimizer": AdamW}


@pytest.mark.parametrize(
    ("optimizers", "options", "message"),
    [
        ({"body": BODY}, {}, "`optimizers` must be a mapping of several"),
        ([SGD, AdamW], {}, "`optimizers` must be a mapping of several"),
        ({"body": BODY, "head": {"modules": "2"}}, {}, r"`optimizers\['head'\]` needs `optimizer`"),
        ({"body": BODY, "head": {"optimizer": nn.Identity}}, {}, r"`optimizers\['head'\]` made a Identity"),
        ({"body": BODY, "head": {**HEAD, "names": "2.bias"}}, {}, "1 parameters are in none of the optimizers"),
        ({"body": BODY, "head": {**HEAD, "modules": ["0", "2"]}}, {}, "two groups claim '0.weight'"),
        ({"body": BODY, "head": {**HEAD, "modul": "2"}}, {}, "unknown key 'modul'"),
        ({"body": {"optimizer": SGD}, "head": HEAD}, {}, "the optimizers 'body' and 'head' select no parameters"),
        (
            {"body": {**BODY, "modules": ["0", "2"]}, "head": HEAD},
            {},
            "no parameters are left for the optimizer 'head'",
        ),
        ({"body": BODY, "head": {"optimizer": torch.optim.LBFGS}}, {}, "LBFGS calls its closure several times"),
        (
            {"body": BODY, "head": HEAD},
            {"alternate": {"body": 1, "haed": 1}},
            "unknown optimizer 'haed' in `alternate`",
        ),
        ({"body": BODY, "head": HEAD}, {"alternate": {"body": 1}}, "`alternate` has no steps for 'head'"),
        ({"body": BODY, "head": HEAD}, {"alternate": {"body": 1, "head": 0}}, "must be a number of steps, got 0"),
    ],
)
def test_what_cannot_be_combined_is_an_error(optimizers, options, message):
    with pytest.raises(OptimizerError, match=message):
        CombinedOptimizer(make_network(), optimizers, **options)


def test_alternating_optimizers_refuse_clipping(make_system, make_trainer):
    with pytest.raises(OptimizerError, match="gradients cannot be clipped while optimizers alternate"):
        make_trainer(gradient_clip_val=0.1).fit(make_system(alternate={"body": 1, "head": 1}))


def test_the_rest_may_be_frozen():
    network = make_network()
    network[2].requires_grad_(False)
    optimizers = {"a": {**BODY, "modules": (), "names": "0.weight"}, "b": {**HEAD, "names": "0.bias"}}
    assert sum(len(group["params"]) for group in CombinedOptimizer(network, optimizers).param_groups) == 2
