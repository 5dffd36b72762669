import pytest

from lighter import AdapterError
from lighter.adapters import BatchAdapter, CriterionAdapter, LoggingAdapter, MetricsAdapter


@pytest.mark.parametrize(
    ("adapter", "batch", "taken"),
    [
        (BatchAdapter(0), ("x", "y"), ("x", None, None)),
        (BatchAdapter(0, 1), ["x", "y"], ("x", "y", None)),
        (BatchAdapter("image", "label", "id"), {"image": "x", "label": "y", "id": "a"}, ("x", "y", "a")),
        (BatchAdapter(lambda batch: batch, lambda batch: batch * 2), 3, (3, 6, None)),
        (BatchAdapter(-1, -2), ("x", "y"), ("y", "x", None)),
    ],
)
def test_batch_adapter_takes_by_index_key_or_callable(adapter, batch, taken):
    assert adapter(batch) == taken


@pytest.mark.parametrize("arguments", [{"input_accessor": None}, {"input_accessor": 0, "target_accessor": 1.5}])
def test_an_invalid_accessor_is_an_error_at_construction(arguments):
    with pytest.raises(AdapterError, match="an index, a key or a callable, got"):
        BatchAdapter(**arguments)


def test_a_batch_without_the_item_names_the_nearest_key():
    with pytest.raises(AdapterError) as raised:
        BatchAdapter("image", "labels")({"image": 1, "label": 2})
    assert raised.value.nearest == ("label",)
    with pytest.raises(AdapterError, match=r"1 does not exist in the batch, a list of 1"):
        BatchAdapter(0, 1)([1])


@pytest.mark.parametrize("adapter_class", [CriterionAdapter, MetricsAdapter])
def test_an_int_is_a_position_and_a_string_a_keyword(adapter_class):
    adapter = adapter_class(input_argument=1, target_argument="y", pred_argument=0, target_transforms=[float, str])
    assert adapter(lambda *args, **kwargs: (args, kwargs), input=1, target=2, pred=3) == ((3, 1), {"y": "2.0"})


@pytest.mark.parametrize("adapter_class", [CriterionAdapter, MetricsAdapter])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "passes no argument"),
        ({"pred_argument": 1}, "has a gap in its positions"),
        ({"pred_argument": 0, "target_argument": 2}, "has a gap in its positions"),
        ({"pred_argument": 0, "target_argument": 0}, "two values as one argument"),
        ({"pred_argument": "x", "target_argument": "x"}, "two values as one argument"),
        ({"pred_argument": True}, "a position, a keyword or None, got True"),
        ({"pred_argument": 0, "target_transforms": float}, "need `target_argument`"),
        ({"pred_argument": 0, "pred_transforms": [float, 3]}, "a callable, or a list of callables"),
    ],
)
def test_invalid_arguments_are_errors_at_construction(adapter_class, arguments, message):
    with pytest.raises(AdapterError, match=message):
        adapter_class(**arguments)


def test_logging_adapter_calls_transforms_in_turn():
    assert LoggingAdapter(input_transforms=abs, pred_transforms=[abs, str])(-1, -2, -3) == (1, -2, "3")
    with pytest.raises(AdapterError, match="`pred_transforms` must be callables, got 3"):
        LoggingAdapter(pred_transforms=3)
