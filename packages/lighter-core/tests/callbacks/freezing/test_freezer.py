import json
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lighter.callbacks import Freezer
from lighter.errors import FreezerError


class Model(pl.LightningModule):
    """Three blocks under `network`, with momentum and weight decay, that notes what is frozen in each step."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
        self.frozen_in_step = []

    def training_step(self, batch, batch_idx):
        self.frozen_in_step.append(frozen(self))
        return self.network(batch[0]).square().mean()

    def validation_step(self, batch, batch_idx):
        return self.network(batch[0]).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)


ALL = ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias", "4.weight", "4.bias"]


def frozen(model):
    return [name for name, parameter in model.network.named_parameters() if not parameter.requires_grad]


def data(shuffle=False):
    generator = torch.Generator().manual_seed(1)
    return DataLoader(TensorDataset(torch.rand(16, 4, generator=generator)), batch_size=4, shuffle=shuffle)


def trainer(folder, *freezers, callbacks=(), **options):
    return pl.Trainer(
        default_root_dir=folder,
        callbacks=[*freezers, *callbacks],
        **{
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 2,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            **options,
        },
    )


def fit(folder, *freezers, model=None, ckpt_path=None, **options):
    """Train two epochs of four steps with validation."""
    model = model or Model()
    fitting = trainer(folder, *freezers, **options)
    fitting.fit(model, data(), data(), ckpt_path=ckpt_path)
    return model, fitting


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"names": ["0.weight"]}, ["0.weight"]),
        ({"names": "network.0.weight"}, ["0.weight"]),
        ({"names": ["model.0.weight", "2.bias"]}, ["0.weight", "2.bias"]),
        ({"name_starts_with": ["0.", "network.1"]}, ALL[:4]),
        ({"modules": ["0", "network.2"]}, ["0.weight", "0.bias", "2.weight", "2.bias"]),
        ({"modules": ["model.2."]}, ["2.weight", "2.bias"]),
        ({"modules": ["0"], "except_names": ["0.bias"]}, ["0.weight"]),
        ({"except_name_starts_with": ["4"]}, ALL[:6]),
        ({"except_names": ["model.4.bias"]}, ALL[:7]),
    ],
)
def test_selection_freezes_what_it_names_and_nothing_else(tmp_path, selection, expected):
    before = Model()
    model, _ = fit(tmp_path, Freezer(**selection))
    assert model.frozen_in_step == [expected] * 8
    for (name, old), new in zip(before.network.named_parameters(), model.network.parameters(), strict=True):
        assert torch.equal(old, new) == (name in expected), name


def test_two_freezers_do_not_undo_each_other(tmp_path):
    """Of `Freezer("0.")` and `Freezer("2.")` only the second froze."""
    model, _ = fit(tmp_path, Freezer(name_starts_with=["0."]), Freezer(name_starts_with=["2."]))
    assert model.frozen_in_step == [["0.weight", "0.bias", "2.weight", "2.bias"]] * 8


def test_freezers_with_different_ends_unfreeze_step_by_step(tmp_path):
    """The documented progressive unfreezing."""
    both = Freezer(modules=["0", "2"], until_step=2)
    model, _ = fit(tmp_path, both, Freezer(modules=["0"], until_epoch=1))
    first, then = ["0.weight", "0.bias", "2.weight", "2.bias"], ["0.weight", "0.bias"]
    assert model.frozen_in_step == [first] * 2 + [then] * 2 + [[]] * 4


def test_release_leaves_alone_what_the_user_froze(tmp_path):
    """A parameter that the user had frozen came out trainable."""
    model = Model()
    model.network[0].weight.requires_grad = False
    fit(tmp_path, Freezer(modules=["0"], until_step=3), Freezer(modules=["0", "1"], until_epoch=1), model=model)
    assert model.frozen_in_step[0] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert model.frozen_in_step[-1] == ["0.weight"]


@pytest.mark.parametrize(
    ("selection", "nearest"),
    [
        ({"names": ["0.wieght"]}, "0.weight"),
        ({"names": ["0.weight", "network.4.bia"]}, "4.bias"),
        ({"name_starts_with": ["fc"]}, None),
        ({"modules": ["00"]}, "0"),
        ({"modules": ["0"], "except_names": ["0.biass"]}, "0.bias"),
    ],
)
def test_a_name_without_match_stops_and_names_the_nearest(tmp_path, selection, nearest):
    """Names that matched nothing froze nothing, without a word."""
    with pytest.raises(FreezerError, match="it matches no parameter") as raised:
        fit(tmp_path, Freezer(**selection))
    assert nearest is None or nearest in raised.value.nearest


def test_freezing_everything_is_an_error(tmp_path):
    freezers = Freezer(modules=["0", "1"]), Freezer(except_name_starts_with=["0", "1"], until_epoch=1)
    with pytest.raises(FreezerError, match="nothing is left to train: all 8 trainable parameters"):
        fit(tmp_path, *freezers)
    model = Model()
    model.network[4].requires_grad_(False)
    with pytest.raises(FreezerError, match="all 6 trainable parameters"):
        fit(tmp_path, Freezer(except_name_starts_with=["4"]), model=model)


def test_exceptions_that_leave_nothing_are_an_error(tmp_path):
    with pytest.raises(FreezerError, match="nothing is left to freeze"):
        fit(tmp_path, Freezer(modules=["0"], except_name_starts_with=["0"]))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"until_step": 3},
        {"names": [3]},
        {"modules": [""]},
        {"names": ["a"], "until_step": 0},
        {"names": ["a"], "until_epoch": 1.5},
    ],
)
def test_invalid_arguments_are_refused_at_construction(arguments):
    with pytest.raises(FreezerError) as raised:
        Freezer(**arguments)
    assert raised.value.expected


@pytest.mark.parametrize(
    ("ends", "steps"),
    [
        ({"until_step": 3}, 3),
        ({"until_epoch": 1}, 4),
        ({"until_step": 6, "until_epoch": 1}, 4),
        ({"until_step": 2, "until_epoch": 1}, 2),
        ({"until_step": 100}, 8),
    ],
)
def test_release_comes_with_the_end_that_is_reached_first(tmp_path, ends, steps):
    model, _ = fit(tmp_path, Freezer(modules=["0"], **ends))
    assert model.frozen_in_step == [["0.weight", "0.bias"]] * steps + [[]] * (8 - steps)


def test_until_step_counts_optimizer_steps(tmp_path):
    model, _ = fit(tmp_path, Freezer(modules=["0"], until_step=1), accumulate_grad_batches=2)
    assert model.frozen_in_step == [["0.weight", "0.bias"]] * 2 + [[]] * 6


def test_momentum_and_decay_do_not_move_frozen_parameters(tmp_path):
    """Gradients and momentum of before moved frozen weights."""
    model = Model()
    model.network(torch.rand(4, 4)).sum().backward()  # gradients from before
    fit(tmp_path, Freezer(modules=["0"]), model=model)
    assert torch.equal(model.network[0].weight, Model().network[0].weight)
    assert model.network[0].weight.grad is None


@pytest.mark.parametrize("selection", [{"modules": ["1"]}, {"names": ["1.weight", "1.bias"]}])
def test_running_statistics_can_be_frozen(tmp_path, selection):
    """BatchNorm's running statistics kept moving."""
    moving, _ = fit(tmp_path, Freezer(**selection))
    still, _ = fit(tmp_path, Freezer(**selection, freeze_norm_stats=True))
    assert moving.network[1].num_batches_tracked == 8
    assert still.network[1].num_batches_tracked == 0
    assert torch.equal(still.network[1].running_mean, torch.zeros(4))
    assert still.network[1].training  # the next fit does not start with a layer in eval mode


