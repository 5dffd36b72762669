from types import SimpleNamespace

import pytest
import torch

from lighter.errors import BatchSizeError
from lighter.logging.step_output import batch_size_of, loss_terms

x = torch.ones(5, 2)


@pytest.mark.parametrize(
    ("outputs", "batch", "size"),
    [
        ({"batch_size": 3, "pred": x}, x, 3),
        ({"input": x}, None, 5),
        ({"input": {"ids": x}, "target": torch.ones(4)}, None, 4),
        ({"pred": x, "target": torch.ones(())}, None, 5),
        ({"input": [x, x, x], "target": [1, 2, 3]}, None, 3),
        ({"input": [x, x], "target": [x[:, 0], x[:, 1]], "pred": [x, x]}, [x, x, x[:, 0], x[:, 1]], 5),  # two heads
        ({"target": [x[:, 0], x[:, 1]], "pred": (x, x)}, {"a": x, "b": x[:, 0], "c": x[:, 1]}, 5),
        (
            {"input": [x, x], "target": [x[:, 0], x[:, 1]], "pred": [x, x]},
            ([x, x], [x[:, 0], x[:, 1]]),
            2,
        ),  # two samples
        ({}, x, 5),
        ({}, [x, torch.ones(9)], 5),
        ({}, (["a", "b"], x), 2),
        ({}, ["a", "b", "c"], 3),
        ({}, {"input": x}, 5),
        ({}, SimpleNamespace(num_graphs=6), 6),
        ({}, ({"input": x}, None), 5),
    ],
)
def test_samples_are_counted_by_the_first_rule_that_fits(outputs, batch, size):
    assert batch_size_of(outputs, batch, "Module.step") == size


@pytest.mark.parametrize("batch", [[[x, x], None], {"image": x}, 3, [], torch.ones(()), [[]]])
def test_a_batch_that_does_not_show_its_size_is_an_error(batch):
    with pytest.raises(BatchSizeError, match=r"Module\.step"):
        batch_size_of({}, batch, "Module.step")


def test_a_batch_size_that_is_not_a_count_is_an_error():
    with pytest.raises(BatchSizeError, match="-1"):
        batch_size_of({"batch_size": -1}, x, "Module.step")


def test_terms_are_named_by_what_follows_loss():
    terms = loss_terms({"loss": {"total": torch.ones(1), "kl": 0.5}}, "Module.step")
    assert {name: value.item() for name, value in terms.items()} == {"": 1.0, "/total": 1.0, "/kl": 0.5}
    assert loss_terms({"pred": x}, "Module.step") == {}
