import inspect

import pytest
import torch
from torch import nn

from lighter import OptimizerError
from lighter.optimizers import groups


class Transformer(nn.Module):
    """A token, an embedding tied to the head, two blocks with norms, and biases under several names."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 4))
        self.embedding = nn.Embedding(8, 4)
        self.blocks = nn.Sequential(*[nn.ModuleDict({"norm": nn.LayerNorm(4), "fc": nn.Linear(4, 4)}) for _ in "ab"])
        self.attention = nn.MultiheadAttention(4, 1)
        self.head = nn.Linear(4, 8)
        self.head.weight = self.embedding.weight


LAYERS = [["token", "embedding"], "blocks", "attention", "head"]
NAMES = {
    "norms": ["blocks.0.norm.weight", "blocks.0.norm.bias", "blocks.1.norm.weight", "blocks.1.norm.bias"],
    "biases": [
        *("blocks.0.norm.bias", "blocks.0.fc.bias", "blocks.1.norm.bias", "blocks.1.fc.bias"),
        *("attention.in_proj_bias", "attention.out_proj.bias", "head.bias"),
    ],
}
NAMES["vectors"] = sorted({*NAMES["norms"], *NAMES["biases"]})


def named(network, made):
    """The names of the parameters of each group; each parameter is in exactly one."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    assert sorted(names[one] for group in made for one in group["params"]) == sorted(names.values())
    return {group["name"]: [names[one] for one in group["params"]] for group in made}


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (
            {"modules": ["blocks.0"]},
            ["blocks.0.norm.weight", "blocks.0.norm.bias", "blocks.0.fc.weight", "blocks.0.fc.bias"],
        ),
        ({"modules": "network.head"}, ["embedding.weight", "head.bias"]),
        ({"names": ["model.token"]}, ["token"]),
        ({"name_starts_with": "blocks.1.n"}, ["blocks.1.norm.weight", "blocks.1.norm.bias"]),
        ({"modules": ["head"], "except_names": ["head.weight"]}, ["head.bias"]),
        ({"types": "norms"}, NAMES["norms"]),
        ({"types": ["biases"]}, NAMES["biases"]),
        ({"types": ["vectors"]}, NAMES["vectors"]),
        (
            {"types": "matrices", "except_name_starts_with": ["attention", "blocks.0"]},
            ["embedding.weight", "blocks.1.fc.weight"],
        ),
        ({"types": ["norms", "Embedding"]}, ["embedding.weight", *NAMES["norms"]]),
        ({"types": ["norms"], "except_name_starts_with": ["blocks.0"]}, NAMES["norms"][2:]),
        ({"types": ["norms"], "names": ["token"]}, ["token", *NAMES["norms"]]),
    ],
)
def test_a_group_has_what_it_selects_and_default_the_rest(selection, expected):
    network = Transformer()
    made = groups(network, {"chosen": {**selection, "lr": 0.5, "betas": (0.8, 0.9)}})
    found = named(network, made)
    assert sorted(found["chosen"]) == sorted(expected)
    assert list(found) == ["chosen", "default"]
    assert [{key: one for key, one in group.items() if key != "params"} for group in made] == [
        {"name": "chosen", "lr": 0.5, "betas": (0.8, 0.9)},
        {"name": "default"},
    ]


def test_no_weight_decay_divides_each_group_in_two():
    network = Transformer()
    made = groups(
        network,
        {"blocks": {"modules": "blocks", "lr": 0.5, "weight_decay": 0.2}},
        no_weight_decay={"types": ["norms", "biases"], "names": "token"},
    )
    assert [(one["name"], len(one["params"]), one.get("lr"), one.get("weight_decay")) for one in made] == [
        ("blocks", 2, 0.5, 0.2),
        ("blocks_no_weight_decay", 6, 0.5, 0.0),
        ("default", 3, None, None),
        ("default_no_weight_decay", 4, None, 0.0),
    ]
    assert named(network, made)["default"] == [
        "embedding.weight",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
    ]


def test_layer_decay_scales_rates_from_output_to_input():
    network = Transformer()
    made = groups(network, {"norms": {"types": "norms", "lr": 1.0}}, lr=0.8, layer_decay=0.5, layers=LAYERS)
    assert {one["name"]: one["lr"] for one in made} == {
        "norms_layer_1": 0.125,
        "norms_layer_2": 0.25,
        "layer_0": 0.05,
        "layer_1": 0.1,
        "layer_2": 0.2,
        "layer_3": 0.4,
        "layer_4": 0.8,
    }
    found = named(network, made)
    assert found["layer_0"] == ["token", "embedding.weight"]  # the head's weight, tied, belongs to its first layer
    assert found["layer_4"] == ["head.bias"]


