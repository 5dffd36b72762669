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
    running._total, running._lost = torch.zeros(()), torch.zeros(())  # as on MPS
    plain = torch.zeros(())
    for value in values:
        running.add(value, 1)
        plain += value
    exact = math.fsum(values.tolist())
    assert running.total() == pytest.approx(exact, rel=1.2e-7)
    assert abs(float(plain) - exact) > 5 * abs(running.total() - exact)


def test_sum_keeps_no_graph():
    running = RunningSum()
    running.add(torch.ones((), requires_grad=True) * 2, 1)
    assert not running._total.requires_grad