def test_running_statistics_move_again_after_release(tmp_path):
    freezers = (
        Freezer(modules=["1"], freeze_norm_stats=True, until_step=2),
        Freezer(name_starts_with=["1"], freeze_norm_stats=True, until_epoch=1),
    )
    model, _ = fit(tmp_path, *freezers)
    assert model.network[1].num_batches_tracked == 4


def test_layers_without_parameters_freeze_with_their_module(tmp_path):
    model = Model()
    model.network[1] = nn.BatchNorm1d(4, affine=False)
    fit(tmp_path, Freezer(modules=["0", "1"], freeze_norm_stats=True), model=model)
    assert model.network[1].num_batches_tracked == 0


def test_freezing_statistics_that_do_not_exist_is_an_error(tmp_path):
    with pytest.raises(FreezerError, match="needs running statistics, which no frozen layer has"):
        fit(tmp_path, Freezer(modules=["0"], freeze_norm_stats=True))


class SaveEveryStep(pl.Callback):
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        trainer.save_checkpoint(Path(trainer.default_root_dir, f"{trainer.global_step}.ckpt"))


@pytest.mark.filterwarnings("ignore:You.re resuming from a checkpoint that ended before the epoch ended")
@pytest.mark.parametrize("stop_after", [1, 2, 3, 4, 5, 6])
def test_resume_goes_on_as_if_it_had_not_been_interrupted(tmp_path, stop_after):
    """Nothing of it was in the checkpoint. Also inside an epoch, where Lightning skips `on_train_epoch_start`."""

    def freezers():
        return Freezer(modules=["0", "2"], until_step=3), Freezer(modules=["0"], until_step=5, until_epoch=2)

    straight, _ = fit(tmp_path, *freezers(), callbacks=[SaveEveryStep()])
    resumed, _ = fit(tmp_path, *freezers(), ckpt_path=tmp_path / f"{stop_after}.ckpt")
    assert resumed.frozen_in_step == straight.frozen_in_step[stop_after:]
    if stop_after % 4 == 0:
        for one, other in zip(straight.parameters(), resumed.parameters(), strict=True):
            assert torch.equal(one, other)