def test_layer_decay_is_that_of_timm():
    timm = pytest.importorskip("timm", reason="timm is not installed: its layer-wise decay cannot be compared")
    from timm.optim import param_groups_layer_decay

    network = timm.create_model("vit_tiny_patch16_224", depth=3, num_classes=5)
    layers = [["cls_token", "pos_embed", "patch_embed"], "blocks.0", "blocks.1", ["blocks.2", "norm"], "head"]
    exempt = {"types": ["vectors"], "names": ["cls_token", "pos_embed"]}
    made = groups(network, lr=0.1, layer_decay=0.75, layers=layers, no_weight_decay=exempt)
    expected = param_groups_layer_decay(network, 0.05, network.no_weight_decay(), layer_decay=0.75)
    theirs = {one: (0.1 * group["lr_scale"], group["weight_decay"]) for group in expected for one in group["params"]}
    ours = {one: (group["lr"], group.get("weight_decay", 0.05)) for group in made for one in group["params"]}
    assert len(made) == len(expected) == 10
    assert ours == {one: (pytest.approx(rate, rel=1e-15), decay) for one, (rate, decay) in theirs.items()}


def test_a_compiled_network_has_the_names_of_its_own():
    network = Transformer()
    made = groups(
        torch.compile(network, backend="eager"), {"head": {"modules": "head"}}, no_weight_decay={"types": "norms"}
    )
    assert [(one["name"], len(one["params"])) for one in made] == [
        ("head", 2),
        ("default", 9),
        ("default_no_weight_decay", 4),
    ]
    assert {id(one) for group in made for one in group["params"]} == {id(one) for one in network.parameters()}


def test_frozen_parameters_stay_in_their_groups():
    network = Transformer()
    network.head.requires_grad_(False)
    assert len(groups(network, {"head": {"modules": "head"}})[0]["params"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message", "nearest"),
    [
        ({"groups": {"a": {"modules": "blocs"}}}, "'blocs' in `modules` does not exist", "blocks"),
        ({"groups": {"a": {"names": "head.wieght"}}}, "'head.wieght' in `names` does not exist", "head.weight"),
        ({"groups": {"a": {"types": ["norm"]}}}, "'norm' in `types` matches no parameter", "norms"),
        ({"groups": {"a": {"types": "Embeding"}}}, "'Embeding' in `types` matches no parameter", "Embedding"),
        ({"groups": {"a": {"types": "Sequential"}}}, "'Sequential' in `types` matches no parameter", "Sequential"),
        ({"groups": {"a": {"module": "head"}}}, r"unknown key 'module' in `groups\['a'\]`", "modules"),
        ({"groups": {"a": {"lr": 1}}}, r"groups\['a'\] needs parameters to train, which are missing", None),
        ({"groups": {"a": {"modules": 1}}}, "`modules` must be names, got 1", None),
        ({"groups": {"a": {"types": 1}}}, "`types` must be names, got 1", None),
        (
            {"groups": {"a": {"types": "norms", "except_name_starts_with": "blocks"}}},
            "nothing is left to train: all selected parameters are exceptions",
            None,
        ),
        ({"groups": {"a": "head"}}, r"`groups\['a'\]` must be a mapping, got 'head'", None),
        ({"groups": ["head"]}, "`groups` must be a mapping of groups by name, got a list", None),
        ({"groups": {"a": {"modules": "head", "params": []}}}, "cannot have `params`", None),
        ({"groups": {"default": {"modules": "head"}}}, "the group 'default' leaves out 'token'", None),
        ({}, "`groups` has nothing to divide the parameters by", None),
        ({"no_weight_decay": {"types": "norms", "lr": 1}}, "unknown key 'lr' in `no_weight_decay`", None),
        ({"layer_decay": 0.5}, "`layer_decay` and `layers` belong together", None),
        ({"layer_decay": 1.5, "layers": LAYERS, "lr": 1}, r"`layer_decay` must be in \(0, 1\], got 1.5", None),
        ({"layer_decay": 0.5, "layers": LAYERS}, "`layer_decay` needs `lr`", None),
        ({"layer_decay": 0.5, "layers": LAYERS[1:], "lr": 1}, "'token' is in none of the `layers`", None),
        ({"layer_decay": 0.5, "layers": [*LAYERS, "haed"], "lr": 1}, "'haed' in `layers` does not exist", "head"),
    ],
)
def test_what_cannot_be_divided_is_an_error(arguments, message, nearest):
    with pytest.raises(OptimizerError, match=message) as raised:
        groups(Transformer(), **arguments)
    assert nearest is None or nearest in raised.value.nearest


@pytest.mark.parametrize("second", [{"types": "norms"}, {"modules": "head"}])
def test_a_parameter_that_two_groups_claim_is_an_error(second):
    first = {"modules": ["blocks", "embedding"]}
    with pytest.raises(OptimizerError, match=r"two groups claim '.*': 'first' and 'second'") as raised:
        groups(Transformer(), {"first": first, "second": second})
    assert "no_weight_decay" in raised.value.fix


def test_something_other_than_a_network_is_an_error():
    with pytest.raises(OptimizerError, match=r"`network` must be a torch\.nn.Module, got"):
        groups(Transformer().parameters(), {"a": {"modules": "head"}})


def test_no_option_of_an_optimizer_looks_like_a_selection():
    """Such an option would be an error in `groups`."""
    optimizers = [getattr(torch.optim, name) for name in torch.optim.__all__]
    optimizers = [one for one in optimizers if isinstance(one, type) and issubclass(one, torch.optim.Optimizer)]
    options = {option for one in optimizers for option in inspect.signature(one).parameters} - {"params", "defaults"}
    assert {"lr", "weight_decay", "betas", "momentum"} <= options
    groups(Transformer(), {"head": {"modules": "head", **dict.fromkeys(options)}})
