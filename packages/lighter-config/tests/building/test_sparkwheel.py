"""What `_sparkwheel.py` relies on, so that another version of Sparkwheel fails here and not in a training."""

import functools
import inspect

import pytest
import sparkwheel

from lighter_config.building._sparkwheel import call


def record(*arguments, **keywords):
    return arguments, keywords


def test_version_is_the_pinned_one():
    assert sparkwheel.__version__ == "0.0.11"


def test_component_takes_a_callable_as_target_and_calls_it():
    assert call(record, [1, None], {"x": None, "y": [2]}, "default") == ((1, None), {"x": None, "y": [2]})


def test_callable_mode_gives_the_callable_or_a_partial():
    assert call(record, [], {}, "callable") is record
    partial = call(record, [1], {"x": 2}, "callable")
    assert isinstance(partial, functools.partial)
    assert partial() == ((1,), {"x": 2})


def test_none_is_passed_on():
    assert call(lambda: None, [], {}, "default") is None


@pytest.mark.parametrize("kind", [ValueError, TypeError, KeyError, sparkwheel.InstantiationError, RuntimeError])
def test_exception_comes_out_as_it_was_raised(kind):
    original = kind("mine")

    def fail():
        raise original

    with pytest.raises(kind) as caught:
        call(fail, [], {}, "default")
    assert caught.value is original
    assert caught.value.__context__ is None


def test_keys_that_are_not_arguments_are_the_ones_we_take_out():
    assert sparkwheel.Component.non_arg_keys == {"_target_", "_args_", "_mode_", "_disabled_"}
    assert list(inspect.signature(sparkwheel.Component.instantiate).parameters) == ["self", "kwargs"]
