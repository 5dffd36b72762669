import numpy as np
import pytest
import torch

from lighter.callbacks.writers.sample_values import count_samples, named_outputs, select, split
from lighter.errors import WriterError


def parts(value, num_samples):
    return list(split(value, num_samples, name="x", where="here"))


@pytest.mark.parametrize("value", [None, 3, 0.5, "text", b"bytes", True, torch.tensor(2.0), np.float32(2)])
def test_a_single_value_counts_for_every_sample(value):
    assert parts(value, 3) == [value] * 3


def test_tensors_and_arrays_are_split_along_dimension_zero():
    assert [part.tolist() for part in parts(torch.arange(6).view(3, 2), 3)] == [[0, 1], [2, 3], [4, 5]]
    assert [part.tolist() for part in parts(np.arange(3), 3)] == [0, 1, 2]
    assert not parts(torch.ones(2, 1, requires_grad=True), 2)[0].requires_grad


def test_mappings_are_split_value_by_value():
    assert parts({"a": torch.tensor([1, 2]), "b": {"c": ["x", "y"]}, "d": None}, 2) == [
        {"a": 1, "b": {"c": "x"}, "d": None},
        {"a": 2, "b": {"c": "y"}, "d": None},
    ]


def test_a_list_has_an_item_per_sample_and_a_tuple_a_value():
    boxes = [torch.rand(n, 4) for n in (2, 2)]  # of two objects each, in a batch of two
    assert all(map(torch.equal, parts(boxes, 2), boxes))
    pair = torch.tensor([1, 2]), torch.tensor([3, 4])
    assert parts(pair, 2) == [(1, 3), (2, 4)]
    assert parts([*pair, torch.tensor([5, 6])], 2) == [(1, 3, 5), (2, 4, 6)]
    assert parts(("a", "b"), 2) == ["a", "b"]


@pytest.mark.parametrize(
    "value", [torch.ones(3), np.ones(1), ["a"], (), {"a": torch.ones(3)}, (torch.ones(2), torch.ones(3), "a"), object()]
)
def test_a_value_without_one_item_a_sample_is_an_error(value):
    with pytest.raises(WriterError, match="must have 2 samples, got") as raised:
        parts(value, 2)
    assert raised.value.where == "here"


@pytest.mark.parametrize(
    ("outputs", "values"),
    [
        ({"batch_size": 5, "pred": torch.ones(9)}, []),
        ({"loss": torch.tensor(1.0), "input": torch.ones(5, 2)}, []),
        ({"input": None, "target": {"a": torch.ones(5)}}, []),
        ({"features": torch.ones(5, 2)}, []),
        ({"loss": torch.tensor(1.0), "identifier": ["a"] * 5}, []),
        ({}, [["a"] * 5]),
    ],
)
def test_the_number_of_samples_is_read_from_the_output(outputs, values):
    assert count_samples(outputs, values, where="here") == 5


def test_output_that_is_no_dict_gets_a_name():
    assert named_outputs(3, "predict") == {"pred": 3}
    assert named_outputs(3, "val") == {"loss": 3}
    assert named_outputs({"a": 3}, "val") == {"a": 3}


def test_a_failing_function_keeps_its_error_and_is_named():
    with pytest.raises(KeyError) as raised:
        select({"pred": 1}, lambda outputs: outputs["nope"], where="CsvWriter")
    assert "CsvWriter" in raised.value.__notes__[0]
