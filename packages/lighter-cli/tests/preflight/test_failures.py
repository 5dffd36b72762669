"""What torch says of common mistakes still leads to the advice for them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import default_collate

from lighter_cli.preflight.failures import _FIXES, _fix

FLOAT = "convert the input with .float(), or give trainer::precision another value"
CLASSES = "give the network more outputs, or correct the labels"


def of_doubles(layer: nn.Module, *shape: int) -> Any:
    return layer(torch.ones(shape, dtype=torch.float64))


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "features": (lambda: nn.Linear(3, 2)(torch.ones(5, 4)), "let the layer take as many features as it gets"),
    "channels": (lambda: nn.Conv2d(3, 2, 3)(torch.ones(1, 1, 8, 8)), "let the layer take as many channels as it gets"),
    "sizes": (
        lambda: default_collate([torch.ones(2), torch.ones(3)]),
        "give samples one size, by a transform or a collate_fn",
    ),
    "a dtype in a linear layer": (lambda: of_doubles(nn.Linear(3, 2), 5, 3), FLOAT),
    "a dtype in a convolution": (lambda: of_doubles(nn.Conv2d(3, 2, 3), 1, 3, 8, 8), FLOAT),
    "a dtype in a product": (lambda: torch.ones(2, 3) @ torch.ones(3, 2, dtype=torch.float64), FLOAT),
    "a dtype in products": (lambda: torch.ones(2, 2, 3) @ torch.ones(2, 3, 2, dtype=torch.float64), FLOAT),
    "classes": (lambda: functional.cross_entropy(torch.ones(2, 3), torch.tensor([1, 7])), CLASSES),
    "another network": (
        lambda: nn.Linear(3, 2).load_state_dict(nn.Linear(4, 2).state_dict()),
        "build the same network in every stage",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_that_torch_reports_has_its_own_advice(name: str) -> None:
    mistake, advice = MISTAKES[name]
    with pytest.raises((RuntimeError, IndexError)) as caught:
        mistake()
    assert _fix(caught.value, "system::model", "", ()) == f"{advice}: system::model"


def test_each_advice_is_for_what_torch_says_today() -> None:
    """One of them is only said where there are two kinds of devices."""
    said = {advice for _, advice in MISTAKES.values()}
    assert set(_FIXES.values()) - said == {"move it with the module: register it as a buffer or submodule"}