def test_state_says_whether_it_has_released(tmp_path):
    short, long = Freezer(modules=["0"], until_step=3), Freezer(modules=["2"], until_step=30)
    _, fitting = fit(tmp_path, short, long)
    fitting.save_checkpoint(tmp_path / "x.ckpt")
    states = torch.load(tmp_path / "x.ckpt", weights_only=True)["callbacks"]
    assert states[short.state_key] == {"is_released": True}
    assert states[long.state_key] == {"is_released": False}


def test_a_second_fit_goes_on_where_the_first_one_ended(tmp_path):
    model, freezers = Model(), (Freezer(modules=["0"]), Freezer(modules=["2"], until_step=10))
    fitting = trainer(tmp_path, *freezers)
    fitting.fit(model, data(), data())
    fitting.fit_loop.max_epochs = 3
    fitting.fit(model, data(), data())
    both, one = ["0.weight", "0.bias", "2.weight", "2.bias"], ["0.weight", "0.bias"]
    assert model.frozen_in_step == [both] * 10 + [one] * 2


@pytest.mark.parametrize("ends", [{}, {"until_epoch": 5}])
def test_a_freezer_used_again_freezes_another_module_too(tmp_path, ends):
    """As the folds of a cross-validation do: it took the parameters of the first one for those of the second."""
    freezers = [Freezer(modules=["0"], **ends), Freezer(modules=["2"], until_epoch=5)]
    fit(tmp_path, *freezers)
    second = Model()
    second.network[2].bias.requires_grad = False
    fit(tmp_path, *freezers, model=second)
    assert second.frozen_in_step == [["0.weight", "0.bias", "2.weight", "2.bias"]] * 8
    assert freezers[1].held == {"network.2.weight": True, "network.2.bias": False}


