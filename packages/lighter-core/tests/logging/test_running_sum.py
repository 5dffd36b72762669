import math

import pytest
import torch

from lighter.logging.running_sum import RunningSum


def test_sum_of_many_float32_values_is_that_in_float64():
    values = torch.rand(5000, generator=torch.Generator().manual_seed(0))
    running = RunningSum()
    for value in values:
        running.add(value, 3)
    assert running.count == 15000
    assert running.total() == pytest.approx(3 * math.fsum(values.tolist()), rel=1e-14)


def test_a_compensated_sum_is_exact_without_float64(monkeypatch):
    values = torch.rand(5000, generator=torch.Generator().manual_seed(0))
    running = RunningSum()
    running._on_device, running._lost = torch.zeros(()), torch.zeros(())  # as on MPS
    plain = torch.zeros(())
    for value in values:
        running._add_on_device(value, 1)
        plain += value
    exact = math.fsum(values.tolist())
    assert running.total() == pytest.approx(exact, rel=1.2e-7)
    assert abs(float(plain) - exact) > 5 * abs(running.total() - exact)


def test_sum_on_a_device_starts_where_a_checkpoint_ended():
    values = torch.rand(5000, generator=torch.Generator().manual_seed(0))
    running = RunningSum(7.5, 2)
    running._on_device = running._start_on(torch.device("cpu"))  # as on a device
    for value in values:
        running._add_on_device(value, 3)
    assert running.total() == pytest.approx(7.5 + 3 * math.fsum(values.tolist()), rel=1e-14)


@pytest.mark.parametrize("name", ["add", "_add_on_device"])
def test_sum_is_nan_where_it_is_once_a_value_was(name):
    running = RunningSum()
    for value in (1.0, float("nan"), 2.0):
        getattr(running, name)(torch.tensor(value, requires_grad=True) * 2, 1)
    assert running.on_device().isnan()
    assert not running.on_device().requires_grad