def test_evaluation_freezes_nothing(tmp_path):
    model = Model()
    trainer(tmp_path, Freezer(names=["nowhere"])).validate(model, data(), verbose=False)
    assert frozen(model) == []


def test_tied_weights_are_held_and_released_as_one(tmp_path):
    model = Model()
    model.network[2].weight = model.network[0].weight
    fit(tmp_path, Freezer(names=["0.weight", "2.weight"], until_step=2), model=model)
    assert model.frozen_in_step == [["0.weight"]] * 2 + [[]] * 6


def test_a_compiled_network_keeps_the_names_of_its_parts(tmp_path):
    model = Model()
    model.network = torch.compile(model.network, backend="eager")
    fit(tmp_path, Freezer(modules=["0"]), model=model)
    assert model.frozen_in_step[0] == ["_orig_mod.0.weight", "_orig_mod.0.bias"]


class Ranks(Model):
    """Trains on other data on each rank and writes down its parameters."""

    def on_train_end(self):
        parameters = [parameter.tolist() for parameter in self.network.parameters()]
        Path(f"rank{self.global_rank}.json").write_text(json.dumps([parameters, self.frozen_in_step]))


class Thaw(pl.Callback):
    """Freezes a parameter while DDP wraps the model, so that DDP does not know it."""

    def setup(self, trainer, pl_module, stage):
        pl_module.network[0].weight.requires_grad = False

    def on_fit_start(self, trainer, pl_module):
        pl_module.network[0].weight.requires_grad = True


def fit_on_two_ranks(case, model, *callbacks, strategy="ddp"):
    fitting = trainer(".", *callbacks, strategy=strategy, devices=2)
    try:
        fitting.fit(model, data(), data())
        Path(f"rank{fitting.global_rank}.json").rename(f"{case}{fitting.global_rank}.json")
    except FreezerError as error:
        Path(f"{case}{fitting.global_rank}.txt").write_text(str(error))
        fitting.strategy.barrier()


def on_two_ranks():
    fit_on_two_ranks("always", Ranks(), Freezer(modules=["0"]))
    unused = "ddp_find_unused_parameters_true"
    fit_on_two_ranks("release", Ranks(), Freezer(modules=["0"], until_step=2), strategy=unused)
    fit_on_two_ranks("refused", Ranks(), Freezer(modules=["0"], until_step=2))
    fit_on_two_ranks("thawed", Ranks(), Freezer(modules=["0"], until_step=2), Thaw(), strategy=unused)


def ranks(folder, case):
    return [json.loads((folder / f"{case}{rank}.json").read_text()) for rank in range(2)]


def test_plain_ddp_trains_with_parameters_frozen_for_good(two_ranks):
    """Freezer and DDP crashed in step 2."""
    (one, steps), (other, _) = ranks(two_ranks, "always")
    assert one == other
    assert steps == [["0.weight", "0.bias"]] * 4
    assert one[0] == Model().network[0].weight.tolist()
    assert one[4] != Model().network[2].weight.tolist()


def test_parameters_are_equal_on_all_ranks_after_release(two_ranks):
    (one, steps), (other, _) = ranks(two_ranks, "release")
    assert one == other
    assert steps == [["0.weight", "0.bias"]] * 2 + [[]] * 2
    assert one[0] != Model().network[0].weight.tolist()


def test_plain_ddp_refuses_to_release_before_the_first_step(two_ranks):
    """620 lines about parameters that were not used in producing the loss."""
    for rank in range(2):
        assert "ddp_find_unused_parameters_true" in (two_ranks / f"refused{rank}.txt").read_text()
    assert not (two_ranks / "refused0.json").exists()


def test_a_parameter_unknown_to_ddp_is_never_released(two_ranks):
    for rank in range(2):
        message = (two_ranks / f"thawed{rank}.txt").read_text()
        assert "`network.0.weight` was frozen when DDP wrapped the model" in message
    assert not (two_ranks / "thawed0.json").exists()
